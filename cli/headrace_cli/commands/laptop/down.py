"""`headrace down`: stop the laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_cli.laptop import laptop
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.stack.home import laptop_home

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def down(as_json: Json = False) -> None:
    """Stop the laptop and remove everything it kept: no process, port or file stays behind.

    Example: `headrace down`
    """
    emit(collect(), render, as_json=as_json)


def collect() -> Document:
    """`{"stopped", "home"}`: whether there was one."""
    home = laptop_home()
    return {"stopped": laptop.stop(), "home": str(home)}


def render(document: Document) -> ConsoleRenderable:
    """Done, or nothing to do."""
    said = "The laptop is stopped and removed." if document["stopped"] else "No laptop runs here."
    return lines(f"{said} ({document['home']})")
