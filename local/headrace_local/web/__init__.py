"""What the laptop's address answers, and to whom."""
