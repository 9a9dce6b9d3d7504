"""WHO WORKS HERE. People and their sessions, API tokens, and the record of what was done."""
