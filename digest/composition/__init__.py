"""WRITE. One letter composed once for an edition, then spliced for each reader."""
