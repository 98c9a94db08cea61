"""A contract as written: its YAML, structure, names and errors."""
