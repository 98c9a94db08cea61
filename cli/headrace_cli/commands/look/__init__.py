"""What shows a state and changes nothing."""
