"""A unit spread over a cluster has the results of one function, to the row, the reason and the hash."""

from __future__ import annotations

import gzip
import io
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, FileFormat, Kind
from headrace.domain.files.key_values import NAME
from headrace.domain.ingest.ledger import LIVE, BatchRecord
from headrace.errors import TransientError
from headrace.transform import BadRow, Block, read_quarantine
from headrace.transform.outcome import RowError
from headrace.transform.split.range_rows import RangeReport
from headrace.usecases import lake_paths
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.unit.spread import Item, Result, _stopping, transform_spread
from headrace.usecases.unit.spread_tasks import FileWork, Written, _wanted
from headrace.usecases.unit.transform import Services, transform_unit
from tests.support.fakes import MemoryServices, contract, contracts_of, file

RANGE = 300
HEADER = b"meter,read_at,value\n"
OPTIONAL = tuple(replace(column, required=False) for column in contract().columns)
NAMED = (*contract().columns, Column("name", "name", Kind.STRING, "VARCHAR(9)", max_bytes=9, origin=NAME))
KEEPS = (*contract().columns, Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True))


@dataclass
class OneAfterTheOther:
    """A cluster of one process, which takes and gives only what can travel."""

    services: Services
    asked: list[str] = field(default_factory=list)
    breaks_on: str = ""

    def map(
        self, task: Callable[[FileWork, Item, Services], Result], work: FileWork, items: Sequence[Item]
    ) -> list[Result]:
        self.asked.append(task.__name__)
        if task.__name__ == self.breaks_on:
            raise TransientError("an executor was lost")
        sent = pickle.loads(pickle.dumps((task, work, list(items))))
        return [pickle.loads(pickle.dumps(sent[0](sent[1], item, self.services))) for item in sent[2]]


def rows(first: int, count: int, value: str = "{}") -> bytes:
    return b"".join(
        b"m%d,2026-01-01T00:00:00Z,%b\n" % (number, value.format(number).encode())
        for number in range(first, first + count)
    )


