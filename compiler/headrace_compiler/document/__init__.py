"""A contract as it is written: its YAML, its shape, its names, its mistakes."""
