"""A JSON array, cut into its elements as they stand in the file, without reading the file at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from headrace.transform.outcome import FileRejected, Limits

TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
BLANKS = b" \t\r\n"


class After(Protocol):
    """Takes pieces of the text that follows an array; the last is `final`."""

    def __call__(self, rest: bytes, /, *, final: bool) -> None: ...


def _refuse_text(rest: bytes, *, final: bool) -> None:  # noqa: ARG001 - as `After`
    if rest.strip(BLANKS):
        raise FileRejected("json", "text follows the end of the JSON array")


class ArrayElements:
    """Reads the elements of the array that a text consists of."""

    def __init__(
        self, read: Callable[[int], bytes], block_bytes: int, limits: Limits, most: int, after: After | None = None
    ) -> None:
        """`most` is how many elements are given at a time. `after` takes what follows the array: else nothing may."""
        self._after = after or _refuse_text
        self._read = read
        self._block_bytes = block_bytes
        self._limit = limits.line
        self._most = most
        self._data = b""
        self._full = False
        self._begun = False
        self._ended = False
        self._first = True

    def next_elements(self) -> tuple[list[bytes], bool]:
        """Some elements, and whether they are the last. Raises FileRejected where the array itself is broken."""
        read = not self._full
        piece = self._read(self._block_bytes) if read else b""
        self._data += piece
        if not self._begun:
            self._data = self._data.lstrip(BLANKS)
            self._begun = self._data.startswith(b"[")
            self._data = self._data[1:]
        elements = [] if self._ended else self._cut()
        if self._ended:
            self._after(self._data, final=read and not piece)
            self._data = b""
        if self._full or not (read or self._ended):
            return elements, False
        if not piece and not self._ended:
            raise FileRejected(
                "json", "the JSON array is not closed: the file was cut off, or a bracket or quote is missing"
            )
        if len(self._data) > self._limit:
            raise FileRejected("line_too_long", f"an element of the JSON array is longer than {self._limit:,} bytes")
        return elements, read and not piece

    def _cut(self) -> list[bytes]:
        """The elements that are there whole; what is left begins with the next."""
        elements: list[bytes] = []
        begin = depth = 0
        self._full = False
        for match in TOKEN.finditer(self._data):
            token = match[0]
            if token in b"{[":
                depth += 1
            elif token in b"}]" and depth:
                depth -= 1
            elif depth == 0 and token in b",]}":
                self._take(self._data[begin : match.start()], elements, last=token == b"]")
                begin = match.end()
                if token == b"}":
                    raise FileRejected("json", "the JSON array closes a bracket that was never opened")
                self._full = not self._ended and len(elements) >= self._most
                if self._ended or self._full:
                    break
        self._data = self._data[begin:]
        return elements

    def _take(self, element: bytes, elements: list[bytes], *, last: bool) -> None:
        element = element.strip(BLANKS)
        if element or not (last and self._first):
            elements.append(element)
        self._first = False
        self._ended = last
