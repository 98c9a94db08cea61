"""What became of a file, of an execution."""
