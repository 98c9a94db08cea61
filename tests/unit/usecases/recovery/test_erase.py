"""Erasing a value: what is found, what is left, and runs that break off anywhere."""

from __future__ import annotations

import gzip
import io
import json
import re
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import View
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus, RowCounts
from headrace.domain.sql_text import MOST_BYTES
from headrace.errors import TransientError
from headrace.transform.erasure import Value
from headrace.usecases import lake_paths
from headrace.usecases.recovery.erase import OVERLAP, READ_AT_ONCE, EraseError, Report, erase
from tests.support.fakes import MemoryLanding, MemoryServices, contract, contracts_of, file

PERSON = "M-17"
READINGS = contract()


class Stack:
    """Two loaded files with rows of the person, a copy of one, one without, and one that failed with a row of hers."""

    def __init__(self) -> None:
        self.services = MemoryServices(contracts=contracts_of(READINGS))
        self.landing = MemoryLanding()
        self.files = {}
        for number, (name, meters) in enumerate((("a.csv", [PERSON, "M-1"]), ("b.csv", ["M-2"]), ("c.csv", [PERSON]))):
            self.files[name] = self._loaded(name, number, meters)
        copy = replace(file("copy.csv"), status=FileStatus.DUPLICATE, duplicate_of=self.files["a.csv"].file_id)
        failed = replace(file("failed.csv"), status=FileStatus.FAILED, reason="the first line is not the header")
        for number, (other, body) in enumerate(((copy, b"x"), (failed, b"meter\nM-17,1\n")), start=3):
            self._land(other, number, body)
        self.manifest()
        self.bad = [f"{PERSON},oops".encode(), b"M-170,oops"]
        self._quarantine(self.files["b.csv"].file_id)
        self.services.warehouse.answers = {
            "SELECT COUNT(*)": [[2]],
            "FROM etl.superseded": [[self.files["a.csv"].file_id]],
            "FROM etl.file_rows": [[self.files["a.csv"].file_id, 1, 1]],
        }
        self.services.ledger.events.note_file(self.files["a.csv"].file_id, "Transformed", {"first": PERSON})

    def _land(self, record: Any, number: int, body: bytes) -> Any:
        self.landing.put(record.key, body)
        record = replace(record, version=f"v{number}")
        self.services.ledger.records.files[record.file_id] = record
        self.services.lake.land(record, body)
        return record

    def _loaded(self, name: str, number: int, meters: list[str]) -> Any:
        record = replace(
            file(name),
            status=FileStatus.LOADED,
            batch="readings-1",
            rows=RowCounts(read=len(meters), loaded=len(meters)),
        )
        table = pa.table({"meter": meters, "_file_id": [record.file_id] * len(meters)})
        self.services.lake.objects[lake_paths.part("readings", "readings-1", f"{number}")] = parquet(table)
        return self._land(record, number, b"x")

    def _quarantine(self, file_id: str) -> None:
        table = pa.table({"raw": self.bad, "file_id": [file_id] * len(self.bad)})
        self.services.lake.objects[lake_paths.quarantine("readings", "readings-1", "0")] = parquet(table)

    def manifest(self) -> None:
        parts = [key for key, _ in self.services.lake.listing("readings/batch=")]
        entries = [{"url": f"s3://lake/{key}", "meta": {"content_length": 1}} for key in parts]
        self.services.lake.write_json(lake_paths.manifest("readings-1"), {"entries": entries})

    def erase(self, **options: Any) -> Report:
        return erase(READINGS, Value("meter", PERSON), self.landing, self.services, lambda _: None, **options)

    def meters(self) -> list[str]:
        found = [data for key, data in self.services.lake.objects.items() if key.startswith("readings/batch=")]
        return sorted(meter for data in found for meter in pq.read_table(io.BytesIO(data))["meter"].to_pylist())

    def raws(self) -> list[bytes]:
        data = self.services.lake.objects[lake_paths.quarantine("readings", "readings-1", "0")]
        return list(pq.read_table(io.BytesIO(data))["raw"].to_pylist())

    def landed(self) -> list[str]:
        return sorted(item.key for item in self.landing.all_versions)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_rows_of_the_value_go_everywhere_and_no_others() -> None:
    stack = Stack()
    report = stack.erase()
    assert stack.landed() == []  # b.csv had a bad row of hers, failed.csv one that was never read
    assert sorted(report.landed) == sorted(f"readings/{name}.csv" for name in ("a", "b", "c", "copy", "failed"))
    assert stack.meters() == ["M-1", "M-2"]
    assert stack.raws() == [b"M-170,oops"]
    assert (report.lake_rows, report.bad_rows, report.table_rows, report.ledger_entries) == (2, 1, 2, 1)
    assert PERSON not in json.dumps(
        [line.detail for lines in stack.services.ledger.records.events.values() for line in lines]
    )


