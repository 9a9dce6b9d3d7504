"""The pages readers see: subscribe, confirm, leave, read online. A door: it holds no rules."""
