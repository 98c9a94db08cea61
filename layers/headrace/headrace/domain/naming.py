"""Names as files have them, and as Redshift takes them without quotes."""

from __future__ import annotations

import re


def plain_name(name: str) -> str:
    """The name in lower case letters, digits and underscores, a letter first."""
    snake = re.sub("([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    fixed = re.sub("[^a-z0-9]+", "_", snake).strip("_") or "name"
    return fixed if fixed[0].isalpha() else f"c_{fixed}"