def test_the_table_is_asked_under_the_lock_and_the_row_balance_holds() -> None:
    stack = Stack()
    stack.erase()
    first, account, delete = stack.services.warehouse.ran[-3:]
    assert first == "LOCK TABLE etl.guard_readings"
    assert account.startswith("INSERT INTO etl.superseded")
    assert delete == "DELETE FROM public.readings WHERE meter = 'M-17'"
    rows = stack.services.ledger.files.get(stack.files["a.csv"].file_id).rows
    assert rows == RowCounts(read=2, loaded=1, superseded=1)
    assert rows.balanced


def test_manifests_have_the_new_sizes() -> None:
    stack = Stack()
    stack.erase()
    found = stack.services.lake.read_json(lake_paths.manifest("readings-1"))["entries"]
    sizes = {entry["url"]: entry["meta"]["content_length"] for entry in found}
    written = {f"s3://lake/{key}": len(data) for key, data in stack.services.lake.objects.items()}
    assert [sizes[url] for url in sizes if sizes[url] != 1] == [written[url] for url in sizes if sizes[url] != 1]
    assert sum(size != 1 for size in sizes.values()) == 2


def test_a_dry_run_says_the_same_and_changes_nothing() -> None:
    stack, twin = Stack(), Stack()
    before = dict(stack.services.lake.objects)
    report = stack.erase(dry_run=True)
    done = twin.erase()
    assert (report.landed, report.lake_rows, report.bad_rows) == (done.landed, done.lake_rows, done.bad_rows)
    assert (report.table_rows, report.ledger_entries) == (done.table_rows, done.ledger_entries)
    assert stack.services.lake.objects == before
    assert len(stack.landed()) == 5
    assert stack.services.warehouse.ran == []


def test_a_second_run_finds_nothing() -> None:
    stack = Stack()
    stack.erase()
    stack.services.warehouse.answers["SELECT COUNT(*)"] = [[0]]
    assert not stack.erase().found


@pytest.mark.parametrize(
    "step",
    [
        "landing.delete",
        "lake.replace",
        "lake.write_json",
        "events.scrub_file",
        "events.scrub_batch",
        "batches.save",
        "warehouse.run",
    ],
)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_run_that_breaks_off_is_finished_by_the_next(step: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack()
    place, name = step.split(".")
    owner = stack.landing if place == "landing" else getattr(stack.services, place)
    original, calls = getattr(owner, name), iter(range(1, 100))

    def breaking(*arguments: Any, **options: Any) -> Any:
        if next(calls) == nth:
            raise TransientError("it broke off")
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, breaking)
    try:
        stack.erase()
    except TransientError:
        stack.erase()
    assert stack.landed() == []
    assert stack.meters() == ["M-1", "M-2"]
    assert stack.raws() == [b"M-170,oops"]
    assert "DELETE FROM public.readings WHERE meter = 'M-17'" in stack.services.warehouse.ran
    assert stack.services.ledger.files.get(stack.files["a.csv"].file_id).rows.balanced
    assert PERSON not in ledger_of(stack)


