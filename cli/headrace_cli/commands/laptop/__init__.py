"""What sets a laptop or a stack up, shows it and takes it down."""
