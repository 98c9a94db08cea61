"""How a sample is written: kind, delimiter, comments, header."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from headrace.domain.contract import FileFormat
from headrace.transform.delimited.header import MARKUP
from headrace.transform.delimited.quoted import SplitError, Splitter, Unterminated
from headrace.transform.outcome import FileRejected
from headrace_compiler.draft.header import doubt_of_header
from headrace_compiler.draft.records import first_record, records
from headrace_compiler.draft.text import SampleText

DELIMITERS = (", ", ",", "; ", ";", "\t", "|", "\x1f", "\x01", "||", "~|~")
"""Of those that divide the lines alike, the first is taken."""
BLANK = " "
"""Only between values in quotes."""
USUAL_DELIMITER = ","
QUOTES = ('"', "'")
EVENLY, FEWEST_LINES = 0.9, 4
"""The share of lines that a delimiter must divide alike if quotes are to stand within values, and how many at least."""
QUOTED_PART = re.compile(rb'(?:^| )"[^"]*"(?: |$)')
LINES_SAMPLED = 200
"""How many lines the format is detected from."""
COMMENT = b"#"
MOST_ABOVE = 50
"""Lines above the header, at most."""
COPY_ESCAPES = re.compile(rb"\\[tnrbfv\\]")
"""What PostgreSQL and MySQL write in text for what would end a field or a row
(https://www.postgresql.org/docs/current/sql-copy.html)."""
COPY_NULL = re.compile(rb"(?:^|\t)\\N(?=\t|\r?$)", re.MULTILINE)


def format_of(text: SampleText) -> tuple[FileFormat, str | None]:
    """How the text is written; for one without a header also what speaks against its first line being one.

    Raises FileRejected for delimited text whose first line belongs to no table.
    """
    traits = text.traits
    if traits.typed:
        return FileFormat(traits.name, encoding=text.encoding, null_tokens=traits.null_tokens), None
    if MARKUP.match(text.data):
        raise FileRejected("not_text", "the file is HTML or XML, not rows")
    lines = [line for line in text.data.splitlines()[:LINES_SAMPLED] if line.strip()]
    plain = [line for line in lines if not line.startswith(COMMENT)] or lines
    delimiter, quote = _division_of(plain)
    comment = COMMENT.decode() if _has_comments(lines, plain, delimiter) else ""
    made = FileFormat(delimiter=delimiter, quote=quote, encoding=text.encoding, comment=comment)
    if delimiter == "\t" and COPY_NULL.search(text.data) and COPY_ESCAPES.search(text.data):
        made = replace(made, quote="", escape="\\", escapes="sequences")
    try:
        return _with_header(text, made, plain)
    except FileRejected as rejected:
        above = _lines_above(text.data, made) if rejected.code in {"preamble", "row_names"} else 0
        below = _with_header(text, replace(made, skip_lines=above), plain) if above else (made, "")
        if not above or (rejected.code == "row_names" and below[1] is not None):
            raise
        return below


def _division_of(lines: list[bytes]) -> tuple[str, str]:
    """The delimiter, and the mark that values are quoted with: none where quotes stand within values."""
    best = max(DELIMITERS, key=lambda candidate: _fitness(lines, candidate))
    evenly, fields = _fitness(lines, best)
    unquoted = max(DELIMITERS, key=lambda candidate: _fitness(lines, candidate, quote=""))
    without_quotes = _fitness(lines, unquoted, quote="")[0]
    if without_quotes > max(evenly, EVENLY) and len(lines) >= FEWEST_LINES and not _are_marks(lines, unquoted):
        return unquoted, ""
    if not fields and not without_quotes and _fitness(lines, BLANK)[1] and any(map(QUOTED_PART.search, lines)):
        return BLANK, QUOTES[0]
    delimiter = best if fields else USUAL_DELIMITER
    return delimiter, _quote_of(lines, delimiter)


def _are_marks(lines: list[bytes], delimiter: str) -> bool:
    """Whether a value stands in quotes: then quotes are marks, and lines that cannot be read are bad."""
    values = (value.lstrip(b"=") for line in lines for value in line.split(delimiter.encode()))
    return any(len(value) > 1 and value.startswith(b'"') and value.endswith(b'"') for value in values)


def _lines_above(data: bytes, written: FileFormat) -> int:
    """How many lines stand above the header: the first line whose fields all have a value, and as many as most have."""
    widths = Counter(len(record) for record in islice(records(data, written), LINES_SAMPLED))
    usual = max(widths.items(), key=lambda each: each[1])[0]
    splitter = Splitter(written.delimiter.encode(), written.quote.encode())
    for number, line in enumerate(data.splitlines()[:MOST_ABOVE]):
        with suppress(SplitError):
            if usual > 1 and len(fields := splitter.split(line)) == usual and all(fields):
                return number
    return 0


def _with_header(text: SampleText, made: FileFormat, plain: list[bytes]) -> tuple[FileFormat, str | None]:
    first, *rest = list(islice(records(text.data, made), LINES_SAMPLED)) or [[]]
    if not first:
        raise FileRejected("empty", "no line can be read as a row")
    if not rest and len(plain) > 1 and made.quote.encode() in b"".join(plain[1:]):
        excel = ', ="…" is for excelText' if any(b'="' in line for line in plain[1:]) else ""
        raise FileRejected("empty", f"no row below the header can be read{excel}: quotes must be around whole values")
    doubt = doubt_of_header(first, [record for record in rest if any(record)] or rest)
    usual = max(Counter(map(len, rest)).items(), key=lambda each: each[1], default=(0, 0))[0]
    _refuse_odd_header(text.data, made, spans_lines=doubt is not None or usual == len(first))
    return replace(made, header=doubt is None), doubt


def _refuse_odd_header(data: bytes, written: FileFormat, *, spans_lines: bool) -> None:
    """A name in a header may go on in the next line, if it has the fields of a row. Else it may be another record."""
    try:
        record = first_record(data, written)
        if b"\n" in record and not spans_lines:
            raise Unterminated
    except SplitError as error:
        raise FileRejected("header", f"the first line cannot be read: {error.reason}") from error


def _quote_of(lines: list[bytes], delimiter: str) -> str:
    """The mark that values are quoted with: single quotes where each line has fields in them, and no other quotes."""
    opening = delimiter.encode() + b"'"
    if any(b'"' in line for line in lines) or not all(line.startswith(b"'") or opening in line for line in lines):
        return QUOTES[0]
    widths = {_width(line, delimiter, QUOTES[1]) for line in lines}
    return QUOTES[1] if len(lines) > 1 and len(widths) == 1 and widths != {0} else QUOTES[0]


def _has_comments(lines: list[bytes], plain: list[bytes], delimiter: str) -> bool:
    """Whether lines with a # are comments: not if one has as many fields as the others, for then it may be a row."""
    marked = [line for line in lines if line.startswith(COMMENT)]
    if not marked or plain is lines:
        return False
    usual = _fitness(plain, delimiter)[1] or 1
    return all(_width(line, delimiter) != usual for line in marked)


def _width(line: bytes, delimiter: str, quote: str = QUOTES[0]) -> int:
    """How many fields a line has; 0 where it cannot be read."""
    try:
        return len(Splitter(delimiter.encode(), quote.encode()).split(line))
    except SplitError:
        return 0


def _fitness(lines: list[bytes], delimiter: str, quote: str = QUOTES[0]) -> tuple[float, int]:
    """How evenly a delimiter divides the lines, and into how many fields."""
    counts = [_width(line, delimiter, quote) for line in lines]
    usual = max(set(counts), key=counts.count, default=0)
    return (counts.count(usual) / len(counts), usual) if usual > 1 else (0.0, 0)
