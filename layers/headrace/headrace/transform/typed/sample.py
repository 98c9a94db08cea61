"""What the beginning of a typed file says of its columns, for who drafts a contract."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from headrace.transform.typed.json_lines import TooDeepError, json_texts, objects, plain
from headrace.transform.typed.reader import Tables
from headrace.transform.values.inference import Guess
from headrace.transform.values.json_text import MOST_DIGITS

ROWS = 10_000
BYTES = 8 << 20
WIDTHS = {8: "SMALLINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}
MOST_DECIMALS = 37
GUESSES = (
    (kinds.is_boolean, Guess("boolean")),
    (kinds.is_floating, Guess("number", "DOUBLE PRECISION")),
    (kinds.is_date, Guess("date")),
    (kinds.is_timestamp, Guess("timestamp")),
)


@dataclass(slots=True)
class Sample:
    """Rows as JSON Lines, the types that the file gives its columns, the columns that hold NaN, here left out.

    `row_element` is the element of XML that seems to be a row.
    """

    documents: bytes = b""
    guesses: dict[str, Guess] = field(default_factory=dict)
    not_numbers: list[str] = field(default_factory=list)
    row_element: str = ""


def sample_of(source: Tables) -> Sample:
    """The first rows. Raises FileRejected for a file that cannot be read."""
    made = Sample(guesses={each.name: found for each in source.schema if (found := guess_of(each.type))})
    rows = 0
    for table in source.tables(ROWS):
        made.documents += b"\n".join([*_documents(table, made), b""])
        rows += table.num_rows
        if rows >= ROWS or len(made.documents) >= BYTES:
            break
    return made


def _documents(table: pa.Table, made: Sample) -> list[bytes]:
    members = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = plain(column)
        if kinds.is_floating(array.type) and pc.all(finite := pc.is_finite(array)).as_py() is False:
            made.not_numbers += [name] if name not in made.not_numbers else []
            array = pc.if_else(finite, array, pa.scalar(None, array.type))
        try:
            members[name] = json_texts(array)
        except (pa.ArrowNotImplementedError, TooDeepError):
            continue
    lines: list[bytes] = objects(members, table.num_rows).to_pylist()
    return lines


def guess_of(kind: pa.DataType) -> Guess | None:
    """The type that a contract has for a type of Arrow; None where only values tell."""
    if kinds.is_integer(kind):
        needed = kind.bit_width * (2 if kinds.is_unsigned_integer(kind) else 1)
        return Guess("integer", WIDTHS[needed]) if needed in WIDTHS else Guess("number", "DECIMAL(20,0)")
    if kinds.is_decimal(kind):
        fits = kind.precision <= MOST_DIGITS and 0 <= kind.scale <= min(kind.precision, MOST_DECIMALS)
        return Guess("number", f"DECIMAL({kind.precision},{kind.scale})") if fits else None
    return next((found for matches, found in GUESSES if matches(kind)), None)
