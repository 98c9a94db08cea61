"""SQL made from compiled contracts."""
