"""Runs of exports: their progress, their results, and their verification."""
