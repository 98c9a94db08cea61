"""XML whose rows are elements."""
