"""A run, and the SQL that it makes."""
