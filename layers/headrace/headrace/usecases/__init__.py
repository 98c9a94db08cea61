"""What functions and commands do, seeing the world through `ports`."""
