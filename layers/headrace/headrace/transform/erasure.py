"""Rows of one value out of Parquet: good rows by their column, bad rows by the value standing in their raw bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.transform.output.parts import COMPRESSION

ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
"""In which a value is looked for in raw bytes: those of all files that the transform reads, or near enough."""
ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a column whose rows go. Blanks at the end mean nothing, as they do to Redshift."""

    column: str
    text: str

    def stands_in(self, raw: bytes) -> bool:
        """Whether the value is in the bytes, and not as a part of a longer word or number."""
        return any(self._stands(raw, encoding) for encoding in ENCODINGS)

    def _stands(self, raw: bytes, encoding: str) -> bool:
        try:
            wanted = self.text.encode(encoding)
        except UnicodeEncodeError:
            return False
        step = 2 if encoding.startswith("utf-16") else 1
        place = raw.find(wanted)
        while place >= 0:
            beside = raw[max(place - step, 0) : place] + raw[place + len(wanted) : place + len(wanted) + step]
            if not any(sign.isalnum() for sign in beside.decode("latin-1")):
                return True
            place = raw.find(wanted, place + 1)
        return False


Chosen = Callable[[pa.Table], pa.Array]
"""Which rows of a table go, as booleans without nulls."""


def good_rows(value: Value) -> Chosen:
    """The rows whose column has the value, as text."""

    def chosen(table: pa.Table) -> pa.Array:
        texts = pc.cast(table[value.column], pa.string())
        same = pc.equal(pc.utf8_rtrim(texts, characters=" "), value.text.rstrip(" "))
        return pc.fill_null(same, fill_value=False)

    return chosen


def bad_rows(value: Value) -> Chosen:
    """The quarantined rows in whose raw bytes the value stands."""

    def chosen(table: pa.Table) -> pa.Array:
        return pa.array([value.stands_in(raw or b"") for raw in table["raw"].to_pylist()], pa.bool_())

    return chosen


def count_rows(source: Path, chosen: Chosen, file_id: str) -> Counter[str]:
    """How many rows of each file would go, by the column that names their file."""
    found: Counter[str] = Counter()
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            table = pa.Table.from_batches([batch])
            found.update(table.filter(chosen(table))[file_id].to_pylist())
    return found


def write_without(source: Path, target: Path, chosen: Chosen) -> int:
    """Write all other rows to `target`, in the same schema. Returns how many those are."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression=COMPRESSION) as writer:
        kept = 0
        for batch in file.iter_batches(ROWS_AT_ONCE):
            table = pa.Table.from_batches([batch])
            rest = table.filter(pc.invert(chosen(table)))
            writer.write_table(rest)
            kept += rest.num_rows
    return kept
