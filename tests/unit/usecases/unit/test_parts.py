"""The rows of a file until it is known whether it counts: in memory, in the shared part, or in a part of their own."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.ingest.ledger import FileRecord
from headrace.transform import BadRow, Block, FileRejected, Limits, read_quarantine
from headrace.transform.outcome import RowError
from headrace.transform.schema import arrow_schema
from headrace.usecases import lake_paths
from headrace.usecases.unit import parts as module
from headrace.usecases.unit import spread_tasks
from headrace.usecases.unit.parts import ERROR_BYTES, UnitParts
from headrace.usecases.unit.spread_tasks import FileWork, Written, _Parts
from tests.support.fakes import MemoryLake, contract, file

ONE, TWO = file("one"), file("two")
NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - the column has no zone
SCHEMA = arrow_schema(contract())


def block(of: FileRecord, good: int = 0, bad: int = 0, raw: bytes = b"bad") -> Block:
    """Rows of a file whose numbers go on from 1."""
    lineage = {"_file_id": of.file_id, "_batch_id": "readings-1"}
    rows = [
        {"meter": f"m{number}", "read_at": NOON, "value": number, "_row_number": number, **lineage}
        for number in range(1, good + 1)
    ]
    error = RowError("value", "minimum", "it is less than 0")
    return Block(pa.Table.from_pylist(rows, schema=SCHEMA), [BadRow(n, raw, (error,)) for n in range(1, bad + 1)])


class Unit:
    """A unit's parts, and the lake that they are written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = MemoryLake()
        self.parts = UnitParts(folder, contract(), "readings-1", 7)

    def upload(self) -> dict[str, int]:
        """Writes all; the rows of each part by the end of its key, as they are promised and as they are."""
        made = self.parts.upload(self.lake)
        for part in made:
            assert part.size == len(self.lake.objects[part.key])
            assert pq.read_table(io.BytesIO(self.lake.objects[part.key])).num_rows == part.rows
        return {part.key: part.rows for part in made}

    def bad(self, name: str) -> list[tuple[str, int]]:
        key = lake_paths.quarantine("readings", "readings-1", name)
        rows = read_quarantine(self.lake.objects[key]) if key in self.lake.objects else []
        return [(row.file_id, row.row_number) for row in rows]


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


SHARED = lake_paths.part("readings", "readings-1", "0007")
OWN = {record.file_id: lake_paths.part("readings", "readings-1", f"0007-{record.file_id}") for record in (ONE, TWO)}


def test_small_files_share_a_part_and_a_part_of_bad_rows(unit: Unit) -> None:
    for record, good, bad in ((ONE, 2, 1), (TWO, 3, 2)):
        rows = unit.parts.begin(record)
        rows.add(block(record, good, bad))
        rows.add(block(record, 1))
        rows.keep()
    assert unit.upload() == {SHARED: 7}
    assert unit.bad("0007") == [(ONE.file_id, 1), (TWO.file_id, 1), (TWO.file_id, 2)]


def test_without_rows_nothing_is_written(unit: Unit) -> None:
    rows = unit.parts.begin(ONE)
    rows.add(block(ONE))
    rows.keep()
    assert (unit.upload(), unit.lake.objects) == ({}, {})


