"""What Redshift's expressions mean, in DuckDB's SQL."""
