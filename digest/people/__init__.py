"""WHO WORKS HERE. API tokens, what they may do, and the record of what was done."""
