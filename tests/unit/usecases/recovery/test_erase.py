"""Erasing a value: what is found, what is left, and runs that break off anywhere."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import View
from headrace.domain.ingest.ledger import FileStatus, RowCounts
from headrace.errors import TransientError
from headrace.transform.erasure import Value
from headrace.usecases import lake_paths
from headrace.usecases.recovery.erase import EraseError, Report, erase
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
    first, account, delete = stack.services.warehouse.ran[:3]
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


@pytest.mark.parametrize("step", ["landing.delete", "lake.replace", "lake.write_json", "events.scrub", "warehouse.run"])
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


def test_what_cannot_be_asked_is_refused() -> None:
    stack = Stack()
    for value, words in (
        (Value("nothing", "x"), "has no column nothing"),
        (Value("read_at", "2026-01-01"), "text or whole numbers; it has meter, value"),
        (Value("meter", "  "), "empty value"),
        (Value("value", "ten"), "whole number"),
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


def test_views_are_refreshed_afterwards() -> None:
    stack = Stack()
    viewed = contract(views=(View("public.by_meter", "SELECT 1"),))
    stack.services.contracts = contracts_of(viewed)
    erase(viewed, Value("meter", PERSON), stack.landing, stack.services, lambda _: None)
    assert stack.services.warehouse.ran[-1] == "REFRESH MATERIALIZED VIEW public.by_meter"
