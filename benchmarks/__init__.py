"""Commands that print tables of what was measured; nothing is asserted."""
