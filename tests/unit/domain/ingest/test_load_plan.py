"""The plan of a load, from records alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.contract import Contract, View
from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.load import Part
from headrace.domain.ingest.load_plan import History, LoadPlan, load_plan, origins_of, replaced_by, replay_places
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.replay import object_key, possible_keys, replay_name
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Scope
from tests.support.fakes import contract, file

PARTS = [Part("one.parquet", 10, 2)]
OLD: dict[str, Any] = {"status": FileStatus.LOADED, "rows": RowCounts(2, 2)}


def batch(*files: FileRecord, lane: str = LIVE) -> BatchRecord:
    ids = tuple(file.file_id for file in files)
    return BatchRecord(f"readings-{lane}-1", "readings", lane, 1, BatchStatus.RUNNING, ids, "t", units=1)


def good(*files: FileRecord) -> list[FileResult]:
    return [FileResult(file.file_id, Verdict.GOOD, rows_read=2, rows_good=2) for file in files]


def planned(*files: FileRecord, lane: str = LIVE, of: Contract | None = None, **given: Any) -> LoadPlan:
    usual: dict[str, Any] = {"results": good(*files), "parts": PARTS, "history": History()}
    return load_plan(batch(*files, lane=lane), of or contract(), files, **usual | given)


def version(number: int, name: str = "a.csv", **changes: Any) -> FileRecord:
    return file(name, **{"file_id": f"{number:024x}", "sequencer": f"{number:02}"} | changes)


def replayed(origin: FileRecord) -> tuple[FileRecord, FileRecord]:
    """An origin and the file in which one of its bad rows comes back."""
    name = replay_name(origin.file_id, "readings-0", [1])
    key = object_key(contract(), name)
    return replace(origin, replays=(name,)), version(90, key=key, sequencer="90")


def test_files_are_listed_in_the_order_of_their_arrival_and_versions_in_that_of_s3() -> None:
    late = file("a.csv", arrived_at="2026-01-02T00:00:00Z")
    second, first = file("b.csv", sequencer="0B"), file("c.csv", sequencer="0ABC")
    assert [*planned(late, second, first).arrived] == [first.file_id, second.file_id, late.file_id]


def test_rows_that_come_back_arrived_with_the_file_that_they_were_first_in() -> None:
    origin, later = version(1), file("b.csv", arrived_at="2026-01-02T00:00:00Z")
    _, replay = replayed(origin)
    _, again = replayed(replace(replay, arrived_at="2026-01-03T00:00:00Z"))
    again = replace(again, file_id="9" * 24, arrived_at="2026-01-04T00:00:00Z")
    history = History(origins={origin.file_id: origin, replay.file_id: replay})
    for back in (replay, again):
        one = replace(back, arrived_at="2026-01-04T00:00:00Z")
        arrived = planned(later, one, origin, history=history).arrived
        assert [*arrived] == [origin.file_id, one.file_id, later.file_id]
        assert arrived[one.file_id] == f"{origin.arrival}#{origin.file_id}"


def test_only_rows_of_accepted_files_count() -> None:
    kept, refused = file("a.csv"), file("b.csv")
    results = [*good(kept), FileResult(refused.file_id, Verdict.FAILED, rows_read=9, rows_good=9)]
    assert planned(kept, refused, results=results).rows == 2


def test_a_file_that_is_loaded_again_makes_way_for_itself_even_without_a_part() -> None:
    again = file(reload=True)
    plan = planned(again, parts=[])
    assert (plan.reloaded, plan.needed) == ([again.file_id], True)


def test_a_batch_whose_files_all_failed_needs_no_load_and_refreshes_no_view() -> None:
    failed = file(reload=True)
    results = [FileResult(failed.file_id, Verdict.FAILED)]
    plan = planned(failed, results=results, parts=[], of=contract(views=(View("daily", "SELECT 1"),)))
    assert (plan.needed, plan.views, plan.reloaded, plan.rows) == (False, [], [], 0)


@pytest.mark.parametrize(("lane", "views", "reloaded"), [(LIVE, [], 0), (MERGE, ["daily"], 1)])
def test_a_staged_load_leaves_the_target_to_its_merge(lane: str, views: list[str], reloaded: int) -> None:
    staged = contract(staged=True, replace_versions=True, views=(View("daily", "SELECT 1"),))
    history = History({file().place: [version(1, **OLD)]})
    plan = planned(version(2, reload=True), lane=lane, of=staged, history=history)
    assert plan.needed
    assert (plan.views, len(plan.reloaded), len(plan.replaced)) == (views, reloaded, reloaded)


def test_a_merge_is_needed_though_it_has_no_parts_of_its_own() -> None:
    assert planned(file(), lane=MERGE, parts=[], of=contract(staged=True)).needed
    assert not planned(file(), parts=[], of=contract(replace_versions=False)).needed


def test_a_version_without_rows_is_loaded_since_an_older_one_may_be_on_its_way() -> None:
    assert planned(file(), parts=[]).needed
    assert not planned(file(), parts=[], results=[]).needed


def test_an_object_is_named_for_each_file_that_is_loaded() -> None:
    origin = version(1)
    _, replay = replayed(origin)
    history = History(origins={origin.file_id: origin})
    failed = version(3, "c.csv")
    plan = planned(replay, version(2), failed, results=good(replay, version(2)), history=history)
    assert plan.objects == {replay.file_id: origin.object_id, version(2).file_id: origin.object_id}
    assert len({origin.object_id, failed.object_id, replay.object_id}) == 3


@pytest.mark.parametrize(
    ("changes", "scope"), [({}, Scope.BATCH), ({"reload": True}, Scope.PART), ({"suspects": "half"}, Scope.PART)]
)
def test_what_is_measured_says_whether_the_batch_is_a_usual_one(changes: dict[str, Any], scope: Scope) -> None:
    checked = contract(checks=(Check(Metric.ROW_COUNT),))
    assert planned(file(**changes), of=checked).scope == scope
    assert planned(file(**changes)).scope is None
    assert planned(file(**changes), of=checked, results=[]).scope is None
    assert planned(file(**changes), of=checked, parts=[]).scope is None


def test_only_a_contract_that_replaces_versions_takes_them_out() -> None:
    history = History({file().place: [version(1, **OLD)]})
    assert planned(version(2), history=history, of=contract(replace_versions=False)).replaced == []
    assert planned(version(2), history=history, of=contract(replace_versions=True)).replaced == [version(1).file_id]


def test_the_newest_version_stays_whichever_arrives_last() -> None:
    newer, late = version(5, **OLD), version(3)
    assert replaced_by([late], History({late.place: [newer]}), contract()) == [late.file_id]


def test_of_two_versions_in_one_batch_the_older_goes() -> None:
    first, second = version(1), version(2)
    assert replaced_by([second, first], History({first.place: []}), contract()) == [first.file_id]


def test_an_older_version_without_rows_is_not_named() -> None:
    empty = version(1, status=FileStatus.LOADED, rows=RowCounts(2, 0, 2))
    assert replaced_by([version(2)], History({empty.place: [empty]}), contract()) == []


def test_rows_that_came_back_go_with_the_version_that_they_were_in() -> None:
    origin, replay = replayed(version(1, **OLD))
    new = version(2)
    versions = {origin.place: [origin]}
    keys = possible_keys(contract(), origin.replays[0])
    assert replay.key in keys
    assert replay_places([new], versions, contract()) == {(replay.bucket, key) for key in keys}
    history = History(versions | {replay.place: [replace(replay, **OLD)]})
    assert replaced_by([new], history, contract()) == sorted([origin.file_id, replay.file_id])


@pytest.mark.parametrize(("newest", "late"), [(2, True), (1, False)])
def test_rows_that_come_back_after_a_newer_version_are_not_loaded(newest: int, late: bool) -> None:
    origin, replay = replayed(version(1, **OLD))
    assert origins_of([replay, version(7)], contract()) == {replay.file_id: origin.file_id}
    history = History({origin.place: [version(newest, **OLD)], replay.place: []}, {origin.file_id: origin})
    assert replaced_by([replay], history, contract()) == ([replay.file_id] if late else [])


def test_rows_that_come_back_in_the_batch_of_the_newer_version_are_not_loaded() -> None:
    origin, replay = replayed(version(1, **OLD))
    new = version(2)
    history = History({origin.place: [origin], replay.place: []}, {origin.file_id: origin})
    assert replaced_by([replay, new], history, contract()) == sorted([origin.file_id, replay.file_id])


def test_a_replay_of_a_file_that_nobody_knows_is_loaded() -> None:
    _, replay = replayed(version(1))
    assert replaced_by([replay], History({replay.place: []}), contract()) == []
