"""What the contract requires of values, rows and columns."""
