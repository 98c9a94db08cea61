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
LONGEST_NAME, MOST_NAMES = 500, 10_000
"""Characters of a name with its namespace and prefix, and names of a file: the parser keeps each until the end."""
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
        self._names: set[str] = set()
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.namespace_prefixes = True
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = text
        parser.StartNamespaceDeclHandler = self._declare
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
        for each in (name, *attributes):
            if each not in self._names:
                self._know(each)
        if any(key.count(" ") > 1 for key in attributes):
            attributes = {key if key.count(" ") < 2 else key.rpartition(" ")[0]: attributes[key] for key in attributes}
        self._begins(_local(name), attributes)

    def _declare(self, prefix: str | None, space: str) -> None:
        declared = f"xmlns {prefix} {space}"
        if declared not in self._names:
            self._know(declared)

    def _know(self, name: str) -> None:
        """Raises FileRejected for a name that is too long, or one too many."""
        self._names.add(name)
        if len(name) > LONGEST_NAME:
            raise FileRejected("xml", f"{self._place} has a name of more than {LONGEST_NAME:,} characters")
        if len(self._names) > MOST_NAMES:
            raise FileRejected("xml", f"{self._place} has more than {MOST_NAMES:,} names of elements and attributes")

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._ends(_local(name))

    def _refuse_type(self, *_: Any) -> None:
        raise FileRejected(
            "xml", f"{self._place} has a document type, which may make it grow without end: leave it out"
        )


def _local(name: str) -> str:
    """The name without its namespace and prefix, which stand before and behind it."""
    return name.split(" ")[1] if " " in name else name


def feed_all(events: XmlEvents, read: Read) -> None:
    """Feeds all that there is to read."""
    while piece := read(PIECE):
        events.feed(piece)
    events.feed(b"")
