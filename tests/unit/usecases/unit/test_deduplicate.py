"""Content identity: what is a duplicate of what."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.usecases import lake_paths
from headrace.usecases.unit.deduplicate import claim
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, contract, file

SAME = "f" * 64


def loaded(services: MemoryServices, record: FileRecord, sha256: str | None = SAME) -> FileRecord:
    services.ledger.given(replace(record, status=FileStatus.LOADED, sha256=sha256))
    if sha256:
        assert claim(record, sha256, contract(), services) is None
    return record


def running(services: MemoryServices, record: FileRecord) -> FileRecord:
    services.ledger.given(replace(record, status=FileStatus.RUNNING))
    return record


def test_a_copy_under_another_name_is_a_duplicate() -> None:
    services = MemoryServices()
    first = loaded(services, file("a.csv"))
    holder = claim(running(services, file("b.csv")), SAME, contract(), services)
    assert holder is not None
    assert holder.file_id == first.file_id


def test_claiming_again_is_no_duplicate_of_oneself() -> None:
    services = MemoryServices()
    first = running(services, file("a.csv"))
    assert claim(first, SAME, contract(), services) is None
    assert claim(first, SAME, contract(), services) is None


def test_a_failed_file_loses_its_content() -> None:
    services = MemoryServices()
    first = loaded(services, file("a.csv"))
    services.ledger.given(replace(first, status=FileStatus.FAILED))
    assert claim(running(services, file("b.csv")), SAME, contract(), services) is None


def test_content_that_was_changed_and_changed_back_is_loaded_again() -> None:
    services = MemoryServices()
    loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    loaded(services, file("a.csv", file_id="2" * 24, sequencer="02", version="v2"), sha256="e" * 64)
    back = running(services, file("a.csv", file_id="3" * 24, sequencer="03", version="v3"))
    assert claim(back, SAME, contract(), services) is None


def test_a_version_that_failed_in_between_may_be_retried_so_the_same_bytes_are_loaded_again() -> None:
    services = MemoryServices()
    loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    failed = running(services, file("a.csv", file_id="2" * 24, sequencer="02", version="v2"))
    services.ledger.given(replace(failed, status=FileStatus.FAILED))
    back = running(services, file("a.csv", file_id="3" * 24, sequencer="03", version="v3"))
    assert claim(back, SAME, contract(), services) is None


def test_changed_back_within_one_batch_is_loaded_too() -> None:
    services = MemoryServices()
    loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    running(services, file("a.csv", file_id="2" * 24, sequencer="02", version="v2"))
    back = running(services, file("a.csv", file_id="3" * 24, sequencer="03", version="v3"))
    assert claim(back, SAME, contract(), services) is None


def test_the_same_content_under_the_same_name_is_a_duplicate() -> None:
    services = MemoryServices()
    loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    again = running(services, file("a.csv", file_id="2" * 24, sequencer="02", version="v2"))
    assert claim(again, SAME, contract(), services) is not None


def test_content_that_another_file_replaced_is_loaded_again() -> None:
    services = MemoryServices()
    loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    loaded(services, file("a.csv", file_id="2" * 24, sequencer="02", version="v2"), sha256="e" * 64)
    assert claim(running(services, file("b.csv")), SAME, contract(), services) is None
    assert claim(running(services, file("c.csv")), SAME, contract(replace_versions=False), services) is not None


def test_the_same_content_again_and_again_stays_a_duplicate() -> None:
    services = MemoryServices()
    loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    for number in ("2", "3", "4"):  # in one batch, so none has its final status yet
        again = running(services, file("a.csv", file_id=number * 24, sequencer=f"0{number}", version=number))
        assert claim(again, SAME, contract(), services) is not None
    services.ledger.given(replace(services.ledger.files.get("4" * 24), status=FileStatus.DUPLICATE))
    last = running(services, file("a.csv", file_id="5" * 24, sequencer="05", version="5"))
    assert claim(last, SAME, contract(), services) is not None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("readings/a.csv", "it is the same file, sent again: its content came with version v1"),
        ("readings/b.csv", "its content is that of readings/a.csv (version v1), which has it already"),
    ],
)
def test_a_duplicate_says_whose_content_it_has(key: str, said: str) -> None:
    services = MemoryServices()
    body = b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n"
    first = file("a.csv", status=FileStatus.LOADED, batch="readings-0")
    services.ledger.given(first)
    services.contents.claim("readings", hashlib.sha256(body).hexdigest(), first.file_id)
    again = file("again", key=key, version="v2", sequencer="02", status=FileStatus.RUNNING, batch="readings-1")
    services.ledger.given(again)
    services.lake.land(again, body)
    services.lake.write_json(lake_paths.unit("readings-1", 1), [{"file_id": again.file_id}])
    batch = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (again.file_id,), "t")
    transform_unit(batch, 1, services)
    (result,) = services.lake.read_json(lake_paths.result("readings-1", 1))["files"]
    assert (result["verdict"], result["reason"], result["duplicate_of"]) == ("duplicate", said, first.file_id)


@pytest.mark.parametrize(("between", "duplicate"), [(SAME, True), ("e" * 64, False)])
def test_what_came_between_two_versions_decides_whether_the_content_was_changed(between: str, duplicate: bool) -> None:
    services = MemoryServices()
    first = loaded(services, file("a.csv", file_id="1" * 24, sequencer="01"))
    middle = file("a.csv", file_id="2" * 24, sequencer="02", version="v2")
    services.ledger.given(replace(middle, status=FileStatus.LOADED, sha256=between))
    last = running(services, file("a.csv", file_id="3" * 24, sequencer="03", version="v3"))
    holder = claim(last, SAME, contract(), services)
    assert (holder.file_id if holder else None) == (first.file_id if duplicate else None)
