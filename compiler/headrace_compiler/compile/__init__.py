"""Checks and compiles a contract, piece by piece."""
