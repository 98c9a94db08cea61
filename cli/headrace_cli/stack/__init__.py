"""The stack that a command works against."""
