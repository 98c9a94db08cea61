"""How the quick paths see a text: delimiters of several bytes are exchanged for as many stand-ins, so places stay."""

from __future__ import annotations

from headrace.domain.contract import FileFormat

STAND_IN = "\x1f"
"""The unit separator of ASCII, which hardly any text holds; a block that does is read record by record."""


class DelimiterStandIn:
    """A delimiter as Arrow's reader needs it: one byte, with empty fields between the bytes of a longer one."""

    def __init__(self, file_format: FileFormat) -> None:
        self._delimiter = file_format.delimiter.encode()
        self.width = len(self._delimiter)
        self.mark = STAND_IN if self.width > 1 else file_format.delimiter
        self._exchanged = self.mark.encode() * self.width

    def data(self, data: bytes) -> bytes | None:
        """The text with the delimiter exchanged, place by place the same; None where that would be ambiguous."""
        if self.width == 1:
            return data
        return None if self.mark.encode() in data else data.replace(self._delimiter, self._exchanged)

    def line(self, line: bytes) -> bytes:
        """A line of a text that `data` gave."""
        return line if self.width == 1 else line.replace(self._delimiter, self._exchanged)

    @property
    def restoring(self) -> tuple[str, str] | None:
        """What to put back in texts: the stand-ins for the delimiter; None if nothing was exchanged."""
        return (self._exchanged.decode(), self._delimiter.decode()) if self.width > 1 else None
