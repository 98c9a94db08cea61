"""Texts that others wrote: messages, events, inputs of executions."""

from __future__ import annotations

NOT_AS_EXPECTED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading such a text raises where it is not what it should be: no JSON, other fields, a number without measure,
a time beyond the calendar, brackets by the thousand."""
