"""JSON objects behind one another, and the list of rows within one: what stands around rows, and between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import orjson

from headrace.transform.json_files.array import BLANKS, TOKEN, ArrayElements
from headrace.transform.outcome import FileRejected, Limits

BETWEEN = BLANKS + b","
"""What may stand between objects."""
OPENING, CLOSING = (b"{", b"["), (b"}", b"]")
NO_NUMBER = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
PART = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}:,]', re.DOTALL)
Read = Callable[[int], bytes]


class ConcatenatedObjects:
    """Reads objects that nothing, blanks or commas divide, over as many lines as they like."""

    def __init__(self, read: Read, block_bytes: int, limits: Limits, most: int) -> None:
        """`most` is how many objects are given at a time."""
        self._read = read
        self._block_bytes = block_bytes
        self._limit = limits.line
        self._most = most
        self._data = b""
        self._full = False

    def next_elements(self) -> tuple[list[bytes], bool]:
        """Some objects, and whether they are the last. Raises FileRejected where it is not clear where one ends."""
        piece = b"" if self._full else self._read(self._block_bytes)
        is_last = not self._full and not piece
        self._data += piece
        objects = self._cut()
        if is_last and not self._full and self._data.strip(BETWEEN):
            raise FileRejected(
                "json", "the last JSON object is not closed: was the file cut off, or is a quote missing?"
            )
        if len(self._data) > self._limit and not self._full:
            raise FileRejected("line_too_long", f"a JSON object is longer than {self._limit:,} bytes")
        return objects, is_last and not self._full

    def _cut(self) -> list[bytes]:
        """The objects that are there whole; what is left begins behind them."""
        objects: list[bytes] = []
        begin = depth = 0
        self._full = False
        for match in TOKEN.finditer(self._data):
            token = match[0]
            if token in b"{[":
                if not depth:
                    self._check_between(begin, match.start())
                    begin = match.start()
                depth += 1
            elif token in b"}]" and depth:
                depth -= 1
                if not depth:
                    objects.append(self._data[begin : match.end()])
                    begin = match.end()
                    self._full = len(objects) >= self._most
                    if self._full:
                        break
            elif not depth and token != b",":
                raise FileRejected("json", "between JSON objects stands what is none")
        self._data = self._data[begin:] if begin else self._data
        return objects

    def _check_between(self, begin: int, end: int) -> None:
        if self._data[begin:end].strip(BETWEEN):
            raise FileRejected("json", "between JSON objects stands what is none")


class EnvelopedRows:
    """Reads the elements of the list at a path of the one object that a text consists of."""

    def __init__(self, read: Read, block_bytes: int, limits: Limits, most: int, path: str) -> None:
        self._read = read
        self._block_bytes = block_bytes
        self._limit = limits.line
        self._path = path.split(".")
        self._ahead: bytes | None = None
        self._before = self._behind = b""
        self._elements = ArrayElements(self._within, block_bytes, limits, most, self._close)

    def next_elements(self) -> tuple[list[bytes], bool]:
        """Some rows, and whether they are the last. Raises FileRejected where there is no such list."""
        return self._elements.next_elements()

    def _within(self, size: int) -> bytes:
        """The text from the list on."""
        if self._ahead is None:
            self._ahead = self._list()
        piece, self._ahead = self._ahead, b""
        return piece or self._read(size)

    def _list(self) -> bytes:
        data = b""
        while len(data) <= self._limit:
            piece = self._read(self._block_bytes)
            data += piece
            begins = list_at(data, self._path)
            if begins is not None:
                self._before = data[:begins]
                return data[begins:]
            if not piece:
                break
        where = ".".join(self._path)
        raise FileRejected("json", f"the file has no list at {where}, where the contract says that its rows are")

    def _close(self, rest: bytes, *, final: bool) -> None:
        """What is around the list must be one JSON object with one such list: rows of another would be lost."""
        self._behind += rest
        if len(self._behind) > self._limit:
            raise FileRejected("line_too_long", f"what follows the rows is longer than {self._limit:,} bytes")
        if final:
            _check_around(self._before + b"[]" + self._behind, self._path)


def _check_around(text: bytes, path: list[str]) -> None:
    """Raises FileRejected where a text is not one JSON object in which the keys of the path are there once."""
    try:
        orjson.loads(without_nan(text).decode(errors="replace"))
    except orjson.JSONDecodeError as error:
        reason = "is not one object: it is not closed, or more follows, of which no rows would be read"
        raise FileRejected("json", f"the JSON around the rows {reason} ({error.msg})") from None
    depths = [len(keys) for token, keys in _walk(text) if token[0][:1] == b'"' and keys == path[: len(keys)]]
    if twice := [key for depth, key in enumerate(path, 1) if depths.count(depth) > 1]:
        raise FileRejected("json", f"the key {twice[0]!r} on the way to the rows is there twice: which are the rows?")


def list_at(data: bytes, path: list[str]) -> int | None:
    """Where the list at a path of keys begins; None if it has not begun."""
    return next((token.start() for token, keys in _walk(data) if token[0] == b"[" and keys == path), None)


def _walk(data: bytes) -> Iterator[tuple[re.Match[bytes], list[str | None]]]:
    """The keys and opening brackets of a JSON text, each with the keys to it: of each object the last, None for a list.

    The list of keys changes with the next.
    """
    keys: list[str | None] = []
    is_key = False
    for match in PART.finditer(data):
        token = match[0]
        if token in OPENING:
            yield match, keys
            keys.append("" if token == b"{" else None)
        elif token in CLOSING:
            del keys[-1:]
        elif is_key and token.startswith(b'"'):
            keys[-1] = _text(token)
            yield match, keys
        is_key = token == b"{" or (token == b"," and bool(keys) and keys[-1] is not None)


def _text(token: bytes) -> str:
    try:
        return str(orjson.loads(token))
    except orjson.JSONDecodeError:
        return ""


def without_nan(line: bytes) -> bytes:
    """A line with null for the numbers that JSON does not have."""
    if b"NaN" not in line and b"Infinity" not in line:
        return line
    return NO_NUMBER.sub(lambda match: match[0] if match[0].startswith(b'"') else b"null", line)
