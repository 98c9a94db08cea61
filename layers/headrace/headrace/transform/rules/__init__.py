"""What the contract demands of values, rows and columns."""
