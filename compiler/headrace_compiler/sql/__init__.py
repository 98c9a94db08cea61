"""SQL generated from compiled contracts."""
