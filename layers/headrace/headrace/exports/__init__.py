"""Rows of the warehouse as files in accounts' buckets."""
