"""Jobs for several machines: hints on PostgreSQL that wake senders; the truth stays the ledger."""