def test_what_cannot_be_asked_is_refused() -> None:
    stack = Stack()
    for value, words in (
        (Value("nothing", "x"), "has no column nothing"),
        (Value("read_at", "2026-01-01"), "text or whole numbers; it has meter, value"),
        (Value("meter", "  "), "empty value"),
        (Value("value", "ten"), "whole number"),
        (Value("meter", "x" * 2001), "more than 2,000 bytes"),
        (Value("meter", "é" * 1001), "more than 2,000 bytes"),
    ):
        with pytest.raises(EraseError, match=words):
            erase(READINGS, value, stack.landing, stack.services, lambda _: None)


def test_a_quote_in_the_value_is_a_value() -> None:
    stack = Stack()
    erase(READINGS, Value("meter", "O'Hara"), stack.landing, stack.services, lambda _: None)
    assert "DELETE FROM public.readings WHERE meter = 'O''Hara'" in stack.services.warehouse.ran


@pytest.mark.parametrize("status", ["pending", "running", "staged", "merging", "held"])
def test_nothing_is_erased_while_files_are_under_way(status: str) -> None:
    stack = Stack()
    stack.services.ledger.records.files["late"] = replace(file("late.csv"), status=FileStatus(status))
    with pytest.raises(EraseError, match="under way"):
        stack.erase()
    assert len(stack.landed()) == 5


def test_a_key_that_is_named_after_the_value_is_reported() -> None:
    stack = Stack()
    record = replace(stack.files["a.csv"], key=f"readings/{PERSON}.csv")
    stack.services.ledger.records.files[record.file_id] = record
    assert any(f"readings/{PERSON}.csv" in line for line in stack.erase().remains)


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_warehouse_forgets_a_key_that_is_named_after_the_value(dry_run: bool) -> None:
    stack = Stack()
    record = next(iter(stack.files.values()))
    stack.services.ledger.records.files[record.file_id] = replace(record, key=f"readings/{PERSON}.csv")
    named = stack.services.ledger.records.files[record.file_id].object_id
    stack.erase(dry_run=dry_run)
    forgotten = [statement for statement in stack.services.warehouse.ran if "etl.objects" in statement]
    wanted = f"DELETE FROM etl.objects WHERE dataset = 'readings' AND object IN ('{named}')"
    assert forgotten == ([] if dry_run else [wanted])


def test_a_history_loses_the_value_too() -> None:
    stack = Stack()
    erase(replace(READINGS, history=True), Value("meter", PERSON), stack.landing, stack.services, lambda _: None)
    deleted = [text for text in stack.services.warehouse.ran if text.startswith("DELETE FROM")]
    assert {"etl.versions_readings", "public.readings_history"} <= {text.split()[2] for text in deleted}


def named_after(stack: Stack, count: int) -> list[str]:
    """The objects of so many more files without such rows, whose keys have the value in them."""
    records = [replace(file(f"{PERSON}/{number}.csv"), status=FileStatus.LOADED) for number in range(count)]
    stack.services.ledger.records.files |= {record.file_id: record for record in records}
    return [record.object_id for record in records]


def test_keys_are_forgotten_some_at_a_time_after_the_rows() -> None:
    """Five thousand at once were a statement that the Data API refuses, before any row was deleted."""
    stack = Stack()
    named = set(named_after(stack, 7_000))
    stack.erase()
    ran = stack.services.warehouse.ran
    forgotten = [place for place, statement in enumerate(ran) if "FROM etl.objects" in statement]
    assert {name for place in forgotten for name in re.findall("'([\\w-]{16})'", ran[place])} == named
    assert max(len(ran[place].encode()) for place in forgotten) <= MOST_BYTES
    assert min(forgotten) > max(place for place, statement in enumerate(ran) if "DELETE FROM public" in statement)


