"""What is written down once a batch is loaded: of its files, of earlier ones, and for the workflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.ingest.ledger import BACKFILL, LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict, WarehouseRows
from headrace.errors import TransientError
from headrace.usecases import lake_paths
from headrace.usecases.ingest import record_outcome as module
from headrace.usecases.ingest.record_outcome import record_outcome, summary
from headrace.usecases.ingest.record_staged import BatchGivenUpError
from tests.support.fakes import MemoryServices, contract, contracts_of, file

BATCH = BatchRecord("readings-5", "readings", LIVE, 5, BatchStatus.RUNNING, (), "t")


class World:
    """A batch whose files are loaded, two rows of each."""

    def __init__(self, *names: str, **changes: Any) -> None:
        self.services = MemoryServices(contracts=contracts_of(contract(**changes)))
        self.files = [
            file(name, status=FileStatus.RUNNING, batch="readings-5", sequencer="09") for name in names or ("a",)
        ]
        for each in self.files:
            self.services.ledger.given(each)
        self.batch = replace(BATCH, file_ids=tuple(each.file_id for each in self.files))
        self.services.ledger.records.batches["readings-5"] = self.batch
        self.services.warehouse.answers["etl.load_files"] = [
            [each.file_id, "readings-5", 2, 2, 0] for each in self.files
        ]

    def record(self, **changes: Any) -> BatchRecord:
        results = [FileResult(each.file_id, Verdict.GOOD, 2, 2) for each in self.files]
        return record_outcome(replace(self.batch, **changes), results, self.services)[0]

    def earlier(self, name: str, version: int, **changes: Any) -> FileRecord:
        """An earlier version of a file, loaded by an earlier batch."""
        given: dict[str, Any] = {
            "status": FileStatus.LOADED, "batch": f"readings-{version}", "rows": RowCounts(read=2, loaded=2),
        }  # fmt: skip
        record = file(name, file_id=f"{name}{version}", sequencer=f"0{version}", **given | changes)
        self.services.ledger.given(record)
        return record


def test_the_workflow_shows_a_summary() -> None:
    rows = RowCounts(read=15, loaded=5, superseded=4, quarantined=3, duplicate=2, staged=1)
    assert summary(replace(BATCH, file_ids=("a", "b"), rows=rows)) == {
        "batch": "readings-5", "files": 2,
        "rows": {"read": 15, "loaded": 5, "superseded": 4, "quarantined": 3, "duplicate": 2},
    }  # fmt: skip


def test_a_batch_and_its_files_are_loaded_with_the_warehouses_counts() -> None:
    world = World("a", "b")
    ended = world.record(reason="r", corrected="x")
    assert (ended.status, ended.rows, ended.reason, ended.corrected) == (
        BatchStatus.LOADED, RowCounts(read=4, loaded=4), None, None,
    )  # fmt: skip
    assert ended.ended_at
    assert world.services.ledger.batches.get("readings-5") == ended
    for each in world.files:
        assert world.services.ledger.files.get(each.file_id).rows == RowCounts(read=2, loaded=2)
    (line,) = world.services.ledger.records.events["readings-5"]
    assert (line.step, line.detail) == ("Loaded", {"rows": 4, "quarantined": 0})


@pytest.mark.parametrize("status", [BatchStatus.FAILED, BatchStatus.HELD, BatchStatus.RELEASED, BatchStatus.REJECTED])
def test_what_was_given_up_or_decided_is_not_loaded(status: BatchStatus) -> None:
    with pytest.raises(BatchGivenUpError):
        World().record(status=status)


def test_a_load_that_did_nothing_was_given_up_meanwhile() -> None:
    world = World()
    world.services.warehouse.answers.clear()
    with pytest.raises(BatchGivenUpError):
        world.record()
    assert world.services.ledger.files.get(world.files[0].file_id).status is FileStatus.RUNNING


def test_a_file_that_the_batch_could_not_take_has_no_part_in_it() -> None:
    world = World("a")
    other = file("other", status=FileStatus.RUNNING, batch="readings-6")
    world.services.ledger.given(other)
    ended = world.record(file_ids=(*world.batch.file_ids, other.file_id))
    assert (world.services.ledger.files.get(other.file_id), ended.rows.loaded) == (other, 2)


# -- earlier files -------------------------------------------------------------------------------------------------


def test_rows_that_the_target_has_of_replaced_versions_are_no_longer_listed() -> None:
    """Of each key the last two versions stay, and all that still have rows."""
    world = World("a")
    gone = {"rows": RowCounts(read=2, superseded=2)}
    versions = [world.earlier("a", number, **(gone if number != 2 else {})) for number in (1, 2, 3, 4)]
    failed = world.earlier("a", 0, status=FileStatus.PENDING, rows=RowCounts(read=2, loaded=1, superseded=1))
    world.record()
    forgotten = world.services.ledger.records.forgotten
    assert forgotten == {versions[0].file_id, versions[2].file_id}
    assert failed.file_id not in forgotten


@pytest.mark.parametrize("replace_versions", [True, False])
def test_people_learn_of_a_version_that_has_fewer_rows_than_the_one_before(replace_versions: bool) -> None:
    world = World("a", replace_versions=replace_versions)
    world.earlier("a", 1, rows=RowCounts(read=9, loaded=9))
    results = [FileResult(each.file_id, Verdict.GOOD, 2, 2) for each in world.files]
    _, notice = record_outcome(world.batch, results, world.services)
    assert any("its previous version had" in line for line in notice.lines) is replace_versions


def test_rows_of_a_replay_leave_the_quarantine_of_their_origin_once() -> None:
    world = World("origin")
    origin = world.earlier("origin", 1, rows=RowCounts(read=5, loaded=2, quarantined=3))
    name = f"{'a' * 24}-{'b' * 16}"
    replay = file(key=f"readings/replay/{name}.csv", status=FileStatus.RUNNING, batch="readings-5", file_id="replay")
    world.files = [replay]
    world.services.ledger.given(replay)
    world.batch = replace(world.batch, file_ids=("replay",))
    plan = {"file_id": origin.file_id, "batch": origin.batch, "rows": [3, 4]}
    world.services.lake.write_json(lake_paths.replay("readings", name), plan)
    world.services.warehouse.answers["etl.load_files"] = [["replay", "readings-5", 2, 2, 0]]
    for _ in range(2):
        world.record()
        after = world.services.ledger.files.get(origin.file_id)
        assert after.rows == RowCounts(read=5, loaded=2, superseded=2, quarantined=1)
    (line,) = [line for line in world.services.ledger.records.events[origin.file_id] if line.step == "Replayed"]
    assert line.detail == {"rows": 2, "as": replay.key}


def test_a_replay_of_rows_of_an_earlier_load_releases_nothing() -> None:
    world = World("origin")
    origin = world.earlier("origin", 1, rows=RowCounts(read=5, loaded=2, quarantined=3))
    name = f"{'a' * 24}-{'b' * 16}"
    replay = file(key=f"readings/replay/{name}.csv", status=FileStatus.RUNNING, batch="readings-5", file_id="replay")
    world.files = [replay]
    world.services.ledger.given(replay)
    world.batch = replace(world.batch, file_ids=("replay",))
    world.services.lake.write_json(
        lake_paths.replay("readings", name), {"file_id": origin.file_id, "batch": "readings-0", "rows": [3]}
    )
    world.services.warehouse.answers["etl.load_files"] = [["replay", "readings-5", 2, 2, 0]]
    world.record()
    assert world.services.ledger.files.get(origin.file_id) == origin


class Pages:
    """The warehouse's answer about earlier files, page by page."""

    def __init__(self, world: World, files: list[FileRecord], monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.rows = sorted([(each.file_id, each.batch, WarehouseRows(2, 1, 1)) for each in files])
        monkeypatch.setattr(type(world.services.loads), "counts_of_earlier", lambda _, *asked: self.page(*asked))

    def page(self, batch: str, after: str, most: int) -> list[Any]:
        assert batch == "readings-5"
        self.asked.append(after)
        return [row for row in self.rows if row[0] > after][:most]


@pytest.mark.parametrize(("page", "asked"), [(10, [""]), (2, ["", "b1", "d1"]), (4, ["", "d1"])])
def test_what_earlier_files_lost_is_written_page_by_page(
    page: int, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", page)
    world = World("own")
    earlier = [world.earlier(name, 1) for name in "abcd"]
    pages = Pages(world, earlier, monkeypatch)
    world.record()
    assert pages.asked == asked
    for each in earlier:
        assert world.services.ledger.files.get(each.file_id).rows == RowCounts(read=2, loaded=1, superseded=1)


def test_it_goes_on_with_the_page_where_it_was_when_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    world = World("own")
    earlier = [world.earlier(name, 1) for name in "abc"]
    pages = Pages(world, earlier, monkeypatch)
    results = [FileResult(each.file_id, Verdict.GOOD, 2, 2) for each in world.files]
    with pytest.raises(TransientError, match="are corrected up to b1: it goes on from there"):
        record_outcome(world.batch, results, world.services, lambda: module.LEFT - 1)
    known = world.services.ledger.batches.get("readings-5")
    assert (known.corrected, known.status) == ("b1", BatchStatus.RUNNING)
    record_outcome(known, results, world.services, lambda: module.LEFT)
    assert pages.asked == ["", "b1"]
    assert world.services.ledger.files.get("c1").rows.superseded == 1


# -- metrics, and moments --------------------------------------------------------------------------------------------


def test_the_outcome_is_measured_once(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("a", "b")
    world.record()
    arrivals, outcome = emitted(capsys)
    assert len(arrivals["ArrivalToQueryableSeconds"]) == 2
    assert (outcome["dataset"], outcome["RowsLoaded"], outcome["FilesLoaded"]) == ("readings", [4.0], [2.0])


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]


def test_only_files_that_the_promise_is_about_are_measured_from_their_arrival(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World("a", "backfilled", "reloaded", "released", "merged since")
    arrived = datetime.fromisoformat(world.files[0].arrived_at).timestamp()
    monkeypatch.setattr(clock, "seconds", lambda: arrived + 61.26)
    changes: list[dict[str, Any]] = [{}, {"lane": BACKFILL}, {"reload": True}, {"released": "readings-1"}]
    changes.append({"status": FileStatus.LOADED})
    for each, change in zip(world.files, changes, strict=True):
        world.services.ledger.given(replace(each, **change))
    world.record()
    measured = [line["ArrivalToQueryableSeconds"] for line in emitted(capsys) if "ArrivalToQueryableSeconds" in line]
    assert measured == [[61.3]]


def test_an_outcome_that_is_recorded_again_measures_no_arrival_again(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("a")
    world.record()
    world.record()
    assert sum("ArrivalToQueryableSeconds" in line for line in emitted(capsys)) == 1


def test_earlier_files_keep_what_came_back_of_them_among_the_superseded() -> None:
    world = World("a")
    earlier = world.earlier("old", 1, rows=RowCounts(read=5, loaded=4, superseded=1), replayed=1)
    unknown = world.earlier("other", 2)
    world.services.warehouse.answers["INNER JOIN etl.superseded"] = [
        [earlier.file_id, "readings-1", 4, 1, 3], [unknown.file_id, None, None, None, None],
    ]  # fmt: skip
    world.services.warehouse.answers = dict(reversed(world.services.warehouse.answers.items()))
    world.record()
    assert world.services.ledger.files.get(earlier.file_id).rows == RowCounts(read=5, loaded=1, superseded=4)
    assert world.services.ledger.files.get(unknown.file_id) == unknown


@pytest.mark.parametrize(("seconds", "goes_on"), [(60.0, True), (59.9, False)])
def test_pages_of_earlier_files_are_corrected_while_there_is_time(
    seconds: float, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    world = World("a")
    earlier = world.earlier("old", 1)
    pages = iter([[[earlier.file_id, "readings-1", 2, 1, 1]], []])
    query = world.services.warehouse.query
    monkeypatch.setattr(
        world.services.warehouse, "query", lambda sql: next(pages) if "AS t INNER JOIN" in sql else query(sql)
    )
    results = [FileResult(each.file_id, Verdict.GOOD, 2, 2) for each in world.files]
    if goes_on:
        record_outcome(world.batch, results, world.services, lambda: seconds)
    else:
        with pytest.raises(TransientError):
            record_outcome(world.batch, results, world.services, lambda: seconds)
    assert world.services.ledger.files.get(earlier.file_id).rows.superseded == 1


def test_the_warehouse_learns_the_keys_of_what_was_loaded_and_of_nothing_else() -> None:
    world = World("a", "bad")
    verdicts = (Verdict.GOOD, Verdict.FAILED)
    results = [
        FileResult(each.file_id, verdict, 2, 2 * (verdict is Verdict.GOOD), reason="odd")
        for each, verdict in zip(world.files, verdicts, strict=True)
    ]
    record_outcome(world.batch, results, world.services)
    (named,) = [sql for sql in world.services.warehouse.ran if "INTO etl.objects" in sql]
    assert "'readings/a'" in named
    assert "'readings/bad'" not in named
