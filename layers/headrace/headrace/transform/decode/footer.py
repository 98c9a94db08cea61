"""The last lines of a text, which are no rows: held back while it is read, and checked where they count the rows."""

from __future__ import annotations

from collections.abc import Callable

import re2

from headrace.domain.contract import FileFormat
from headrace.transform.outcome import FileRejected, Limits

LINE_ENDS = b"\r\n"
NEVER = b" \t" + LINE_ENDS
"""A line of these alone is none."""


class Footer:
    """Reads a text without its last lines, blank ones not counted. `text` is what was held back, once all is read."""

    def __init__(self, read: Callable[[int], bytes], written: FileFormat, limits: Limits) -> None:
        self._read = read
        self._written = written
        self._limit = limits.line
        self.text = b""

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        while piece := self._read(size):
            held = self.text + piece
            begins = _last_lines(held, self._written.footer_lines)
            if len(held) - begins > self._limit:
                raise FileRejected("line_too_long", f"the last lines are longer than {self._limit:,} bytes")
            self.text = held[begins:]
            if begins:
                return held[:begins]
        return b""

    def check(self, rows: int) -> None:
        """Raises FileRejected where a footer that counts the rows is missing, or counts others than were read."""
        if not self._written.trailer:
            return
        counted = trailer_count(self.text, self._written)
        if counted is None:
            reason = "none of its last lines counts its rows as the contract's trailer says: was it cut off?"
            raise FileRejected("trailer", reason)
        if counted != rows + self._written.trailer_also:
            wanted = f"{rows:,} were read" + (
                f", and {self._written.trailer_also} count too" if self._written.trailer_also else ""
            )
            raise FileRejected("trailer", f"its trailer counts {counted:,} rows, {wanted}: was a part of it lost?")


def recounted(footer: bytes, rows: int, written: FileFormat) -> bytes:
    """The footer as it would be below so many rows."""
    lines = footer.splitlines(keepends=True)
    return b"".join(_recounted(line, rows + written.trailer_also, written) for line in lines)


def _last_lines(data: bytes, lines: int) -> int:
    """Where the last so many lines begin that are not blank."""
    begins = len(data)
    for _ in range(lines):
        end = begins
        while end and data[end - 1] in NEVER:
            end -= 1
        begins = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1
        if not begins:
            break
    return begins


def trailer_count(text: bytes, written: FileFormat) -> int | None:
    """The number in the line that counts the rows; None if there is none."""
    for line in text.decode("utf-8", "replace").splitlines():
        match = re2.fullmatch(written.trailer, line.strip())
        if match and match.group(1) is not None:
            return int("".join(filter(str.isdecimal, match.group(1))) or 0)
    return None


def _recounted(line: bytes, rows: int, written: FileFormat) -> bytes:
    text = line.decode("utf-8", "replace")
    stripped = text.strip()
    match = re2.fullmatch(written.trailer, stripped) if written.trailer else None
    if match is None or match.group(1) is None:
        return line
    start = text.index(stripped)
    return f"{text[: start + match.start(1)]}{rows}{text[start + match.end(1) :]}".encode()
