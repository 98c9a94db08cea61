"""What the laptop's HTTP endpoint answers, and to whom."""
