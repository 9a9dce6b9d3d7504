"""TELL. Everything that is mail but no edition, written in the transaction of its cause."""
