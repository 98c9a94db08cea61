"""Every state that a batch or its lane can stick in, and the one command that leads out of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.errors import TransientError
from headrace.usecases import lake_paths
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.recovery import unblock as module
from headrace.usecases.recovery.requeue import retry
from headrace.usecases.recovery.unblock import Unblocked, UnknownBatchError, unblock
from tests.support.fakes import MemoryServices, contract, contracts_of, file


def stuck(*names: str, loaded: bool = False) -> tuple[MemoryServices, BatchRecord, list[FileRecord]]:
    """A batch that its execution left open, and a file that waits for the next one."""
    services = MemoryServices()
    files = [
        services.ledger.files.record_arrival(file(name, arrived_at=f"2026-01-01T00:00:{ord(name[0]) - 96:02}.000000Z"))
        for name in names or "ab"
    ]
    services.workflow.start("readings", LIVE, 1, 0)
    batch = services.ledger.batches.get(record_batch("readings", LIVE, 1, "readings-1", services)["batch"])
    results = [FileResult(one.file_id, Verdict.GOOD, 2, 2, sha256=one.file_id) for one in files]
    services.lake.write_json(lake_paths.result(batch.batch, 1), UnitResult(1, contract().digest, [], results).to_json())
    services.workflow.executions["readings", LIVE, 1] = "FAILED"
    if loaded:
        services.warehouse.answers["SELECT status"] = [["loaded"]]
        services.warehouse.answers["etl.load_files"] = [[one.file_id, batch.batch, 2, 2, 0] for one in files]
    services.ledger.files.record_arrival(file("next", arrived_at="2026-01-01T00:00:26.000000Z"))
    return services, batch, files


def run(services: MemoryServices, name: str = "readings-1", **options: Any) -> Unblocked:
    return unblock(name, "ann", services, **options)


def goes_on(services: MemoryServices) -> bool:
    """Whether the lane is free, and an execution is coming for what waits."""
    state = services.ledger.lanes.state("readings", LIVE)
    running = services.workflow.status("readings", LIVE, state.generation) == "RUNNING"
    return state.open_batch is None and state.held == () and running


def test_a_committed_batch_is_recorded_in_full() -> None:
    services, batch, files = stuck(loaded=True)
    services.ledger.batches.condemn(batch, "the item is too large")
    answer = run(services)
    assert answer.done[0] == "it is loaded, and its outcome is recorded in full"
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.LOADED
    assert {one.status for one in services.ledger.files.get_all(f.file_id for f in files)} == {FileStatus.LOADED}
    assert goes_on(services)


def test_a_committed_batch_that_cannot_be_recorded_in_full_is_recorded_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services, batch, files = stuck(loaded=True)

    def refuse(*_: Any) -> Any:
        raise ValueError("too large")

    with monkeypatch.context() as broken:
        broken.setattr(module, "record_outcome", refuse)
        assert "recorded without details" in run(services).done[0]
    assert services.ledger.files.get(files[0].file_id).rows.loaded == 2
    assert goes_on(services)
    assert "in full" in run(services).done[0]  # once what kept it from that is mended
    assert services.ledger.files.get(files[0].file_id).reason is None
    assert services.ledger.batches.get(batch.batch).reason is None


def test_the_files_of_a_batch_that_was_not_loaded_wait_again_behind_a_tombstone() -> None:
    services, batch, files = stuck()
    run(services)
    assert any("given up" in statement for statement in services.warehouse.ran)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.FAILED
    assert len(services.ledger.lanes.pending("readings", LIVE, 9)) == len(files) + 1
    assert goes_on(services)


@pytest.mark.parametrize("loaded", [True, False])
def test_a_lane_whose_open_batch_has_no_record(loaded: bool) -> None:
    services, batch, files = stuck(loaded=loaded)
    del services.ledger.records.batches[batch.batch]
    answer = run(services)
    assert "missing" in answer.done[0]
    wanted = FileStatus.LOADED if loaded else FileStatus.PENDING
    assert {one.status for one in services.ledger.files.get_all(f.file_id for f in files)} == {wanted}
    assert goes_on(services)


def test_a_batch_whose_file_is_gone_from_the_ledger() -> None:
    services, _, files = stuck()
    del services.ledger.records.files[files[0].file_id]
    run(services)
    assert [one.key[-1] for one in services.ledger.lanes.pending("readings", LIVE, 9)] == ["b", "t"]
    assert goes_on(services)


def test_a_marker_without_its_file_comes_into_no_batch() -> None:
    services, _, _ = stuck()
    gone = services.ledger.files.record_arrival(file("gone", arrived_at="2026-01-01T00:00:00.000000Z"))
    del services.ledger.records.files[gone.file_id]
    assert any("1 marks of waiting files" in what for what in run(services).done)
    assert gone.file_id not in {one.file_id for one in services.ledger.lanes.pending("readings", LIVE, 9)}


@pytest.mark.parametrize("ended", [BatchStatus.FAILED, BatchStatus.LOADED])
def test_a_file_that_was_left_in_a_batch_that_has_ended(ended: BatchStatus) -> None:
    services, batch, files = stuck(loaded=ended is BatchStatus.LOADED)
    services.ledger.batches.save(replace(batch, status=ended))
    answers = retry([services.ledger.files.get(files[0].file_id)], services, dry_run=True)
    assert answers[0].done is (ended is BatchStatus.FAILED)
    if ended is BatchStatus.LOADED:
        assert "headrace unblock readings-1" in answers[0].why
    run(services)
    wanted = FileStatus.LOADED if ended is BatchStatus.LOADED else FileStatus.PENDING
    assert {one.status for one in services.ledger.files.get_all(f.file_id for f in files)} == {wanted}
    assert goes_on(services)


def test_a_held_list_that_names_a_batch_that_has_ended_or_is_gone() -> None:
    services, batch, _ = stuck()
    services.contracts = contracts_of(contract(wait_while_held=True))
    services.ledger.batches.save(replace(batch, status=BatchStatus.FAILED))
    state = services.ledger.lanes.state("readings", LIVE)
    services.ledger.records.lanes["readings", LIVE] = replace(state, held=("readings-0", "readings-1"))
    run(services)
    run(services, "readings-0")
    assert goes_on(services)


def test_a_lane_whose_names_are_taken_goes_past_them() -> None:
    services, _, _ = stuck()
    for generation in range(1, 40):
        services.workflow.executions["readings", LIVE, generation] = "SUCCEEDED"
    run(services)
    assert services.ledger.lanes.state("readings", LIVE).generation == 40
    assert goes_on(services)


def test_a_merge_that_was_not_loaded_lets_its_files_wait_for_the_next() -> None:
    services = MemoryServices(contracts=contracts_of(contract(staged=True, merge_seconds=60)))
    merging = file(status=FileStatus.MERGING, batch="readings-1", merge="readings-merge-1")
    services.ledger.given(merging)
    batch = BatchRecord("readings-merge-1", "readings", MERGE, 1, BatchStatus.RUNNING, (merging.file_id,), "t")
    assert services.ledger.batches.open(batch)
    run(services, batch.batch)
    assert services.ledger.files.get(merging.file_id).status is FileStatus.STAGED
    assert len(services.ledger.lanes.pending("readings", MERGE, 9)) == 1
    assert services.ledger.lanes.state("readings", MERGE).open_batch is None


def test_a_batch_that_an_execution_works_on_is_left_alone() -> None:
    services, batch, _ = stuck()
    services.workflow.executions["readings", LIVE, 1] = "RUNNING"
    assert "at work" in run(services).refused
    assert services.ledger.batches.get(batch.batch) == batch
    services.ledger.batches.condemn(batch, "refused")  # in the loop of a batch that does not end
    assert not run(services).refused


def test_a_held_batch_is_for_people_to_decide() -> None:
    services, batch, _ = stuck()
    services.ledger.batches.save(replace(batch, status=BatchStatus.HELD))
    assert "headrace release" in run(services).refused


def test_a_late_function_of_the_batch_changes_nothing_afterwards() -> None:
    services, batch, _ = stuck()
    run(services)
    assert not services.ledger.batches.condemn(batch, "late")
    assert services.ledger.batches.take_up(batch, "readings-9").status is BatchStatus.FAILED


@pytest.mark.parametrize("loaded", [True, False])
def test_a_dry_run_says_what_would_be_done_and_changes_nothing(loaded: bool) -> None:
    services, *_ = stuck(loaded=loaded)
    before = (
        dict(services.ledger.records.files),
        dict(services.ledger.records.batches),
        dict(services.ledger.records.lanes),
    )
    said = run(services, dry_run=True).done
    assert ("its outcome is recorded" if loaded else "its files wait again") in said[0]
    assert (services.ledger.records.files, services.ledger.records.batches, services.ledger.records.lanes) == before
    assert not services.warehouse.ran


def test_doing_it_again_finds_nothing() -> None:
    services, batch, _ = stuck(loaded=True)
    run(services)
    assert run(services).done == []
    assert services.ledger.batches.get(batch.batch).rows == RowCounts(4, 4)


def test_a_batch_that_nobody_knows() -> None:
    with pytest.raises(UnknownBatchError):
        run(MemoryServices(), "readings-99")


# -- what is said of it --------------------------------------------------------------------------------------------


def test_a_batch_without_a_tombstone_says_how_many_files_wait_again_and_who_did_it() -> None:
    services, batch, files = stuck()
    services.ledger.batches.note_reason(batch, "the disk is full")
    answer = run(services)
    assert (answer.batch, answer.dataset, answer.lane, answer.refused) == ("readings-1", "readings", LIVE, "")
    assert answer.done == [
        "it was not loaded, and cannot be any more: 2 of its files wait again",
        "the lane readings/live names it no more",
    ]
    ended = services.ledger.batches.get(batch.batch)
    assert (ended.reason, bool(ended.ended_at)) == ("unblocked by ann: the disk is full", True)
    for one in files:
        (line,) = [line for line in services.ledger.records.events[one.file_id] if line.step == "Unblocked"]
        assert line.detail == {"batch": "readings-1", "by": "ann"}
    (story,) = [line for line in services.ledger.records.events["readings-1"] if line.step == "Unblocked"]
    assert story.detail == {"by": "ann", "done": answer.done}


def test_a_batch_that_died_without_a_word_has_a_reason_too() -> None:
    services, batch, _ = stuck()
    run(services)
    assert services.ledger.batches.get(batch.batch).reason == "unblocked by ann: it did not finish"


def test_the_tombstone_stands_under_the_datasets_lock() -> None:
    services, *_ = stuck()
    run(services)
    lock, tombstone = services.warehouse.ran[:2]
    assert lock.startswith("LOCK TABLE etl.guard_readings")
    assert "'readings-1'" in tombstone


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("ended", [BatchStatus.FAILED, BatchStatus.LOADED, BatchStatus.STAGED])
def test_files_left_in_a_batch_that_has_ended_are_counted(ended: BatchStatus, dry_run: bool) -> None:
    has_rows = ended is not BatchStatus.FAILED
    services, batch, _ = stuck(loaded=has_rows)
    services.ledger.batches.save(replace(batch, status=ended))
    said = run(services, dry_run=dry_run).done[0]
    if not has_rows:
        assert said == "it is failed, and 2 of its files were left in it: they wait again"
    elif dry_run:
        assert said == f"it is {ended}: its outcome is recorded again, of 2 files for the first time"
    else:
        assert said == "it is loaded, and its outcome is recorded in full"


def test_a_batch_that_was_recorded_briefly_is_recorded_in_full_even_if_no_file_is_left_in_it() -> None:
    services, batch, files = stuck(loaded=True)
    services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED, reason="recorded without details"))
    for one in files:
        services.ledger.given(replace(services.ledger.files.get(one.file_id), status=FileStatus.LOADED))
    assert run(services, dry_run=True).done == [
        "it is loaded: its outcome is recorded again, of 0 files for the first time"
    ]
    assert run(services).done == ["it is loaded, and its outcome is recorded in full"]
    assert run(services).done == []


def test_a_held_file_of_a_batch_that_has_failed_waits_again() -> None:
    services, batch, (one, other) = stuck()
    services.ledger.batches.save(replace(batch, status=BatchStatus.FAILED))
    services.ledger.given(replace(services.ledger.files.get(one.file_id), status=FileStatus.HELD))
    services.ledger.given(replace(services.ledger.files.get(other.file_id), status=FileStatus.HELD, batch="readings-9"))
    assert run(services).done[0] == "it is failed, and 1 of its files were left in it: they wait again"
    statuses = {name.file_id: services.ledger.files.get(name.file_id).status for name in (one, other)}
    assert statuses == {one.file_id: FileStatus.PENDING, other.file_id: FileStatus.HELD}


def test_an_error_of_a_service_is_no_reason_to_record_less(monkeypatch: pytest.MonkeyPatch) -> None:
    services, batch, _ = stuck(loaded=True)

    def refuse(*_: Any) -> Any:
        raise TransientError("slow down")

    monkeypatch.setattr(module, "record_outcome", refuse)
    with pytest.raises(TransientError):
        run(services)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.RUNNING


def test_a_batch_is_at_work_only_in_the_execution_of_its_lanes_generation() -> None:
    services, batch, _ = stuck()
    services.workflow.executions["readings", LIVE, 1] = "RUNNING"
    services.ledger.records.batches[batch.batch] = replace(batch, execution="readings-7")
    assert run(services).refused == ""


def test_a_merge_whose_files_changed_meanwhile_lets_none_of_them_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    services, *_ = stuck()
    monkeypatch.setattr(services.ledger.files, "requeue", lambda *_: False)
    assert run(services).done[0] == "it was not loaded, and cannot be any more: 0 of its files wait again"


def test_marks_are_taken_away_of_files_that_do_not_wait_and_the_first_is_named() -> None:
    services, *_ = stuck()
    for name, status in (("one", FileStatus.LOADED), ("two", FileStatus.FAILED)):
        arrived = services.ledger.files.record_arrival(file(name, arrived_at="2026-01-01T00:00:00.000000Z"))
        services.ledger.given(replace(arrived, status=status))
    said = "2 marks of waiting files are taken away: the first is of readings/one"
    assert run(services, dry_run=True).done[-1] == said
    assert len(services.ledger.lanes.pending("readings", LIVE, 9)) == 3
    assert run(services).done[-1] == said
    assert {one.key for one in services.ledger.lanes.pending("readings", LIVE, 9)} == {
        "readings/a", "readings/b", "readings/next",
    }  # fmt: skip


def test_marks_are_looked_at_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MARKERS", 1)
    services, *_ = stuck()
    for name in ("one", "two"):
        arrived = services.ledger.files.record_arrival(file(name, arrived_at="2026-01-01T00:00:00.000000Z"))
        services.ledger.given(replace(arrived, status=FileStatus.LOADED))
    assert "1 marks" in run(services).done[-1]


def test_a_lane_is_led_past_so_many_names_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GENERATIONS", 3)
    services, *_ = stuck()
    for generation in range(1, 40):
        services.workflow.executions["readings", LIVE, generation] = "SUCCEEDED"
    run(services)
    assert services.ledger.lanes.state("readings", LIVE).generation == 4


def test_a_staged_datasets_merges_are_woken_as_well() -> None:
    services, *_ = stuck()
    services.contracts = contracts_of(contract(staged=True, merge_seconds=60))
    services.ledger.given(waiting := file("staged", status=FileStatus.STAGED, batch="readings-0"))
    assert services.ledger.files.requeue(waiting, waiting)
    run(services)
    assert services.workflow.status("readings", MERGE, 1) == "RUNNING"


def test_a_dry_run_of_a_lane_changes_nothing_and_says_the_same() -> None:
    services, batch, _ = stuck()
    services.ledger.batches.save(replace(batch, status=BatchStatus.FAILED))
    services.ledger.records.lanes["readings", LIVE] = replace(
        services.ledger.lanes.state("readings", LIVE), held=("readings-1",)
    )
    before = (
        dict(services.ledger.records.lanes),
        dict(services.workflow.executions),
        dict(services.ledger.records.events),
    )
    dry = run(services, dry_run=True).done
    assert (services.ledger.records.lanes, services.workflow.executions, services.ledger.records.events) == before
    assert run(services).done == dry
