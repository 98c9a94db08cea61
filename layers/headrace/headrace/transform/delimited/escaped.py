"""Records that use an escape mark: it takes the special meaning from the character after it, a line end included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from headrace.transform.delimited.quoted import AFTER_QUOTE, InQuotes, SplitError, Unterminated


@cache
def _patterns(delimiter: bytes, quote: bytes, escape: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Expressions for the rest of a quoted value with its closing quote, and for a value without quotes."""
    d, q, e = re.escape(delimiter), re.escape(quote), re.escape(escape)
    quoted = b"((?:[^%s%s]|%s.|%s%s)*+)%s" % (q, e, e, q, q, q) if quote else b"(?!)"
    plain = b"((?:(?!%s)[^%s%s\\r\\n]|%s.)*+)" % (d, q, e, e)
    return re.compile(quoted, re.DOTALL), re.compile(plain, re.DOTALL)


SEQUENCES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"0": b"\0"}
"""Letters that name a character after an escape, in https://www.postgresql.org/docs/current/sql-copy.html and
https://dev.mysql.com/doc/refman/8.4/en/load-data.html; before any other character an escape means that character."""
CHOICES = "say with `escapes` what it means: sequences (a line end for n), marks (both characters) or character (the n)"


@dataclass(frozen=True, slots=True)
class EscapedSplitter:
    """Splits records as `Splitter` does, where `escape` takes the special meaning from the character after it.

    `means` is what it means before other characters, one of `ESCAPES`. With none it means that character, too, but
    before one of `SEQUENCES` it is a fault of its record: producers disagree about these.
    """

    delimiter: bytes
    quote: bytes
    escape: bytes
    means: str = "character"
    tells_quotes: bool = False

    def split(self, record: bytes) -> list[bytes]:
        """The record's values, without quotes and escapes. Raises SplitError, and Unterminated."""
        fields: list[bytes] = []
        position = 0
        while position <= len(record):
            value, after = self._field(record, position, len(record))
            plain = self._unescaped(value)
            fields.append(InQuotes(plain) if self._is_told(record, position) else plain)
            if after < len(record) and not record.startswith(self.delimiter, after):
                raise SplitError(self._fault(record, position))
            position = after + len(self.delimiter)
        return fields

    def record_end(self, data: bytes, start: int, stop: int, newline: bytes) -> int:
        """Where the record at `start` ends, its line end not counted. Raises as `split` does; `stop` is the horizon."""
        position = start
        while True:
            _, after = self._field(data, position, stop)
            if after >= len(data) or data.startswith((newline, b"\r" + newline), after):
                return after
            if after >= stop:
                raise Unterminated
            if not data.startswith(self.delimiter, after):
                raise SplitError(self._fault(data, position), after)
            position = after + len(self.delimiter)

    def _is_told(self, record: bytes, start: int) -> bool:
        """Whether a value stands in quotes, and that matters."""
        return self.tells_quotes and bool(self.quote) and record.startswith(self.quote, start)

    def _fault(self, data: bytes, start: int) -> str:
        if self.quote and data.startswith(self.quote, start):
            return AFTER_QUOTE
        return "a quote or a line end inside an unquoted value: quote the value, or escape it"

    def _field(self, data: bytes, start: int, stop: int) -> tuple[bytes, int]:
        """The value at `start` with its escapes, and where it ends."""
        quoted, plain = _patterns(self.delimiter, self.quote, self.escape)
        if self.quote and data.startswith(self.quote, start):
            match = quoted.match(data, start + len(self.quote), stop)
            if match is None:
                raise Unterminated
            return match[1].replace(self.quote * 2, self.escape + self.quote), match.end()
        match = plain.match(data, start, stop)
        assert match is not None
        if data.startswith(self.escape, match.end()):
            raise Unterminated
        return match[1], match.end()

    def _unescaped(self, value: bytes) -> bytes:
        """The value that is meant. An escaped N alone stays as it is, to be a null token."""
        if value == self.escape + b"N" or self.escape not in value:
            return value
        return re.sub(re.escape(self.escape) + b"(.)", self._meant, value, flags=re.DOTALL)

    def _meant(self, match: re.Match[bytes]) -> bytes:
        """What an escape and the character after it mean together."""
        character = match[1]
        if self.means == "sequences":
            return SEQUENCES.get(character, character)
        if self.means == "marks":
            marks = (self.escape, self.quote, self.delimiter[:1], b"\n", b"\r")
            return character if character in marks else match[0]
        if not self.means and character in SEQUENCES:
            raise SplitError(f"the escape before {character.decode()!r} has several meanings: {CHOICES}")
        return character
