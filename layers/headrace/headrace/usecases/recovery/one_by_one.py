"""Work on many datasets of which one may be broken: the others have theirs, and the function fails in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.errors import HeadraceError, TransientError, place_of
from headrace.observability import logger

LISTED = 20
"""How many are named."""


class BrokenError(HeadraceError):
    """Some could not be worked on. It says which, and where it broke: the words may quote a row."""


class OneByOne:
    """Remembers what broke, so that the work on all others goes on."""

    def __init__(self) -> None:
        self._broken: dict[str, str] = {}
        self._passes = True

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Work on one dataset, or lane, or the like. An error of it is kept for the end."""
        try:
            yield
        except Exception as error:
            self._broken[what] = str(error) if isinstance(error, BrokenError) else _said(error)
            self._passes = self._passes and isinstance(error, TransientError)
            logger.exception("it is left out, the others go on", extra={"what": what})

    def end(self) -> None:
        """Raises BrokenError if there was any error; TransientError if all of them may pass."""
        if not self._broken:
            return
        listed = [f"{what} ({why})" for what, why in list(self._broken.items())[:LISTED]]
        listed += [f"{len(self._broken) - LISTED:,} more"] if len(self._broken) > LISTED else []
        raise (TransientError if self._passes else BrokenError)(f"left out: {', '.join(listed)}")


def _said(error: Exception) -> str:
    return f"{type(error).__name__} at {place_of(error)[-1]}"
