"""Other people's errors in a sentence of ours."""

from __future__ import annotations


def plain(error: Exception) -> str:
    """What a server or a library said, in one line, without the system's number for it."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else error
    return " ".join(str(said).split()) or type(error).__name__
