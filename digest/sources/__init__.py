"""COLLECT. Sources give stories; identity makes articles of them, each one once."""
