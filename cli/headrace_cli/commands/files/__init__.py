"""Commands that work on files and contracts."""
