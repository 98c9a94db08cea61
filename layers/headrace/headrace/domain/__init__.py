"""Declarations and decisions: pure, without imports from outside."""
