"""Redshift's SQL, read."""
