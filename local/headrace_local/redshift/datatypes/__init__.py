"""Types of columns, values and results."""