def test_a_run_that_broke_off_before_the_keys_were_forgotten_is_finished_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = Stack()
    (named,) = named_after(stack, 1)
    run = stack.services.warehouse.run

    def breaking(statements: list[str]) -> None:
        if "etl.objects" in statements[0]:
            raise TransientError("it broke off")
        run(statements)

    monkeypatch.setattr(stack.services.warehouse, "run", breaking)
    with pytest.raises(TransientError):
        stack.erase()
    monkeypatch.setattr(stack.services.warehouse, "run", run)
    stack.erase()
    assert any("FROM etl.objects" in statement and named in statement for statement in stack.services.warehouse.ran)


def test_parts_of_an_earlier_contract_lack_the_column() -> None:
    """Two versions of a contract: the rows of the first cannot have a value of a column that the second brought."""
    stack = Stack()
    later = replace(READINGS, columns=(*READINGS.columns, replace(READINGS.columns[0], name="email", source="email")))
    record = stack.files["b.csv"].file_id
    table = pa.table({"meter": ["M-2", "M-3"], "email": ["a@b.example", None], "_file_id": [record] * 2})
    stack.services.lake.objects[lake_paths.part("readings", "readings-2", "0")] = parquet(table)
    report = erase(later, Value("email", "a@b.example"), stack.landing, stack.services, lambda _: None)
    assert (report.lake_rows, report.landed) == (1, ["readings/b.csv"])
    assert stack.meters() == ["M-1", PERSON, PERSON, "M-2", "M-3"]


def test_a_value_is_found_in_quarantine_in_the_contracts_encoding_and_escapes() -> None:
    stack = Stack()
    stack.bad = ["Škoda;x".encode("cp1250"), b'{"name": "\\u0160koda"}', "Škodan;x".encode("cp1250")]
    stack._quarantine(stack.files["b.csv"].file_id)
    spec = replace(READINGS, format=replace(READINGS.format, encoding="cp1250"))
    report = erase(spec, Value("meter", "Škoda"), stack.landing, stack.services, lambda _: None)
    assert (report.bad_rows, stack.raws()) == (2, ["Škodan;x".encode("cp1250")])


def test_views_are_refreshed_afterwards() -> None:
    stack = Stack()
    viewed = contract(views=(View("public.by_meter", "SELECT 1"),))
    stack.services.contracts = contracts_of(viewed)
    erase(viewed, Value("meter", PERSON), stack.landing, stack.services, lambda _: None)
    assert stack.services.warehouse.ran[-1] == "REFRESH MATERIALIZED VIEW public.by_meter"


# -- what is said and counted --------------------------------------------------------------------------------------


def test_what_is_being_done_is_said_as_it_is_done() -> None:
    stack = Stack()
    told: list[str] = []
    erase(READINGS, Value("meter", PERSON), stack.landing, stack.services, told.append)
    looked = [line for line in told if line.startswith("part ")]
    assert looked == [f"part {number} below readings/batch=" for number in (1, 2, 3)] + [
        "part 1 below quarantine/readings/"
    ]
    rest = told[len(looked) :]
    assert [line.partition(":")[0] for line in rest] == ["landed"] * 5 + ["lake"] * 3 + ["the table public.readings"]
    dry: list[str] = []
    erase(READINGS, Value("meter", PERSON), Stack().landing, Stack().services, dry.append, dry_run=True)
    assert [line for line in dry if not line.startswith("lake")] == [line for line in told if "lake" not in line]


def test_each_file_that_is_deleted_has_that_in_its_story() -> None:
    stack = Stack()
    stack.erase()
    for record in stack.files.values():
        events = stack.services.ledger.records.events[record.file_id]
        assert [line.detail for line in events if line.step == "Erased"] == [{"from": "landing"}]


