"""One record into its fields, by RFC 4180 and nothing looser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

AFTER_QUOTE = "text follows a closing quote: double a quote inside a quoted value"


class SplitError(Exception):
    """The record's quoting is wrong. `reason` says how, `place` where, if a text was searched for a record's end."""

    def __init__(self, reason: str, place: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Unterminated(SplitError):  # noqa: N818 - a state of the record more than an error
    """A quoted value is not closed: the record may go on in the next line."""

    def __init__(self) -> None:
        super().__init__("a quoted value is never closed")


@cache
def _patterns(delimiter: bytes, quote: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Expressions for a field with its delimiter, and for a record of them; possessive, so that they never go back."""
    d, q = re.escape(delimiter), re.escape(quote)
    quoted = b"%s([^%s]*+(?:%s%s[^%s]*+)*+)%s" % (q, q, q, q, q, q)
    plain = b"((?:(?!%s)[^%s\\r\\n])*+)" % (d, q) if len(delimiter) > 1 else b"([^%s%s\\r\\n]*+)" % (d, q)
    field = b"(?:%s|%s)%s" % (quoted, plain, d)
    return re.compile(field), re.compile(b"(?:%s)*+" % field)


@cache
def _plain_end(delimiter: bytes, newline: bytes) -> re.Pattern[bytes]:
    """What ends a value without quotes; the first of the two, so that no look goes beyond the value."""
    return re.compile(b"%s|%s" % (re.escape(delimiter), re.escape(newline)))


class InQuotes(bytes):
    """A value that stood in quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits records by `delimiter`; values in `quote` may hold delimiters, line ends and doubled quotes.

    With `tells_quotes` values are `InQuotes` where they stood so. With `excel` a value may be written as `="…"`, and
    stays so.
    """

    delimiter: bytes
    quote: bytes
    tells_quotes: bool = False
    excel: bool = False

    def split(self, record: bytes) -> list[bytes]:
        """The record's values, unquoted. Raises SplitError, and Unterminated where more lines might help."""
        if not self.quote or self.quote not in record:
            if b"\r" in record or b"\n" in record:
                raise SplitError("a carriage return inside an unquoted value")
            return record.split(self.delimiter)
        field, whole = _patterns(self.delimiter, self.quote)
        ended = record + self.delimiter
        if not self.tells_quotes and whole.fullmatch(ended):
            doubled = self.quote * 2
            return [quoted.replace(doubled, self.quote) if quoted else plain for quoted, plain in field.findall(ended)]
        return self._split_slowly(record)

    def _split_slowly(self, record: bytes) -> list[bytes]:
        """Field by field, to find what is wrong."""
        fields: list[bytes] = []
        position = 0
        while position <= len(record):
            value, position = self._field(record, position)
            fields.append(value)
        return fields

    def record_end(self, data: bytes, start: int, stop: int, newline: bytes) -> int:
        """Where the record at `start` ends, its line end not counted. Raises as `split` does; `stop` is the horizon."""
        position = start
        while True:
            position = self._field_end(data, position, stop, newline)
            if position >= len(data) or not data.startswith(self.delimiter, position):
                return position
            position += len(self.delimiter)

    def closes_at(self, data: bytes, start: int, stop: int) -> int:
        """Where a quoted value that is open at `start` closes: the place after its quote, or -1 before `stop`."""
        position = start
        while True:
            position = data.find(self.quote, position, stop)
            if position < 0:
                return -1
            if data[position + 1 : position + 2] != self.quote:
                return position + 1
            position += 2

    def _field_end(self, data: bytes, start: int, stop: int, newline: bytes) -> int:
        start += self.excel and data.startswith(b"=" + self.quote, start)
        if not data.startswith(self.quote, start):
            found = _plain_end(self.delimiter, newline).search(data, start, stop)
            end = found.start() if found else len(data)
            if end > stop:
                raise Unterminated
            crlf = newline == b"\n" and data[start:end].endswith(b"\r") and not data.startswith(self.delimiter, end)
            return end - crlf
        after = self.closes_at(data, start + len(self.quote), stop)
        if after < 0:
            raise Unterminated
        line_end = after >= len(data) or data.startswith((newline, b"\r" + newline), after)
        if not line_end and not data.startswith(self.delimiter, after):
            raise SplitError(AFTER_QUOTE, after)
        return after

    def _field(self, record: bytes, start: int) -> tuple[bytes, int]:
        """The value at `start`, and where the next one begins: beyond the end after the last."""
        if record.startswith(self.quote, start):
            value, after = self._quoted(record, start + 1)
            return InQuotes(value) if self.tells_quotes else value, after
        if self.excel and record.startswith(b"=" + self.quote, start):
            _, after = self._quoted(record, start + 2)
            return record[start : after - len(self.delimiter)], after
        end = record.find(self.delimiter, start)
        value = record[start : len(record) if end < 0 else end]
        if self.quote in value:
            raise SplitError("a quote inside an unquoted value: quote the value and double the quote")
        if b"\r" in value or b"\n" in value:
            raise SplitError("a line end inside an unquoted value")
        return value, (len(record) if end < 0 else end) + len(self.delimiter)

    def _quoted(self, record: bytes, start: int) -> tuple[bytes, int]:
        after = self.closes_at(record, start, len(record))
        if after < 0:
            raise Unterminated
        value = record[start : after - 1].replace(self.quote * 2, self.quote)
        if after < len(record) and not record.startswith(self.delimiter, after):
            raise SplitError(AFTER_QUOTE)
        return value, after + len(self.delimiter)


class WellWritten:
    """Splits text of a known number of fields in one pass, where it is quoted as it should be; None for any other."""

    def __init__(self, delimiter: str, quote: str, width: int) -> None:
        self._delimiter = delimiter
        self._quote = quote
        self._width = width
        d, q = re.escape(delimiter), re.escape(quote)
        field = f"({q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}|[^{d}{q}\\r\\n]*+)" if quote else f"([^{d}\\r\\n]*+)"
        self._pattern = re.compile(d.join([field] * width))

    def split(self, text: str) -> list[str] | None:
        """The values, unquoted."""
        quote = self._quote
        if not quote or quote not in text:
            fields = text.split(self._delimiter)
            return fields if len(fields) == self._width and "\r" not in text and "\n" not in text else None
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        doubled = quote * 2
        return [f if f[:1] != quote else f[1:-1].replace(doubled, quote) for f in match.groups()]
