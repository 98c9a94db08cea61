"""Commands that repair."""
