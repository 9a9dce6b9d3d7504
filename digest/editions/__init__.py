"""CHOOSE. Which stories make the next edition of a newsletter, and why each one is in or out."""
