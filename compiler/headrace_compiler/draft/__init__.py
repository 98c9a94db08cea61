"""Drafts a contract from samples."""
