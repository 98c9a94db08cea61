"""Commands that show a state and change nothing."""
