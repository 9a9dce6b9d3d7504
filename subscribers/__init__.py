"""WHO, AND WHY WE MAY. Readers, their subscriptions, their consent, and who is never mailed."""
