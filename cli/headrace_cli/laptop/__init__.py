"""The laptop as the commands see it."""
