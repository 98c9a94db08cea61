"""The formats of files. A new one is a row of `FORMATS` here and a row of `READERS` in `transform.readers`."""

from __future__ import annotations

import re
from dataclasses import dataclass

TEXT_OPTIONS = (
    "delimiter", "quote", "header", "escape", "escapes", "skipLines", "comment", "comments", "quotedNulls",
    "excelText", "skipAfterHeader", "footerLines", "trailer", "trailerCountsAlso", "shortRows",
)  # fmt: skip
"""What a contract can say about text that is cut into records by lines and marks."""
JSON_OPTIONS = ("objects", "rowsAt", "nanIsNull")
SHEET_OPTIONS = ("sheet", "rowElement")
ROWS_OF_SHEETS = ("skipLines", "header", "skipAfterHeader")
BINARY_LACKS = (*SHEET_OPTIONS, "encoding", *TEXT_OPTIONS, "objects", "rowsAt", "maxLineBytes")
"""What a contract cannot say of files that are no text. Of their typed columns, NaN may be nothing as in JSON."""
OF_MARKS = (
    "delimiter",
    "quote",
    "header",
    "escape",
    "escapes",
    "quotedNulls",
    "excelText",
    "skipAfterHeader",
    "shortRows",
)


@dataclass(frozen=True, slots=True)
class Format:
    """What is true of every file of one format. `name` is what a contract calls it, `aliases` are its other names.

    `title` is for people, `extension` for files that Headrace writes itself: replays. `lacks` are the options of a
    contract that its files cannot have; `delimiter`, `quote`, `header` and `null_tokens` hold unless a contract says
    otherwise. `magic` is what each of its files begins with. `begins` matches the beginning of such a file and of no
    file of another format; None if nothing does.
    `contains` are the formats whose files are also files of this one.

    `no_rows` says what is missing in a sample without rows.

    `delimited`: marks divide the values. `placed`: columns have fixed places in a line. `typed`: values have types of
    their own, and rows name their columns. `binary`: rows are no pieces of a text, and come back as JSON Lines.
    `of_texts`: though rows name their columns, all values are texts.
    """

    name: str
    title: str
    extension: str
    aliases: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    begins: re.Pattern[bytes] | None = None
    contains: tuple[str, ...] = ()
    delimiter: str = ","
    quote: str = '"'
    header: bool = False
    null_tokens: tuple[str, ...] = ("",)
    delimited: bool = False
    placed: bool = False
    typed: bool = False
    binary: bool = False
    of_texts: bool = False
    magic: bytes = b""
    no_rows: str = ""


JSON_OBJECT = re.compile(rb'\s*\{\s*(?:"|\}|\Z)')
JSON_ARRAY = re.compile(rb'\s*\[\s*(?:[\[{\]"0-9-]|true|false|null|\Z)')

FORMATS = {
    made.name: made
    for made in (
        Format("csv", "delimited text", "csv", header=True, delimited=True, lacks=(*JSON_OPTIONS, *SHEET_OPTIONS)),
        Format("fixed", "fixed-width columns", "txt", lacks=(*OF_MARKS, *JSON_OPTIONS, *SHEET_OPTIONS), placed=True),
        Format(
            "json",
            "JSON",
            "jsonl",
            lacks=(*TEXT_OPTIONS, *SHEET_OPTIONS),
            begins=JSON_ARRAY,
            contains=("jsonl",),
            null_tokens=(),
            typed=True,
            no_rows="the JSON array contains no objects",
        ),
        Format(
            "jsonl",
            "JSON",
            "jsonl",
            aliases=("ndjson",),
            lacks=(*TEXT_OPTIONS, "objects", "rowsAt", *SHEET_OPTIONS),
            begins=JSON_OBJECT,
            null_tokens=(),
            typed=True,
            no_rows="no line holds a whole object, as in JSON Lines; an object over several lines is not a row",
        ),
        Format(
            "parquet",
            "Parquet",
            "jsonl",
            lacks=BINARY_LACKS,
            begins=re.compile(rb"PAR1"),
            magic=b"PAR1",
            null_tokens=(),
            typed=True,
            binary=True,
            no_rows="the Parquet has no rows",
        ),
        Format(
            "xlsx",
            "an Excel workbook",
            "jsonl",
            lacks=(
                *("encoding", "rowElement"),
                *(each for each in TEXT_OPTIONS if each not in ROWS_OF_SHEETS),
                *JSON_OPTIONS,
            ),
            magic=b"PK",
            header=True,
            null_tokens=("",),
            typed=True,
            binary=True,
            no_rows="the sheet has no rows below its header",
        ),
        Format(
            "xml",
            "XML",
            "jsonl",
            lacks=("encoding", *TEXT_OPTIONS, *JSON_OPTIONS, "sheet"),
            begins=re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\b"),
            typed=True,
            binary=True,
            of_texts=True,
            no_rows="the XML has no rows",
        ),
    )
}
NAMES = {name: made for made in FORMATS.values() for name in (made.name, *made.aliases)}
"""The formats by every name that a contract may use."""
USUAL = FORMATS["csv"]
"""What a file is taken for that begins like none of the others."""


def format_that_begins(data: bytes) -> Format:
    """The format of a file that begins with these bytes."""
    return next((made for made in FORMATS.values() if made.begins and made.begins.match(data)), USUAL)


def common_format(one: Format, other: Format) -> Format | None:
    """The format that files of both have, None if there is none."""
    both = {one.name, other.name}
    return next((made for made in (one, other, *FORMATS.values()) if both <= {made.name, *made.contains}), None)
