"""Which stack the global options mean."""

from __future__ import annotations

from dataclasses import dataclass

STACK = "headrace"
"""The stack that is meant when none is named."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The global options as they were given."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    stack: str | None = None
