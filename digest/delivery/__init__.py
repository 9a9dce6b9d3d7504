"""SEND. Every reader gets the edition once: planned before the first byte leaves."""
