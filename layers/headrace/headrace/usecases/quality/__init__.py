"""Measures and judges figures, and holds batches."""
