"""What a contract says, checked and compiled piece by piece."""
