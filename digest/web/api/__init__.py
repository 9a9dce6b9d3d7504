"""The JSON API for readers, mounted at /api/v1. Only the web process loads it, and FastAPI."""
