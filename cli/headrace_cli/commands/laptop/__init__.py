"""Commands that start, deploy to, demonstrate and stop a laptop."""
