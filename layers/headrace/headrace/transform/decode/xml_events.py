"""XML as events, in bounded memory. No document type is read, so that no entity grows and none names another file.

Python's own parser is expat (https://docs.python.org/3/library/xml.html#xml-security): it streams, and since 2.4.1
refuses entities that grow; without document types there are none at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from headrace.transform.outcome import FileRejected, Limits

PIECE = 64 << 10
DEEPEST = 100
"""Levels of elements within elements."""
Read = Callable[[int], bytes]


class XmlEvents:
    """Calls back for each element that begins or ends, by its name without its namespace, and for text in between."""

    def __init__(
        self,
        begins: Callable[[str, dict[str, str]], None],
        ends: Callable[[str], None],
        text: Callable[[str], None],
        limits: Limits,
        place: str,
    ) -> None:
        """`place` is what is read, in messages."""
        self._begins, self._ends = begins, ends
        self._longest = limits.line
        self._place = place
        self._depth = self._fed = 0
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse_type

    def feed(self, piece: bytes) -> None:
        """Takes the next piece, none at the end. Raises FileRejected for what is no XML, or not read here."""
        try:
            self._parser.Parse(piece, not piece)
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            raise FileRejected("xml", f"{self._place} is no XML: {why} (line {error.lineno:,})") from error
        except (LookupError, ValueError) as error:  # of an encoding
            raise FileRejected("xml", f"{self._place} is XML that cannot be read: {error}") from error
        self._fed += len(piece)
        if self._fed - self._parser.CurrentByteIndex > self._longest:
            raise FileRejected("line_too_long", f"{self._place} has a mark of more than {self._longest:,} bytes")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FileRejected("xml", f"{self._place} has elements in more than {DEEPEST} others")
        self._begins(name.rpartition(" ")[2], attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._ends(name.rpartition(" ")[2])

    def _refuse_type(self, *_: Any) -> None:
        raise FileRejected(
            "xml", f"{self._place} has a document type, which may make it grow without end: leave it out"
        )


def feed_all(events: XmlEvents, read: Read) -> None:
    """Feeds all that there is to read."""
    while piece := read(PIECE):
        events.feed(piece)
    events.feed(b"")
