"""How a sample is written: kind, delimiter, comments, header."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from headrace.domain.contract import FileFormat
from headrace.domain.file_formats import format_that_begins
from headrace.transform.delimited.header import MARKUP
from headrace.transform.delimited.quoted import SplitError, Splitter
from headrace.transform.outcome import FileRejected
from headrace_compiler.draft.header import doubt_of_header
from headrace_compiler.draft.records import records
from headrace_compiler.draft.text import SampleText

DELIMITERS = (",", ";", "\t", "|", "\x1f", "\x01", "||", "~|~")
LINES_SAMPLED = 200
"""How many lines the format is detected from."""
COMMENT = b"#"


def format_of(text: SampleText) -> tuple[FileFormat, str | None]:
    """How the text is written; for one without a header also what speaks against its first line being one.

    Raises FileRejected for delimited text whose first line belongs to no table.
    """
    traits = format_that_begins(text.data)
    if traits.typed:
        return FileFormat(traits.name, encoding=text.encoding, null_tokens=traits.null_tokens), None
    if MARKUP.match(text.data):
        raise FileRejected("not_text", "the file is HTML or XML, not rows")
    lines = [line for line in text.data.splitlines()[:LINES_SAMPLED] if line.strip()]
    plain = [line for line in lines if not line.startswith(COMMENT)]
    delimiter = max(DELIMITERS, key=lambda candidate: _fitness(plain, candidate))
    comment = COMMENT.decode() if _has_comments(lines, delimiter.encode()) else ""
    made = FileFormat(delimiter=delimiter, encoding=text.encoding, comment=comment)
    first, *rest = list(islice(records(text.data, made), LINES_SAMPLED)) or [[]]
    if not first:
        raise FileRejected("empty", "no line can be read as a row")
    doubt = doubt_of_header(first, rest)
    if doubt is None:
        _refuse_odd_header(plain[0] if comment else lines[0], made)
    return replace(made, header=doubt is None), doubt


def _refuse_odd_header(line: bytes, written: FileFormat) -> None:
    """A header is one line; what stands in its place may be another record, where it cannot be read."""
    try:
        Splitter(written.delimiter.encode(), b'"').split(line)
    except SplitError as error:
        raise FileRejected("header", f"the first line cannot be read: {error.reason}") from error


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
