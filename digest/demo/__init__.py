"""The demo: a newspaper of our own making, its readers, and an inbox to see what they got."""
