"""What became of a file, and of an execution."""
