"""What functions and commands do; they reach the outside only through `ports`."""
