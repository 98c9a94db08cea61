"""Runs of exports: what they gave, and whether it is right."""
