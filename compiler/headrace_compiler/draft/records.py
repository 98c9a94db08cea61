"""The records of delimited text in a sample, as far as they can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.domain.contract import FileFormat
from headrace.transform.delimited.quoted import SplitError, Splitter, Unterminated


def records(data: bytes, file_format: FileFormat) -> Iterator[list[str]]:
    """The records of delimited text that can be read, quoted line ends included."""
    splitter = Splitter(file_format.delimiter.encode(), file_format.quote.encode())
    position = _first_record(data, splitter.delimiter, file_format.skip_lines)
    newline = b"\n" if b"\n" in data else b"\r"
    comment = file_format.comment.encode()
    while position < len(data):
        if comment and data.startswith(comment, position):
            position = (data.find(newline, position) + 1) or len(data)
            continue
        try:
            end = _record_end(splitter, data, position, newline)
            record = data[position:end]
        except (SplitError, Unterminated):
            end, record = data.find(newline, position), b""
            end = len(data) if end < 0 else end
        if fields := _fields(splitter, record):
            yield fields
        position = end + (2 if data.startswith(b"\r\n", end) else 1)


def first_record(data: bytes, file_format: FileFormat) -> bytes:
    """The first record of a text as it stands. Raises SplitError for one that cannot be read."""
    splitter = Splitter(file_format.delimiter.encode(), file_format.quote.encode())
    start = _first_record(data, splitter.delimiter, file_format.skip_lines)
    while file_format.comment and data.startswith(file_format.comment.encode(), start):
        start = (data.find(b"\n", start) + 1) or len(data)
    record = data[start : _record_end(splitter, data, start, b"\n" if b"\n" in data else b"\r")]
    splitter.split(record)
    return record


def _record_end(splitter: Splitter, data: bytes, start: int, newline: bytes) -> int:
    """Where the record at `start` ends, its line end not counted. Raises as `Splitter.record_end` does."""
    if splitter.quote:
        return splitter.record_end(data, start, len(data), newline)
    end = data.find(newline, start)
    end = len(data) if end < 0 else end
    return end - (newline == b"\n" and data[start:end].endswith(b"\r"))


def _first_record(data: bytes, delimiter: bytes, skipped: int) -> int:
    """Where the blank lines at the beginning end, below the skipped ones; one of delimiters alone is none."""
    blanks = b" \t".replace(delimiter, b"")
    skip = re.compile(rb"(?:[^\r\n]*(?:\r\n|\r|\n)){%d}" % skipped).match(data)
    begin = skip.end() if skip else 0
    found = re.compile(rb"(?:[%s]*(?:\r\n|\r|\n))*+" % blanks).match(data, begin)
    return found.end() if found else begin


def _fields(splitter: Splitter, record: bytes) -> list[str]:
    """The fields of a record that can be a good row, none of any other."""
    try:
        fields = splitter.split(record) if record and b"\0" not in record else []
    except SplitError:
        return []
    return [field.decode("utf-8", "replace") for field in fields]
