"""How long-running work reports what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the stage that is going on, and with what in it happens just now."""

    def __call__(self, stage: str, detail: str = "") -> None:
        """Show it; must return at once."""


def silent(stage: str, detail: str = "") -> None:
    """Progress that nobody looks at."""
    del stage, detail