@pytest.mark.parametrize("part", ["landed", "lake_rows", "bad_rows", "table_rows", "ledger_entries", "history_entries"])
def test_a_report_has_found_something_if_any_place_had_it(part: str) -> None:
    assert not Report().found
    assert asdict(Report()) == asdict(Report([], 0, 0, 0, 0, 0))
    report = Report()
    setattr(report, part, ["key"] if part == "landed" else 1)
    assert report.found


def test_a_whole_number_is_asked_as_a_number() -> None:
    stack = Stack()
    with pytest.raises(EraseError, match="value is a whole number"):
        erase(READINGS, Value("value", "1.5"), stack.landing, stack.services, lambda _: None)
    for key in [key for key in stack.services.lake.objects if "batch=" in key]:
        del stack.services.lake.objects[key]
    ids = [stack.files["a.csv"].file_id] * 2
    part = lake_paths.part("readings", "readings-1", "0")
    stack.services.lake.objects[part] = parquet(pa.table({"value": [7, 70], "_file_id": ids}))
    report = erase(READINGS, Value("value", " 007 "), stack.landing, stack.services, lambda _: None)
    assert (report.lake_rows, report.landed) == (1, ["readings/a.csv", "readings/copy.csv"])
    assert "DELETE FROM public.readings WHERE value = 7" in stack.services.warehouse.ran


# -- landing -------------------------------------------------------------------------------------------------------


PASSED_OVER = {"status": FileStatus.UNROUTABLE, "dataset": ""}


def failed_with(body: bytes, **changes: Any) -> tuple[Stack, str]:
    """One failed file with this content beside the others."""
    stack = Stack()
    record = replace(file("odd.csv"), **{"status": FileStatus.FAILED} | changes)
    stack._land(record, 5, body)
    return stack, record.key


@pytest.mark.parametrize(
    ("body", "changes", "erased"),
    [
        (b"meter\nM-17,1\n", {}, True),
        (b"meter\nM-170,1\n", {}, False),
        (b"meter\nM-17,1\n", PASSED_OVER, True),
        (b"meter\nM-170,1\n", PASSED_OVER, False),
        (b"meter\nM-17,1\n", PASSED_OVER | {"key": "odd/odd.csv"}, False),
        (b"meter\nM-17,1\n", PASSED_OVER | {"key": "readings/raw/odd.csv"}, False),
        (b"meter\nM-17,1\n", {"status": FileStatus.DUPLICATE, "duplicate_of": "f" * 24}, False),
        (b"meter\nM-17,1\n", {"rows": RowCounts(read=1, loaded=1)}, False),
        (b"x" * (READ_AT_ONCE - 2) + b",M-17,1\n", {}, True),
        (b"x" * (READ_AT_ONCE - 1) + b",M-17,1\n", {}, True),
        (b"x" * (2 * READ_AT_ONCE - 3) + b",M-17,1\n", {}, True),
        (b"x" * (READ_AT_ONCE - 5) + b",M-170,1\n", {}, False),
        (b"x" * (READ_AT_ONCE - OVERLAP) + b"M-17," + b"x" * OVERLAP, {}, False),
        (b"x" * (READ_AT_ONCE - OVERLAP) + b",M-17," + b"x" * OVERLAP, {}, True),
        (b"," + b"x" * (READ_AT_ONCE - 6) + b",M-17", {}, True),
        (b"M-17," + b"x" * READ_AT_ONCE, {}, True),
    ],
    ids=[
        "it",
        "another",
        "passed over",
        "passed over, another",
        "in no dataset's folder",
        "in another dataset's folder",
        "a copy of one without",
        "loaded",
        "at a border",
        "behind it",
        "at the second border",
        "longer behind a border",
        "longer before one",
        "where an overlap begins",
        "at the end",
        "at the beginning",
    ],
)
def test_of_a_file_that_never_loaded_the_bytes_are_looked_into(
    body: bytes, changes: dict[str, Any], erased: bool
) -> None:
    stack, key = failed_with(body, **changes)
    stack.services.contracts = contracts_of(READINGS, contract("raw", prefix="readings/raw/"))
    assert (key in stack.erase(dry_run=True).landed) is erased
    assert key in stack.landed()
    assert (key in stack.erase().landed) is erased
    assert (key in stack.landed()) is not erased


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("before", [1, 1999, 2001, 3999])
def test_the_longest_value_is_found_across_a_border(encoding: str, before: int) -> None:
    longest = "x" * 2000
    width = len("x".encode(encoding))
    body = ("\n" * ((READ_AT_ONCE - before) // width) + longest).encode(encoding)
    stack, key = failed_with(body)
    report = erase(READINGS, Value("meter", longest), stack.landing, stack.services, lambda _: None)
    assert key in report.landed


@pytest.mark.parametrize("changes", [{}, PASSED_OVER], ids=["failed", "passed over"])
@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"meter\nM-17,1\n", mtime=0), b"PAR1...", b"\xfd7zXZ..."],
    ids=["gzip", "Parquet", "xz"],
)
def test_a_compressed_file_that_never_loaded_is_named(body: bytes, changes: dict[str, Any]) -> None:
    stack, key = failed_with(body, **changes)
    report = stack.erase()
    assert (report.unread, key in report.landed, key in stack.landed()) == ([key], False, True)
    again = stack.erase(dry_run=True)
    assert again.unread == [key]
    stack.landing.delete(key, "v5")
    stack.services.lake.landed.pop(("landing", key, "v5"))
    assert stack.erase().unread == []


