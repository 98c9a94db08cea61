"""From landed bytes to blocks of text."""
