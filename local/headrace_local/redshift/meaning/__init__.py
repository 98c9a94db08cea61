"""Translates Redshift's expressions into DuckDB's SQL."""