def test_an_archive_that_has_the_value_plain_goes_and_is_not_named() -> None:
    stack, key = failed_with(b"PK\x03\x04 stored: M-17,1\n")
    report = stack.erase()
    assert (key in report.landed, report.unread) == (True, [])


def test_an_empty_file_has_nothing() -> None:
    stack, key = failed_with(b"")
    report = stack.erase()
    assert (key in report.landed, report.unread) == (False, [])


def test_the_story_of_a_file_that_was_passed_over_is_looked_through_too() -> None:
    stack, key = failed_with(b"meter\nM-17,1\n", **PASSED_OVER | {"reason": f"its name is {PERSON}"})
    assert key in stack.erase().landed
    (record,) = [known for known in stack.services.ledger.records.files.values() if known.key == key]
    assert (record.status, record.dataset, record.reason) == (FileStatus.UNROUTABLE, "", "erased")


@pytest.mark.parametrize("reason", [f"row 1: {PERSON}", "row 1: its length"])
@pytest.mark.parametrize("changes", [{}, PASSED_OVER], ids=["failed", "passed over"])
def test_of_a_failed_file_whose_bytes_are_gone_reason_and_story_lose_the_value(
    changes: dict[str, Any], reason: str
) -> None:
    stack, key = failed_with(b"meter\nM-17,1\n", reason=reason, **changes)
    (record,) = [known for known in stack.services.ledger.records.files.values() if known.key == key]
    stack.services.ledger.events.note_file(record.file_id, "Failed", {"reason": f"row 1: {PERSON}"})
    stack.services.lake.landed.pop(("landing", key, "v5"))
    stack.landing.delete(key, "v5")
    found = 3 if PERSON in reason else 2
    assert stack.erase(dry_run=True).ledger_entries == found
    assert PERSON in ledger_of(stack)
    report = stack.erase()
    assert (key in report.landed, report.ledger_entries) == (False, found)
    assert PERSON not in ledger_of(stack)


@pytest.mark.parametrize("status", [FileStatus.LOADED, FileStatus.DUPLICATE])
def test_a_file_without_such_a_row_may_still_have_the_value_in_its_reason(status: FileStatus) -> None:
    """One that a later contract refused keeps its rows, and says why it could not be loaded again."""
    stack, key = failed_with(b"x", status=status, reason=f"it could not be loaded again: {PERSON} is no new category")
    assert key not in stack.erase().landed
    assert PERSON not in ledger_of(stack)


