"""Names and values of samples as they stand in comments and questions, which have one line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.domain.files.names import printable
from headrace.domain.writing import BLANKS

FEW = 8
"""Columns that are named."""


def shown(text: str) -> str:
    """A value in quotes, every kind of blank in it as a blank."""
    return f"'{printable(re.sub(f'[{BLANKS}]', ' ', text))}'"


def shown_name(name: str) -> str:
    """A column's name."""
    return name if name.isprintable() else repr(name)


def listed(names: Sequence[str]) -> str:
    """A few columns by name."""
    return ", ".join(map(shown_name, names[:FEW])) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")
