"""What a function is told by its environment. Read when asked for, never at import."""

from __future__ import annotations

import os

from headrace.errors import MissingSetting


def setting(name: str) -> str:
    """The environment variable `name`. Raises MissingSetting when it is absent; an empty value is a value."""
    try:
        return os.environ[name]
    except KeyError:
        raise MissingSetting(name) from None
