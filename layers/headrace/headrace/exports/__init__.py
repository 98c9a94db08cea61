"""Exports warehouse rows to S3, one file per account and category."""
