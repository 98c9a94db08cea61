"""Parquet parts and quarantine."""