def test_bad_rows_alone_make_no_part_of_good_ones(unit: Unit) -> None:
    rows = unit.parts.begin(ONE)
    rows.add(block(ONE, bad=1))
    rows.keep()
    assert (unit.upload(), unit.bad("0007")) == ({}, [(ONE.file_id, 1)])
    assert unit.parts.shared.bad_key == lake_paths.quarantine("readings", "readings-1", "0007")


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_does_not_count_leaves_nothing(unit: Unit, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_BYTES", 0 if large else 1 << 30)
    rows = unit.parts.begin(ONE)
    rows.add(block(ONE, 5, 5))
    rows.drop()
    rows.keep()
    assert (unit.upload(), unit.lake.objects) == ({}, {})
    assert [path.name for path in unit.folder.iterdir()] == []


@pytest.mark.parametrize("large", [False, True])
def test_of_a_file_that_is_held_back_the_bad_rows_stay(
    unit: Unit, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLD_BYTES", 0 if large else 1 << 30)
    rows = unit.parts.begin(ONE)
    rows.add(block(ONE, 5, 2))
    rows.keep_bad()
    assert unit.upload() == {}
    assert unit.bad(f"0007-{ONE.file_id}" if large else "0007") == [(ONE.file_id, 1), (ONE.file_id, 2)]


def held(of: FileRecord, good: int, bad: int, raw: bytes = b"bad") -> int:
    """The bytes that a block takes in memory."""
    return int(block(of, good).good.nbytes) + bad * (len(raw) + ERROR_BYTES)


@pytest.mark.parametrize(("good", "bad"), [(5, 0), (0, 3), (4, 2)])
@pytest.mark.parametrize("more", [0, 1])
def test_what_is_more_than_memory_holds_goes_to_a_part_of_the_files_own(
    unit: Unit, good: int, bad: int, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLD_BYTES", 2 * held(ONE, good, bad) - more)
    rows = unit.parts.begin(ONE)
    rows.add(block(ONE, good, bad))
    rows.add(block(ONE, good, bad))
    rows.keep()
    small = unit.parts.begin(TWO)
    small.add(block(TWO, 1))
    small.keep()
    own = {OWN[ONE.file_id]: 2 * good} if more and good else {}
    assert unit.upload() == {SHARED: 1 + (0 if more else 2 * good)} | own
    assert len(unit.bad(f"0007-{ONE.file_id}" if more else "0007")) == 2 * bad


def test_each_large_file_has_its_own_part_and_what_was_written_counts_no_more(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLD_BYTES", held(ONE, 5, 0))
    for record in (ONE, TWO):
        rows = unit.parts.begin(record)
        for _ in range(4):
            rows.add(block(record, 5))
        rows.keep()
    assert unit.upload() == {OWN[ONE.file_id]: 20, OWN[TWO.file_id]: 20}


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_whose_parquet_fills_the_disk_is_rejected(
    unit: Unit, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLD_BYTES", 0)
    rows = unit.parts.begin(ONE)
    monkeypatch.setattr(module.Pair, "size", Limits().parquet + more)
    if not more:
        rows.add(block(ONE, 5))
        return
    with pytest.raises(FileRejected, match=f"take more than {Limits().parquet:,} bytes as Parquet") as rejected:
        rows.add(block(ONE, 5))
    assert rejected.value.code == "too_big"


def test_the_size_of_a_pair_is_what_is_on_the_disk(unit: Unit) -> None:
    pair = unit.parts.pair_of(ONE)
    assert pair.size == 0
    pair.write([block(ONE, 5).good], block(ONE, bad=3).bad, ONE)
    pair.close()
    assert pair.size == sum(path.stat().st_size for path in unit.folder.iterdir()) > 0
    assert len(list(unit.folder.iterdir())) == 2


@pytest.mark.parametrize(("errors", "on_disk"), [(1, False), (2, True)])
def test_rows_with_many_errors_take_more_room(
    errors: int, on_disk: bool, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad row is its bytes and each of its errors."""
    monkeypatch.setattr(module, "HOLD_BYTES", 3 + ERROR_BYTES)
    error = RowError("value", "minimum", "it is less than 0")
    rows = unit.parts.begin(ONE)
    rows.add(Block(SCHEMA.empty_table(), [BadRow(1, b"bad", (error,) * errors)]))
    assert bool(list(unit.folder.glob(f"*{ONE.file_id}*"))) is on_disk


def test_a_task_with_several_parts_gives_each_a_name(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread_tasks, "PART_BYTES", -1)
    work, written = FileWork(contract(), ONE, "readings-1", "0007-x", None), Written()  # type: ignore[arg-type]  # no counts wanted
    with _Parts(unit.folder, work, 3, written, unit.lake) as parts:
        for _ in range(3):
            parts.write(block(ONE, 2, 1))
    keys = [part.key for part in written.parts]
    assert len(set(keys)) == len(keys) == 3
    assert sum(part.rows for part in written.parts) == 6
    assert keys[0] == lake_paths.part("readings", "readings-1", "0007-x-00003"), "most tasks have one part"
    assert len(set(written.bad_parts)) == 3
    assert set(keys) <= unit.lake.objects.keys()
