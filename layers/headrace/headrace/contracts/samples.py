"""What sample files show of themselves: how they are written, and what stands in their columns."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from headrace.domain.contract import FileFormat
from headrace.transform.compression import SNIFF_BYTES, open_members, sniff
from headrace.transform.encoding import AUTO, TextBytes
from headrace.transform.inference import guess
from headrace.transform.jsonarray import ArrayElements
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.source import LandedBytes
from headrace.transform.splitting import SplitError, Splitter, Unterminated

READ_BYTES = 8 << 20
"""So much of a sample is looked at."""
DELIMITERS = (",", ";", "\t", "|", "\x1f", "\x01", "||", "~|~")
LINES_FOR_DELIMITER = 200
NULL_WORDS = ("NULL", "null", "NA", "N/A", "\\N", "None")
COMMENT = b"#"
NO_TEXT = re.compile(rb"[\x00\x02-\x08\x0e-\x1a]")
"""Bytes that no text has; some of the others are delimiters of old systems."""
WORDS_OF_VALUES = {"boolean", "integer", "number", "date", "timestamp"}


@dataclass(slots=True)
class Samples:
    """The samples' columns by name, with their values in order; None where a row has none."""

    format: FileFormat
    columns: dict[str, list[Any]] = field(default_factory=dict)
    rows: int = 0
    unsure_encoding: bool = False


def read_samples(paths: list[Path]) -> Samples:
    """What the samples hold. Raises FileRejected for a file that is no text, OSError for one that cannot be read."""
    samples: Samples | None = None
    data = b""
    for path in paths:
        for data, encoding, unsure in _texts(path):
            if samples is None:
                samples = Samples(_format(data, encoding), unsure_encoding=unsure)
            _add(data, samples)
    if samples is None or not samples.columns:
        raise FileRejected("empty", _why_no_rows(data))
    _take_null_words(samples)
    return samples


def _why_no_rows(data: bytes) -> str:
    begin = data.lstrip()[:1]
    if begin == b"{":
        return "the samples hold no JSON Lines, an object on each line; one object over several lines is no row"
    return "the JSON array of the samples holds no objects" if begin == b"[" else "the samples hold no rows"


def _texts(path: Path) -> Iterator[tuple[bytes, str, bool]]:
    """The beginning of each text in a file as UTF-8, with its encoding, and whether that is a guess."""
    try:
        yield from ((data, AUTO, False) for data in _decoded(path, AUTO))
    except FileRejected as rejected:
        if rejected.code != "encoding":
            raise
        yield from ((data, "windows-1252", True) for data in _decoded(path, "windows-1252"))


def _decoded(path: Path, encoding: str) -> Iterator[bytes]:
    with path.open("rb") as stream:
        source = LandedBytes(stream)
        first = source.read(SNIFF_BYTES)
        for member in open_members(source, first, sniff(first, "auto"), Limits()):
            text = TextBytes(member.read, encoding)
            data = b""
            while len(data) < READ_BYTES and (piece := text.read(1 << 20)):
                data += piece
            if NO_TEXT.search(data):
                raise FileRejected("not_text", f"{path.name} is not text: it holds bytes that no text has")
            whole = len(data) < READ_BYTES
            yield data if whole else data[: data.rfind(b"\n") + 1] or data


def _format(data: bytes, encoding: str) -> FileFormat:
    begin = data.lstrip()[:1]
    if begin in {b"{", b"["}:
        return FileFormat("jsonl" if begin == b"{" else "json", encoding=encoding, null_tokens=())
    lines = [line for line in data.splitlines()[:LINES_FOR_DELIMITER] if line]
    plain = [line for line in lines if not line.startswith(COMMENT)]
    delimiter = max(DELIMITERS, key=lambda candidate: _fitness(plain, candidate))
    comment = COMMENT.decode() if _has_comments(lines, delimiter.encode()) else ""
    made = FileFormat(delimiter=delimiter, encoding=encoding, comment=comment)
    records = list(_records(data, made))
    return replace(made, header=bool(records) and _is_header(records[0], records[1:]))


