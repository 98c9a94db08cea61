"""A function's settings, from its environment. Read when asked for, never at import."""

from __future__ import annotations

import os

from headrace.errors import MissingSetting


def setting(name: str) -> str:
    """The environment variable `name`. Raises MissingSetting when it is absent; an empty value is a value."""
    try:
        return os.environ[name]
    except KeyError:
        raise MissingSetting(name) from None


def function_memory() -> int | None:
    """The bytes of memory that the function may take; None outside of Lambda."""
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return int(megabytes) << 20 if megabytes else None