def ledger_of(stack: Stack) -> str:
    """Everything that the ledger says, but for the names of objects."""
    records = stack.services.ledger.records
    said = [(known.reason, known.detected) for known in records.files.values()]
    batches = [known.reason for known in records.batches.values()]
    return json.dumps([said, batches, [line.detail for lines in records.events.values() for line in lines]])


def with_batch(name: str, stack: Stack, status: BatchStatus, reason: str) -> None:
    batch = BatchRecord(name, "readings", LIVE, 1, status, (), "t", reason=reason)
    stack.services.ledger.records.batches[name] = batch
    stack.services.ledger.events.note_batch(name, "Failed", {"reason": reason})


def test_batches_lose_the_value_too_also_those_that_a_file_was_in_before() -> None:
    stack = Stack()
    with_batch("readings-1", stack, BatchStatus.LOADED, f"recorded without details: {PERSON}")
    with_batch("readings-0", stack, BatchStatus.FAILED, f"it could not be loaded: {PERSON} is too long")
    with_batch("readings-7", stack, BatchStatus.REJECTED, f"no such meter: {PERSON}")
    with_batch("readings-8", stack, BatchStatus.FAILED, "M-170 is too long")
    events = stack.services.ledger.events
    events.note_file(stack.files["a.csv"].file_id, "Set apart", {"batch": "readings-0", "with": PERSON})
    events.note_file(stack.files["c.csv"].file_id, "Rejected", {"batch": "readings-7"})
    events.note_file(stack.files["c.csv"].file_id, "Rejected", {"batch": "readings-8"})
    events.note_file(stack.files["c.csv"].file_id, "Rejected", {"batch": "expired"})
    assert stack.erase(dry_run=True).ledger_entries == 8
    assert stack.erase().ledger_entries == 8
    said = ledger_of(stack)
    assert PERSON not in said.replace("M-170", "")
    assert said.count("M-170") == 2
    assert stack.services.ledger.batches.get("readings-0").status is BatchStatus.FAILED
    assert not stack.erase(dry_run=True).ledger_entries


@pytest.mark.parametrize("text", ['O"Hara', "back\\slash", "Grüße", "two\nlines"])
def test_a_value_that_json_would_escape_is_found_in_stories_and_findings(text: str) -> None:
    stack = Stack()
    record = replace(stack.files["a.csv"], reason=f"row 1: {text}", detected={"unknown": [{"first": text}], text: 1})
    stack.services.ledger.records.files[record.file_id] = record
    stack.services.ledger.events.note_file(record.file_id, "Transformed", {"broken": {text: 3}})
    erase(READINGS, Value("meter", text), stack.landing, stack.services, lambda _: None)
    assert json.dumps(text)[1:-1] not in ledger_of(stack)


def test_a_version_that_landing_has_no_more_is_not_reported_as_deleted() -> None:
    stack = Stack()
    stack.landing.delete("readings/a.csv", "v0")
    report = stack.erase()
    assert sorted(report.landed) == [f"readings/{name}.csv" for name in ("b", "c", "copy", "failed")]
    assert report.ledger_entries == 1, "its story is looked through all the same"


# -- ledger and warehouse ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("changes", "entries"),
    [
        ({"reason": f"row 1 has {PERSON}"}, 2),
        ({"detected": {"first": PERSON}}, 2),
        ({"reason": "row 1 has M-170"}, 1),
    ],
)
def test_reasons_and_findings_lose_the_value(changes: dict[str, Any], entries: int, dry_run: bool) -> None:
    stack = Stack()
    record = replace(stack.files["a.csv"], **changes)
    stack.services.ledger.records.files[record.file_id] = record
    assert stack.erase(dry_run=dry_run).ledger_entries == entries
    after = stack.services.ledger.files.get(record.file_id)
    if dry_run or entries == 1:
        assert (after.reason, after.detected) == (record.reason, record.detected)
    else:
        assert (after.reason, after.detected) == ("erased" if record.reason else None, {})