def _has_comments(lines: list[bytes], delimiter: bytes) -> bool:
    """Whether lines with a # are comments: not if it only marks the names of the columns."""
    marked = [line for line in lines if line.startswith(COMMENT)]
    return len(marked) > 1 or any(line.count(delimiter) != lines[-1].count(delimiter) for line in marked)


def _fitness(lines: list[bytes], delimiter: str) -> tuple[float, int]:
    """How evenly a delimiter divides the lines, and into how many fields."""
    counts: list[int] = []
    for line in lines:
        try:
            counts.append(len(Splitter(delimiter.encode(), b'"').split(line)))
        except SplitError:
            counts.append(0)
    usual = max(set(counts), key=counts.count, default=0)
    return (counts.count(usual) / len(counts), usual) if usual > 1 else (0.0, 0)


def _records(data: bytes, file_format: FileFormat) -> Iterator[list[str]]:
    """The records that can be read, quoted line ends included."""
    splitter = Splitter(file_format.delimiter.encode(), b'"')
    position = 0
    newline = b"\n" if b"\n" in data else b"\r"
    comment = file_format.comment.encode()
    while position < len(data):
        if comment and data.startswith(comment, position):
            position = (data.find(newline, position) + 1) or len(data)
            continue
        try:
            end = splitter.record_end(data, position, len(data), newline)
            fields = splitter.split(data[position:end]) if end > position else []
        except (SplitError, Unterminated):
            end, fields = data.find(newline, position), []
            end = len(data) if end < 0 else end
        if fields:
            yield [field.decode("utf-8", "replace") for field in fields]
        position = end + (2 if data.startswith(b"\r\n", end) else 1)


def _is_header(first: list[str], rest: list[list[str]]) -> bool:
    """Whether the first record names the columns: all different, none empty, none a number or a date."""
    if len(set(first)) < len(first) or not all(first) or not rest:
        return False
    return all(guess([name]).logical not in WORDS_OF_VALUES for name in first)


def _add(data: bytes, samples: Samples) -> None:
    rows = _documents(data, samples.format) if samples.format.kind.startswith("json") else _rows(data, samples.format)
    for row in rows:
        for name, value in row.items():
            column = samples.columns.setdefault(name, [])
            column += [None] * (samples.rows - len(column))
            column.append(value)
        samples.rows += 1
    for column in samples.columns.values():
        column.extend([None] * (samples.rows - len(column)))


def _documents(data: bytes, file_format: FileFormat) -> Iterator[dict[str, Any]]:
    values: list[Any] = []
    for text in data.splitlines() if file_format.kind == "jsonl" else _elements(data):
        try:
            values.append(orjson.loads(text))
        except orjson.JSONDecodeError:
            continue
    return (value for value in values if isinstance(value, dict))


def _elements(data: bytes) -> list[bytes]:
    """The elements of a JSON array that are there whole."""
    elements, _ = ArrayElements(io.BytesIO(data).read, len(data), Limits()).next_elements()
    return elements


def _rows(data: bytes, file_format: FileFormat) -> Iterator[dict[str, Any]]:
    records = _records(data, file_format)
    first = next(records, [])
    names = (
        [name.strip() for name in first] if file_format.header else [f"column_{n}" for n in range(1, len(first) + 1)]
    )
    for record in records if file_format.header else [first, *records]:
        if len(record) == len(names):
            yield {name: value or None for name, value in zip(names, record, strict=True)}


def _take_null_words(samples: Samples) -> None:
    """Words for nothing become nothing, where the rest of a column is something else."""
    if samples.format.kind.startswith("json"):
        return
    found: set[str] = set()
    for values in samples.columns.values():
        words = {value for value in values if value in NULL_WORDS}
        if words and {value for value in values if value} - words:
            found |= words
    for name, values in samples.columns.items():
        samples.columns[name] = [None if value in found else value for value in values]
    samples.format = replace(samples.format, null_tokens=("", *sorted(found)))