PLAIN = HEADER + rows(0, 60)
BAD = HEADER + rows(0, 20) + rows(20, 20, "-{}") + b'"open,1,2\n"two\nlines",2026-01-01T00:00:00Z,x\n' + rows(40, 30)
DRIFTS = b"meter,read_at,value,site\n" + rows(0, 40, "{},s7") + rows(40, 20, "5,")
LINES = b"".join(
    b'{"meter": "m%d", "read_at": "2026-01-01T00:00:00Z", "value": %d, "k%d": 1}\n' % (n, n, n // 9) for n in range(60)
)
CASES: dict[str, tuple[dict[str, Any], bytes]] = {
    "plain": ({}, PLAIN),
    "bad rows": ({}, BAD),
    "held by number": ({"max_bad_rows": 7}, BAD),
    "held in the first range": ({"max_bad_rows": 0}, HEADER + rows(0, 1, "-1") + rows(1, 60)),
    "held by share": ({"max_bad_share": 0.1}, BAD),
    "within limits": ({"max_bad_rows": 30, "max_bad_share": 0.9}, BAD),
    "drift": ({"columns": KEEPS}, DRIFTS),
    "drift refused": ({"columns": KEEPS, "refuse_unknown": True}, DRIFTS),
    "no header": ({}, rows(0, 60)),
    "its name in each row": ({"columns": NAMED}, BAD),
    "a row says another name": ({"columns": NAMED}, PLAIN.replace(b"value\n", b"name\n")),
    "a key that breaks the contract": ({"columns": NAMED, "folder_templates": ("dt={dt}",)}, PLAIN),
    "only a header": ({}, HEADER),
    "empty": ({}, b""),
    "a line too long": ({"format": FileFormat(max_line_bytes=100)}, PLAIN + b"x" * 200 + b"\n" + rows(60, 20)),
    "gzip": ({}, gzip.compress(BAD)),
    "torn gzip": ({}, gzip.compress(BAD)[:-20]),
    "json lines": ({"format": FileFormat(kind="jsonl"), "columns": KEEPS}, LINES + b"[]\n" + LINES),
    "json array": ({"format": FileFormat(kind="json")}, b"[" + LINES[:-1].replace(b"\n", b",") + b"]"),
    "json drift refused": ({"format": FileFormat(kind="jsonl"), "columns": KEEPS, "refuse_unknown": True}, LINES),
    "json, ours after others": ({"format": FileFormat(kind="jsonl"), "columns": OPTIONAL}, b'{"x": 1}\n' * 60 + LINES),
    "json of another dataset": (
        {"format": FileFormat(kind="jsonl"), "columns": OPTIONAL},
        b"{}\n" * 200 + b'{"x": 1}\n' * 60,
    ),
    "open records without end": ({"format": FileFormat(escape="\\")}, HEADER + b"m\\\n" * 300),
}
Transform = Callable[[BatchRecord, int, MemoryServices], Any]


def spread(batch: BatchRecord, number: int, services: MemoryServices) -> Any:
    return transform_spread(batch, number, services, OneAfterTheOther(services), RANGE)


def outcome(spec: Contract, data: bytes, transform: Transform, times: int = 1) -> tuple[MemoryServices, dict[str, Any]]:
    """Results, rows and bad rows of a file, and what is left in the lake."""
    services = MemoryServices(contracts_of(spec))
    landed = file("a.csv", size=len(data))
    services.ledger.files.record_arrival(landed)
    services.lake.land(landed, data)
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    batch = services.batches.get(recorded["batch"])
    for _ in range(times):
        summary = transform(batch, 1, services)
    result = services.lake.read_json(lake_paths.result(batch.batch, 1))
    objects = services.lake.objects
    good = [row for part in result["parts"] for row in pq.read_table(io.BytesIO(objects[part["key"]])).to_pylist()]
    counted = sum(part["rows"] for part in result["parts"])
    sizes = all(part["size"] == len(objects[part["key"]]) for part in result["parts"])
    bad = [row for key in sorted(objects) if "quarantine" in key for row in read_quarantine(objects[key])]
    stray = [key for key in objects if key.startswith("readings/") and key not in {p["key"] for p in result["parts"]}]
    return services, {
        "summary": summary,
        "files": result["files"],
        "good": good,
        "counted": counted,
        "sizes": sizes,
        "bad": bad,
        "stray": stray,
    }


@pytest.mark.parametrize("case", CASES)
def test_a_file_has_the_same_results_by_both_engines(case: str) -> None:
    changes, data = CASES[case]
    spec = contract(**changes)
    expected = outcome(spec, data, transform_unit)[1]
    assert outcome(spec, data, spread)[1] == expected
    assert expected["stray"] == []


@pytest.mark.parametrize("transform", [transform_unit, spread])
def test_a_file_with_two_reasons_to_be_refused_is_refused_for_one(transform: Transform) -> None:
    """A function reads a block before it counts its rows, so which comes first is not the same."""
    spec = contract(format=FileFormat(max_line_bytes=100), max_bad_rows=1)
    found = outcome(spec, HEADER + rows(0, 60, "-1") + b"x" * 200, transform)[1]
    assert (found["files"][0]["verdict"], found["good"]) == ("failed", [])


@pytest.mark.parametrize("case", ["plain", "bad rows", "held by number", "a line too long", "gzip"])
def test_done_again_it_leaves_the_same_objects(case: str) -> None:
    changes, data = CASES[case]
    once, twice = (outcome(contract(**changes), data, spread, times)[0].lake.objects for times in (1, 2))
    assert once == twice


def test_a_try_with_other_ranges_leaves_nothing_behind() -> None:
    def first_finer(batch: BatchRecord, number: int, services: MemoryServices) -> Any:
        transform_spread(batch, number, services, OneAfterTheOther(services), RANGE // 3)
        return spread(batch, number, services)

    assert outcome(contract(), BAD, first_finer)[0].lake.objects == outcome(contract(), BAD, spread)[0].lake.objects


def test_the_same_content_again_is_a_duplicate_and_leaves_nothing() -> None:
    services = MemoryServices()
    for name in ("a.csv", "b.csv"):
        landed = file(name, size=len(PLAIN))
        services.ledger.files.record_arrival(landed)
        services.lake.land(landed, PLAIN)
    batch = services.batches.get(record_batch("readings", LIVE, 1, "readings-1", services)["batch"])
    assert spread(batch, 1, services)["files"] == {"duplicate": 1, "good": 1}
    result = services.lake.read_json(lake_paths.result(batch.batch, 1))
    assert {key for key in services.lake.objects if key.startswith("readings/")} == {p["key"] for p in result["parts"]}
    assert [each["rows_read"] for each in result["files"]] == [60, 60]


def test_a_plain_file_is_cut_and_a_small_one_is_not() -> None:
    for size, first in ((RANGE, "find_border"), (1 << 20, "write_whole")):
        services = MemoryServices()
        landed = file("a.csv", size=len(PLAIN))
        services.ledger.files.record_arrival(landed)
        services.lake.land(landed, PLAIN)
        batch = services.batches.get(record_batch("readings", LIVE, 1, "readings-1", services)["batch"])
        cluster = OneAfterTheOther(services)
        transform_spread(batch, 1, services, cluster, size)
        assert cluster.asked[0] == first
        assert len(services.lake.read_json(lake_paths.result(batch.batch, 1))["parts"]) == (len(PLAIN) // size or 1) + (
            size == RANGE
        )


@pytest.mark.parametrize("task", ["find_border", "skim_span", "write_range"])
def test_a_lost_cluster_fails_the_unit_and_no_file(task: str) -> None:
    def lost(batch: BatchRecord, number: int, services: MemoryServices) -> Any:
        return transform_spread(batch, number, services, OneAfterTheOther(services, breaks_on=task), RANGE)

    with pytest.raises(TransientError):
        outcome(contract(), PLAIN, lost)


def test_a_file_that_goes_away_fails_alone() -> None:
    def gone(batch: BatchRecord, number: int, services: MemoryServices) -> Any:
        services.lake.landed.clear()
        return spread(batch, number, services)

    for data in (PLAIN, gzip.compress(PLAIN)):
        assert cast("Any", outcome(contract(), data, gone)[1]["files"])[0]["verdict"] == "failed"


def test_bad_rows_that_a_function_wrote_before_do_not_stay_beside_those_of_spark() -> None:
    def first_by_a_function(batch: BatchRecord, number: int, services: MemoryServices) -> Any:
        transform_unit(batch, number, services)
        return spread(batch, number, services)

    _, by_both = outcome(contract(), BAD, first_by_a_function)
    _, by_spark = outcome(contract(), BAD, spread)
    assert by_both["bad"] == by_spark["bad"]


@pytest.mark.parametrize(("range_bytes", "first"), [(len(PLAIN), "write_whole"), (len(PLAIN) - 1, "find_border")])
def test_a_file_of_just_one_range_is_read_as_a_whole(range_bytes: int, first: str) -> None:
    asked: list[str] = []

    def noted(batch: BatchRecord, number: int, services: MemoryServices) -> Any:
        return transform_spread(batch, number, services, OneAfterTheOther(services, asked), range_bytes)

    assert outcome(contract(), PLAIN, noted)[1] == outcome(contract(), PLAIN, transform_unit)[1]
    assert asked[0] == first


@dataclass
class Blocks:
    """A transform of a range that gives a bad row and a good one in each block."""

    report: RangeReport = field(default_factory=RangeReport)
    read: int = 0

    def __iter__(self) -> Iterator[Block]:
        for number in range(1, 6):
            self.read = number
            self.report.rows_bad += 1
            yield Block(pa.table({}), [BadRow(number, b"x", (RowError("value", "minimum", "odd"),))])


@pytest.mark.parametrize(("wanted", "read"), [(1, 1), (2, 2), (3, 3), (9, 5)])
def test_a_range_is_read_up_to_the_last_bad_row_that_is_wanted(wanted: int, read: int) -> None:
    transform, written = Blocks(), Written()
    blocks = list(_wanted(transform, wanted, written))  # type: ignore[arg-type]  # a fake of the transform
    assert (len(blocks), transform.read, transform.report.rows_bad) == (read, read, read)
    assert (written.last_bad, written.broken) == (read, {"value: minimum": read})


@pytest.mark.parametrize("error", [None, TransientError("an executor was lost")])
def test_whoever_reads_beside_the_ranges_stops_when_they_end(error: Exception | None) -> None:
    with suppress(TransientError), _stopping() as stopped:
        assert not stopped.is_set()
        if error:
            raise error
    assert stopped.is_set()
