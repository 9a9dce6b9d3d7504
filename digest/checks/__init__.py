"""CHECK: what could be wrong with an edition, found before anybody gets it."""
