"""Repairs, finds what was lost, and erases."""
