"""THE DESK. Where editors look at what goes out, and decide about it."""
