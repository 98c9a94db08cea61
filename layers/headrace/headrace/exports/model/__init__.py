"""A run and its SQL."""
