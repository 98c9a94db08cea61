"""What only seems to wait, since a slow delivery of its event said so after a batch had taken the file."""

from __future__ import annotations

from dataclasses import replace

from headrace.domain.ingest.ledger import LIVE, FileStatus
from headrace.usecases.ingest.record_batch import record_batch
from tests.support.fakes import MemoryServices, file


def test_a_file_that_only_seems_to_wait_is_in_no_batch_and_waits_no_more() -> None:
    services = MemoryServices()
    loaded = replace(file("a.csv"), status=FileStatus.LOADED)
    services.ledger.given(loaded)
    services.ledger.records.waiting[LIVE, loaded.file_id] = file("a.csv")
    waiting = services.files.record_arrival(file("b.csv"))
    recorded = record_batch("readings", LIVE, 1, "e", services)
    assert services.batches.get(recorded["batch"]).file_ids == (waiting.file_id,)
    assert not services.ledger.records.waiting


def test_an_execution_that_finds_only_such_files_has_no_batch() -> None:
    services = MemoryServices()
    loaded = replace(file("a.csv"), status=FileStatus.LOADED)
    services.ledger.given(loaded)
    services.ledger.records.waiting[LIVE, loaded.file_id] = file("a.csv")
    assert record_batch("readings", LIVE, 1, "e", services)["batch"] is None
    assert not services.ledger.records.waiting
