"""The stack that a command speaks to."""