def test_of_many_files_the_counts_are_corrected_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.usecases.recovery.erase.IDS_AT_ONCE", 1)
    stack = Stack()
    names = [stack.files[name].file_id for name in ("a.csv", "c.csv")]
    asked: list[str] = []
    stack.services.warehouse.answers["FROM etl.superseded"] = [[name] for name in (*names, "f" * 24)]
    query = stack.services.warehouse.query

    def noted(sql: str) -> list[list[Any]]:
        if "FROM etl.file_rows" not in sql:
            return query(sql)
        asked.append(sql)
        return [[name, 0, 5] for name in (*names, "f" * 24) if name in sql]

    monkeypatch.setattr(stack.services.warehouse, "query", noted)
    stack.services.ledger.records.files[names[1]] = replace(
        stack.files["c.csv"], rows=RowCounts(read=7, loaded=5, superseded=2), replayed=2
    )
    stack.erase()
    assert len(asked) == 3
    assert stack.services.ledger.files.get(names[1]).rows == RowCounts(read=7, loaded=0, superseded=7)


def test_where_the_table_has_no_such_row_no_lock_is_taken() -> None:
    stack = Stack()
    stack.services.warehouse.answers["SELECT COUNT(*)"] = [[0]]
    assert stack.erase().table_rows == 0
    assert not [statement for statement in stack.services.warehouse.ran if "LOCK" in statement or "DELETE" in statement]


@pytest.mark.parametrize("in_table", [0, 2])
def test_what_checks_and_decisions_say_goes_also_where_the_rows_never_came_to_the_table(in_table: int) -> None:
    """A batch that was held and rejected has figures, findings and a decision, and no row."""
    stack = Stack()
    said = ["meter categories: M-17 is new", "M-170 is new", "rejected by ann: M-17, O'Hara"]
    stack.services.warehouse.answers = {
        "etl.quality_figures": [[3]],
        "etl.quality_results": [[sentence] for sentence in said],
        "SELECT COUNT(*)": [[in_table]],
    }
    before = stack.erase(dry_run=True)
    assert (before.history_entries, before.found, stack.services.warehouse.ran) == (5, True, [])
    assert stack.erase().history_entries == 5
    gone = "'meter categories: M-17 is new', 'rejected by ann: M-17, O''Hara'"
    assert stack.services.warehouse.ran[:3] == [
        "DELETE FROM etl.quality_figures WHERE dataset = 'readings' AND category = 'M-17'",
        f"DELETE FROM etl.quality_results WHERE dataset = 'readings' AND sentence IN ({gone})",
        f"UPDATE etl.holds SET reason = 'erased' WHERE dataset = 'readings' AND reason IN ({gone})",
    ]


def test_many_sentences_are_erased_in_statements_that_the_data_api_takes() -> None:
    stack = Stack()
    said = [f"M-17 {number:04} ".ljust(2_000, "'") for number in range(95)]
    stack.services.warehouse.answers = {"etl.quality_results": [[sentence] for sentence in said], "COUNT(*)": [[0]]}
    assert stack.erase().history_entries == 95
    holds = [sql for sql in stack.services.warehouse.ran if "etl.holds" in sql]
    assert [sql.count("M-17") for sql in holds] == [10] * 9 + [5]
    assert max(map(len, holds)) < MOST_BYTES / 2


def test_where_nothing_was_said_of_the_value_no_history_is_changed() -> None:
    stack = Stack()
    stack.services.warehouse.answers = {"etl.quality_results": [["M-170 is new"]], "COUNT(*)": [[0]]}
    assert stack.erase().history_entries == 0
    assert stack.services.warehouse.ran == []
