"""Files sent through once more: which, and what happens to what they had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import BACKFILL, DELETED, LIVE, BatchRecord, BatchStatus, FileStatus, RowCounts
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.requeue import advice_to_reload, reload, retry
from headrace.usecases.unit.deduplicate import claim
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, contract, contracts_of, file

GOOD = b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n"


def known(services: MemoryServices, status: FileStatus, **changes: Any) -> str:
    services.ledger.given(file(status=status, reason="no such column", **changes))
    return file().file_id


def test_a_failed_file_waits_again_and_its_lane_is_woken() -> None:
    services = MemoryServices()
    failed = known(services, FileStatus.FAILED, lane=BACKFILL, batch="readings-backfill-1")
    (answer,) = retry([services.ledger.files.get(failed)], services)
    assert answer.done
    assert services.workflow.executions == {("readings", BACKFILL, 1): "RUNNING"}
    (waiting,) = services.ledger.lanes.pending("readings", BACKFILL, 9)
    assert (waiting.status, waiting.reason, waiting.batch) == (FileStatus.PENDING, None, None)


def test_doing_it_again_changes_nothing() -> None:
    services = MemoryServices()
    before = services.ledger.files.get(known(services, FileStatus.FAILED))
    retry([before], services)
    assert not retry([before], services)[0].done
    assert not retry([services.ledger.files.get(before.file_id)], services)[0].done
    assert len(services.ledger.lanes.pending("readings", LIVE, 9)) == 1


@pytest.mark.parametrize("status", [FileStatus.LOADED, FileStatus.DUPLICATE, FileStatus.PENDING])
def test_what_has_not_failed_is_not_retried(status: FileStatus) -> None:
    services = MemoryServices()
    (answer,) = retry([services.ledger.files.get(known(services, status))], services)
    assert not answer.done
    assert status in answer.why


def test_a_pending_file_that_no_lane_lists_is_listed_and_its_lane_is_woken() -> None:
    services = MemoryServices()
    lost = known(services, FileStatus.PENDING)
    services.ledger.records.unlisted.add(lost)
    (answer,) = retry([services.ledger.files.get(lost)], services)
    assert (answer.done, answer.why) == (True, "no lane listed it")
    assert [waiting.file_id for waiting in services.ledger.lanes.pending("readings", LIVE, 9)] == [lost]
    assert services.workflow.executions == {("readings", LIVE, 1): "RUNNING"}
    assert not retry([services.ledger.files.get(lost)], services)[0].done


def test_a_held_file_waits_for_a_decision() -> None:
    services = MemoryServices()
    held = known(services, FileStatus.HELD, batch="readings-7")
    batch = BatchRecord("readings-7", "readings", LIVE, 7, BatchStatus.HELD, (held,), "t")
    services.ledger.records.batches[batch.batch] = batch
    (answer,) = retry([services.ledger.files.get(held)], services)
    assert (answer.done, "`headrace release readings-7`" in answer.why) == (False, True)


def test_a_file_of_no_dataset_is_not_retried() -> None:
    services = MemoryServices()
    services.ledger.given(stray := file(key="odd/a.csv", dataset="", status=FileStatus.UNROUTABLE))
    (answer,) = retry([stray], services)
    assert not answer.done
    assert answer.why == "no dataset takes it: no contract has a prefix of this key (known prefixes: readings/)"
    assert services.files.get(stray.file_id) == stray


def test_a_file_of_no_dataset_is_retried_once_a_contract_takes_it() -> None:
    services = MemoryServices()
    services.ledger.given(stray := file(dataset="", status=FileStatus.UNROUTABLE, reason="none of the files"))
    assert retry([stray], services, dry_run=True)[0].done
    assert services.files.get(stray.file_id) == stray
    (answer,) = retry([stray], services)
    assert (answer.done, answer.why) == (True, "it was no dataset's; readings takes it now")
    assert services.workflow.executions == {("readings", LIVE, 1): "RUNNING"}
    (waiting,) = services.lanes.pending("readings", LIVE, 9)
    assert (waiting.dataset, waiting.status, waiting.reason) == ("readings", FileStatus.PENDING, None)
    assert not retry([stray], services)[0].done


def test_a_file_that_an_ended_batch_left_behind_is_retried() -> None:
    services = MemoryServices()
    left = known(services, FileStatus.RUNNING, batch="readings-1")
    batch = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (left,), "t")
    services.ledger.batches.save(batch)
    assert not retry([services.ledger.files.get(left)], services)[0].done
    services.ledger.batches.save(replace(batch, status=BatchStatus.FAILED))
    assert retry([services.ledger.files.get(left)], services)[0].done


def test_a_dry_run_changes_nothing() -> None:
    services = MemoryServices()
    failed = services.ledger.files.get(known(services, FileStatus.FAILED))
    assert retry([failed], services, dry_run=True)[0].done
    assert services.ledger.files.get(failed.file_id) == failed
    assert not services.workflow.executions


def test_a_loaded_file_replaces_its_own_rows() -> None:
    services = MemoryServices()
    loaded = known(services, FileStatus.LOADED, rows=RowCounts(read=1, loaded=1))
    services.lake.land(file(), GOOD)
    assert reload([services.ledger.files.get(loaded)], services)[0].done
    assert services.ledger.files.get(loaded).rows.loaded == 1  # still in the table until the load
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    batch = services.ledger.batches.get(recorded["batch"])
    transform_unit(batch, 1, services)
    ready = prepare_load(batch, "default", services)
    assert ready["replaced"] == []
    assert [s for s in ready["statements"] if s.startswith("DELETE FROM public.readings") and "_reloaded" in s]
    assert [s for s in ready["statements"] if f"('{loaded}',0,1,0," in s]


def test_a_file_loaded_again_takes_its_content_from_whoever_has_it() -> None:
    services = MemoryServices()
    services.ledger.given(file("first.csv", status=FileStatus.LOADED))
    assert services.ledger.contents.claim("readings", "s", file("first.csv").file_id)
    again = services.ledger.files.get(known(services, FileStatus.DUPLICATE))
    reload([again], services)
    assert claim(services.ledger.files.get(again.file_id), "s", contract(), services) is None


def test_a_version_that_was_replaced_is_not_loaded_again() -> None:
    services = MemoryServices()
    old = known(services, FileStatus.LOADED, sequencer="01")
    services.ledger.given(file(file_id="f" * 24, sequencer="02", status=FileStatus.LOADED))
    (answer,) = reload([services.ledger.files.get(old)], services)
    assert not answer.done
    assert "newer version" in answer.why


def test_without_a_key_rows_that_came_back_are_not_loaded_twice() -> None:
    services = MemoryServices(contracts=contracts_of(contract(primary_key=(), ordering=())))
    loaded = known(services, FileStatus.LOADED, replays=("p",), replayed=3)
    (answer,) = reload([services.ledger.files.get(loaded)], services)
    assert not answer.done
    assert "3 of its rows" in answer.why


def test_advice_to_reload_is_what_a_reload_does() -> None:
    services = MemoryServices()
    loaded = services.ledger.files.get(known(services, FileStatus.LOADED))
    assert advice_to_reload(loaded, services) == f"`headrace reload {loaded.file_id} --force` replaces its rows"
    assert reload([loaded], services, dry_run=True)[0].done


def test_advice_for_a_file_that_failed_is_to_retry_it() -> None:
    services = MemoryServices()
    failed = services.ledger.files.get(known(services, FileStatus.FAILED))
    assert advice_to_reload(failed, services) == f"`headrace retry {failed.file_id}` loads it again"


def test_no_advice_is_a_reload_that_would_be_refused() -> None:
    services = MemoryServices(contracts=contracts_of(contract(primary_key=(), ordering=())))
    came_back = services.ledger.files.get(known(services, FileStatus.LOADED, replays=("p",), replayed=3))
    assert advice_to_reload(came_back, services).startswith("no reload helps: 3 of its rows came back")


def test_advice_for_a_replaced_version_names_the_newer_one() -> None:
    services = MemoryServices()
    older = services.ledger.files.get(known(services, FileStatus.LOADED, sequencer="01"))
    services.ledger.given(file(file_id="f" * 24, sequencer="02", status=FileStatus.LOADED))
    assert f"`headrace reload {'f' * 24} --force`" in advice_to_reload(older, services)


def test_a_file_whose_object_was_deleted_is_written_again() -> None:
    services = MemoryServices()
    older = services.ledger.files.get(known(services, FileStatus.LOADED, sequencer="01"))
    gone = file(file_id="f" * 24, sequencer="02", version=f"{DELETED}02", status=FileStatus.LOADED)
    services.ledger.given(gone)
    said = "its object was deleted from landing, and its rows with it: write it again"
    assert advice_to_reload(older, services) == said
    (answer,) = reload([older], services)
    assert (answer.done, answer.why) == (False, said)
