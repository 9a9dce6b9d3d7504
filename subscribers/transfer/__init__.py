"""Bring readers in from other programs' files, and give them out again."""
