"""Parses Redshift's SQL."""
