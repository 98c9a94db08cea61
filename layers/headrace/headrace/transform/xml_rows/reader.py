"""XML to typed rows: each element of a name becomes a JSON document of what is in it.

A child is a key, of one that is there again a list; an attribute is a key that begins with @, text beside either is
under `#text`. All of it is text, which columns read as what it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from headrace.domain.contract import Contract, Kind
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.xml_events import PIECE, Read, XmlEvents
from headrace.transform.json_files.columns import Path, path_of
from headrace.transform.json_files.made import some_of
from headrace.transform.json_files.reader import JsonReader
from headrace.transform.key_columns import KeyColumns
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.rules.parsed import Parsed
from headrace.transform.typed.documents import as_documents
from headrace.transform.typed.sample import BYTES, ROWS, Sample

TEXT = "#text"
NIL = "http://www.w3.org/2001/XMLSchema-instance nil"
"""Of an element that is nothing: https://www.w3.org/TR/xmlschema-1/#xsi_nil."""
TRUE = frozenset({"true", "1"})
MOST_NAMES = 10_000
"""Elements of so many names are counted to find the rows of a sample."""


class XmlReader:
    """Reads one XML file."""

    def __init__(
        self, contract: Contract, read: Read, limits: Limits, block_bytes: int, key: KeyColumns | None = None
    ) -> None:
        self._wanted = contract.format.row_element
        self._lines = documents(read, self._wanted, limits, _Texts(contract))
        self._reader = JsonReader(
            as_documents(contract),
            TextBytes(lambda _: b"", "utf-8"),
            limits,
            block_bytes,
            lambda _text, _limits, size, most: some_of(self._lines, size, most),
            key,
        )

    @property
    def detected(self) -> dict[str, Any]:
        """What the file showed of itself."""
        return {name: value for name, value in self._reader.detected.items() if name != "encoding"}

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time. Raises FileRejected for a file without an element of that name."""
        rows = 0
        for parsed in self._reader.parse():
            rows += parsed.table.num_rows + len(parsed.bad)
            yield parsed
        if not rows:
            raise FileRejected("xml", f"the XML has no element {self._wanted!r}, which the contract says is a row")


@dataclass(slots=True)
class _Element:
    """An element within a row."""

    name: str
    members: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    is_nil: bool = False

    def value(self) -> Any:
        """Its text, or an object where there is more."""
        if self.is_nil:
            return {**self.members, TEXT: None} if self.members else None
        text = "".join(self.texts)
        if not self.members:
            return text
        return {**self.members, TEXT: text.strip()} if text.strip() else self.members

    def add(self, name: str, value: Any) -> None:
        """Adds a child; one that is there again makes a list."""
        if name not in self.members:
            self.members[name] = value
        elif isinstance(self.members[name], list):
            self.members[name].append(value)
        else:
            self.members[name] = [self.members[name], value]


def _named(attributes: dict[str, str]) -> dict[str, Any]:
    """Attributes by their names. One of a namespace has its local name unless another has it, else both."""
    known: dict[str, Any] = {f"@{key}": value for key, value in attributes.items() if " " not in key}
    for key in sorted(key for key in attributes if " " in key and key != NIL):
        space, _, name = key.rpartition(" ")
        known[f"@{name}" if f"@{name}" not in known else f"@{{{space}}}{name}"] = attributes[key]
    return known


class _Texts:
    """Where columns expect texts: some elements of a name have attributes beside their text, others have none."""

    def __init__(self, contract: Contract) -> None:
        sources = [column.source for column in contract.named_columns if column.kind is not Kind.SUPER]
        within = [source.removesuffix(f".{TEXT}") for source in sources if source.endswith(f".{TEXT}")]
        self._bare = [path_of(source) for source in sources if not source.endswith(TEXT)]
        self._within = [
            path_of(source) for source in within if source not in {c.source for c in contract.named_columns}
        ]

    def place(self, row: dict[str, Any]) -> None:
        """Puts texts where the columns are, and the attributes of one beside it, as `name.@attribute`."""
        for path in self._bare:
            for parent, name in _holder(row, path):
                value = parent[name]
                if isinstance(value, dict) and (TEXT in value or all(key.startswith("@") for key in value)):
                    parent[name] = value.pop(TEXT, None)
                    parent.update({f"{name}.{key}": each for key, each in value.items()})
        for path in self._within:
            for parent, name in _holder(row, path):
                if isinstance(parent[name], str):
                    parent[name] = {TEXT: parent[name]}


def _holder(document: Any, path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """What holds the value at a path, and its key there; none where the path ends early."""
    for key, rest in path:
        if not isinstance(document, dict):
            return
        if rest in document:
            yield document, rest
            return
        document = document.get(key)


class _Rows:
    """The elements that are rows, as far as the file was read."""

    def __init__(self, wanted: str, limits: Limits, texts: _Texts | None = None) -> None:
        self._wanted = wanted
        self._texts = texts
        self._limits = limits
        self._open: list[_Element] = []
        self._size = self._values = 0
        self._done: list[bytes] = []
        self.events = XmlEvents(self._begins, self._ends, self._text, limits, "the file")

    def taken(self) -> list[bytes]:
        """The rows that are whole, each once."""
        done, self._done = self._done, []
        return done

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != self._wanted:
            return
        if not self._open:
            self._size = self._values = 0
        known = _named(attributes)
        self._spend(len(name) + sum(len(key) + len(value) for key, value in known.items()), 1 + len(known))
        self._open.append(_Element(name, known, is_nil=attributes.get(NIL) in TRUE))

    def _ends(self, _: str) -> None:
        if not self._open:
            return
        ended = self._open.pop()
        if self._open:
            self._open[-1].add(ended.name, ended.value())
            return
        found = ended.value()
        row = found if isinstance(found, dict) else {TEXT: found}
        if self._texts is not None:
            self._texts.place(row)
        self._done.append(orjson.dumps(row))

    def _text(self, piece: str) -> None:
        if self._open:
            self._spend(len(piece), 0)
            self._open[-1].texts.append(piece)

    def _spend(self, size: int, values: int) -> None:
        self._size += size
        self._values += values
        if self._size > self._limits.line or self._values > self._limits.values:
            most = f"{self._limits.line:,} bytes, or {self._limits.values:,} values"
            raise FileRejected("line_too_long", f"an element {self._wanted!r} of the XML has more than {most}")


def documents(read: Read, wanted: str, limits: Limits, texts: _Texts | None = None) -> Iterator[bytes]:
    """The rows as documents."""
    found = _Rows(wanted, limits, texts)
    piece = b"begun"
    while piece:
        piece = read(PIECE)
        found.events.feed(piece)
        yield from found.taken()


def sample_of_xml(read: Read, limits: Limits) -> Sample:
    """The first rows: the elements below the outermost one, of the name that most of them have."""
    begun: list[bytes] = []
    size = 0
    while size < BYTES and (piece := read(PIECE)):
        begun.append(piece)
        size += len(piece)
    is_whole = size < BYTES
    wanted = _commonest(begun, limits, is_whole=is_whole)
    pieces = iter(begun)
    found = _Rows(wanted, limits)
    for piece in pieces:
        found.events.feed(piece)
    return Sample(b"\n".join([*found.taken()[:ROWS], b""]), row_element=wanted)


def _commonest(pieces: list[bytes], limits: Limits, *, is_whole: bool) -> str:
    names: Counter[str] = Counter()
    depth = 0

    def begins(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 2 and (name in names or len(names) < MOST_NAMES):
            names[name] += 1

    def ends(_: str) -> None:
        nonlocal depth
        depth -= 1

    events = XmlEvents(begins, ends, lambda _: None, limits, "the file")
    for piece in [*pieces, *([b""] if is_whole else [])]:
        events.feed(piece)
    if not names:
        raise FileRejected("empty", "the XML has no elements in its outermost one, which could be rows")
    return names.most_common(1)[0][0]
