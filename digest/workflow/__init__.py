"""DECIDE. The life of an edition across rooms: drafted, told, approved or held, sent, skipped."""
