"""Records whose values stand at fixed places."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.domain.contract import Column


@dataclass(frozen=True, slots=True)
class FixedSplitter:
    """Cuts a line at the columns' places, which count characters. Blanks around a value are no part of it."""

    columns: tuple[Column, ...]

    def split(self, record: bytes) -> list[bytes]:
        """The values in the columns' order, and one more for what stands beyond the last column.

        Blanks at the end of a line may be left out, so a line may be short.
        """
        beyond = max(column.start - 1 + column.width for column in self.columns)
        if record.isascii():
            fields = [record[c.start - 1 : c.start - 1 + c.width].strip() for c in self.columns]
            rest = record[beyond:]
        else:
            text = record.decode("utf-8", "surrogateescape")
            cut = [text[c.start - 1 : c.start - 1 + c.width].strip(" ") for c in self.columns]
            fields = [value.encode("utf-8", "surrogateescape") for value in cut]
            rest = text[beyond:].encode("utf-8", "surrogateescape")
        return [*fields, rest] if rest.strip() else fields

    def record_end(self, data: bytes, start: int, stop: int, newline: bytes) -> int:
        """Where the line ends: a record is never longer than its line."""
        end = data.find(newline, start, stop)
        return end if end >= 0 else stop
