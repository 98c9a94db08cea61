"""The steps of a poll."""
