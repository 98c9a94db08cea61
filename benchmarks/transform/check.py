"""Whether an engine's result is exactly what the file means: every row, every column, every byte of a bad row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.transform.data import SCHEMA, Events, rows_of_ids

BATCH = 65_536


@dataclass(slots=True)
class Verdict:
    """How many rows went wrong, by what went wrong; all zero is exact."""

    good_lost: int = 0
    good_altered: int = 0
    good_misnumbered: int = 0
    bad_accepted: int = 0
    bad_unreported: int = 0
    bad_misnumbered: int = 0
    raw_inexact: int = 0
    column_wrong: int = 0

    @property
    def exact(self) -> bool:
        """Whether nothing went wrong."""
        return not any(asdict(self).values())

    def __str__(self) -> str:
        wrong = [f"{count:,} {name.replace('_', ' ')}" for name, count in asdict(self).items() if count]
        return ", ".join(wrong) or "exact"


def check(events: Events, folder: Path, *, kind: str = "csv") -> Verdict:
    """Compares `good.parquet` and `bad.parquet` in the folder with the truth about the file of that kind."""
    verdict = Verdict()
    _check_good(events, folder / "good.parquet", kind, verdict)
    _check_bad(events, folder / "bad.parquet", kind, verdict)
    return verdict


def _check_good(events: Events, path: Path, kind: str, verdict: Verdict) -> None:
    seen: list[pa.Array] = []
    for found in _batches(path):
        numbers = rows_of_ids(found["event_id"])
        known = pc.and_(pc.is_valid(numbers), pc.less_equal(pc.fill_null(numbers, 0), events.rows))
        known = pc.and_(known, pc.invert(events.is_bad(pc.fill_null(numbers, 0))))
        verdict.bad_accepted += len(numbers) - _count(known)
        good, numbers = found.filter(known), numbers.filter(known)
        verdict.good_misnumbered += _count(pc.not_equal(good["_row_number"], numbers))
        verdict.good_altered += _altered(good, events.values(numbers, kind=kind))
        seen.append(numbers)
    distinct = pc.count_distinct(pa.chunked_array(seen, pa.int64())).as_py()
    verdict.good_lost = events.rows - events.bad_rows - distinct
    verdict.good_altered += sum(map(len, seen)) - distinct


def _altered(found: pa.Table, expected: pa.Table) -> int:
    """How many rows differ in any column; a row that is there twice is one too many."""
    same = pa.repeat(pa.scalar(value=True), found.num_rows)
    for name in SCHEMA.names:
        equal = pc.fill_null(pc.equal(found[name], expected[name]), pa.scalar(value=False))
        both_null = pc.and_(pc.is_null(found[name]), pc.is_null(expected[name]))
        same = pc.and_(same, pc.or_(equal, both_null))
    return int(found.num_rows) - _count(same)


def _check_bad(events: Events, path: Path, kind: str, verdict: Verdict) -> None:
    reported = _reported(path)
    for number, raw, column in events.bad_lines(kind):
        said = reported.pop(number, None)
        if said is None:
            verdict.bad_unreported += 1
            continue
        verdict.raw_inexact += said[0] != raw
        verdict.column_wrong += said[1] != column
    verdict.bad_misnumbered = len(reported)


def _reported(path: Path) -> dict[int, tuple[bytes, str | None]]:
    """The bad rows by their number: their bytes, and the first column at fault."""
    found: dict[int, tuple[bytes, str | None]] = {}
    for batch in _batches(path):
        columns = batch["column"].to_pylist() if "column" in batch.column_names else _first_columns(batch)
        rows = zip(batch["row_number"].to_pylist(), batch["raw"].to_pylist(), columns, strict=True)
        found.update({number: (raw, column) for number, raw, column in rows})
    return found


def _first_columns(batch: pa.Table) -> list[str | None]:
    return [errors[0]["column"] for errors in batch["errors"].to_pylist()]


def _batches(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, use_threads=False):
            yield pa.Table.from_batches([batch])


def _count(mask: pa.Array | pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
