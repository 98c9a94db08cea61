"""Drift in words: what a file brings beyond its contract, and what to add to the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def drift_text(drift: dict[str, Any]) -> list[ConsoleRenderable]:
    """Fields that the contract does not know, and the properties that would take them in."""
    others = [f"{number} whose names may be values of rows"] if (number := drift.get("others", 0)) else []
    named = ", ".join([*(column["name"] for column in drift["columns"]), *others])
    title = f"Drift: the contract does not know {named}."
    if not drift["yaml"]:
        return [Text(f"{title} No property can take them in: their fields need names in the file.", style="yellow")]
    return [Text(f"{title} To take them in, add to its properties:", style="yellow"), Text(drift["yaml"].rstrip())]
