"""Pure. The made-up news that sample letters tell, in every language that comes with us."""
