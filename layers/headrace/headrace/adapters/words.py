"""Other people's errors in a sentence of ours."""

from __future__ import annotations

from headrace.domain.bounds import cut

LONGEST = 500
"""Bytes of it: an answer of FTP may have a megabyte."""


def plain(error: Exception) -> str:
    """What a server or a library said, in one line, without the system's number for it."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else error
    return cut(" ".join(str(said).split()), LONGEST) or type(error).__name__
