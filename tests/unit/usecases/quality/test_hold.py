"""What people decide about a batch that is held, and what is written down of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.lane import MOST_HELD, LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.notice import Incident
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Finding
from headrace.domain.statistics.judgement import Verdict as Judged
from headrace.usecases.quality.hold import Decided, hold, reject, release
from tests.support.fakes import MemoryServices, contract, contracts_of, file

BATCH = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (), "t")


class World:
    """A batch with two good files, a bad one, and one that another batch has by now."""

    def __init__(self, status: BatchStatus = BatchStatus.RUNNING, **changes: Any) -> None:
        self.services = MemoryServices(contracts=contracts_of(contract(channel="#m", **changes)))
        at = FileStatus.HELD if status is BatchStatus.HELD else FileStatus.RUNNING
        self.files = [
            file(name, status=at, batch="readings-1", suspects="s", failing_since="t") for name in ("one", "two", "bad")
        ]
        self.files.append(file("moved", status=at, batch="readings-9"))
        for each in self.files:
            self.services.ledger.given(each)
        ids = tuple(each.file_id for each in self.files)
        self.batch = replace(BATCH, file_ids=ids, status=status, reason="rows are fewer than usual")
        self.services.ledger.records.batches["readings-1"] = self.batch

    def hold(self, *findings: Finding) -> bool:
        verdicts = [Verdict.FAILED if "bad" in each.key else Verdict.GOOD for each in self.files]
        results = [
            FileResult(each.file_id, verdict, 5, 5, sha256="s", reason="bad")
            for each, verdict in zip(self.files, verdicts, strict=True)
        ]
        return hold(self.batch, list(findings), results, self.services)

    def now(self, name: str) -> FileRecord:
        return self.services.ledger.files.get(next(each.file_id for each in self.files if name in each.key))

    @property
    def known(self) -> BatchRecord:
        return self.services.ledger.batches.get("readings-1")

    def steps(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        return [(event.step, event.detail) for event in self.services.ledger.records.events.get(name, [])]


def finding(remark: str, verdict: Judged = Judged.SURPRISING) -> Finding:
    return Finding(Check(Metric.ROW_COUNT, hold=True), verdict, 0.0, remark=remark)


def test_good_files_wait_with_their_batch_and_bad_ones_have_failed() -> None:
    world = World()
    assert world.hold(finding("rows are few"), finding("as usual", Judged.GOOD), finding("no categories"))
    reason = "rowCount: rows are few; rowCount: no categories"
    for name in ("one", "two"):
        held = world.now(name)
        assert (held.status, held.reason, held.sha256) == (FileStatus.HELD, f"its batch is held: {reason}", "s")
        assert world.steps(held.file_id) == [("Held", {"batch": "readings-1"})]
    assert (world.now("bad").status, world.now("bad").reason) == (FileStatus.FAILED, "bad")
    assert world.steps(world.now("bad").file_id) == [("Failed", {"batch": "readings-1"})]
    assert world.now("moved") == world.files[3], "another batch has it"
    assert (world.known.status, world.known.reason) == (BatchStatus.HELD, reason)
    assert world.steps("readings-1") == [("Held", {"reason": reason})]
    (notice,) = world.services.topic.notices
    assert (notice.channel, notice.dataset) == ("#m", "readings")


def test_doing_it_again_goes_on_where_it_was_left_and_notifies_people_once_more() -> None:
    world = World()
    world.hold(finding("rows are few"))
    world.services.ledger.records.batches["readings-1"] = world.batch
    held = world.now("one")
    assert world.hold(finding("rows are few"))
    assert world.now("one") == held
    assert len(world.steps(held.file_id)) == 1
    assert len(world.services.topic.notices) == 2


def test_a_batch_that_another_execution_has_held_is_left_as_it_is() -> None:
    world = World(BatchStatus.HELD)
    assert world.hold(finding("rows are few"))
    assert (world.known, world.services.topic.notices) == (world.batch, [])


@pytest.mark.parametrize(
    ("held", "waits_while_held", "waits"),
    [(0, True, True), (0, False, False), (MOST_HELD - 2, False, False), (MOST_HELD - 1, False, True)],
)
def test_people_read_whether_later_batches_wait_for_them(held: int, waits_while_held: bool, waits: bool) -> None:
    world = World(wait_while_held=waits_while_held)
    world.services.ledger.records.lanes["readings", LIVE] = LaneState(held=tuple(f"r{n}" for n in range(held)))
    world.hold(finding("rows are few"))
    (notice,) = world.services.topic.notices
    assert any("wait" in line for line in notice.lines[-1:]) is waits


def rejected(batch: BatchRecord, who: str, services: MemoryServices) -> Decided:
    return reject(batch, who, "no", services)


@pytest.mark.parametrize("decide", [release, rejected])
def test_a_decision_resolves_the_incident_that_the_held_batch_has_opened(decide: Callable[..., Decided]) -> None:
    world = World()
    world.hold(finding("rows are few"))
    world.services.ledger.records.batches["readings-1"] = replace(world.batch, status=BatchStatus.HELD)
    for _ in range(2):
        decide(world.known, "people", world.services)
    opened, ended = world.services.topic.notices
    assert opened.incident == Incident("headrace/batch-held/readings/readings-1", "trigger", "readings")
    assert ended.incident == replace(opened.incident, action="resolve")
    assert (ended.level, ended.channel, ended.over) == ("ok", "#m", True)


# -- decisions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condemned", [True, False])
def test_released_files_wait_again_as_one_group(condemned: bool) -> None:
    """What an error has held was never looked at by a check: it is looked at when it loads."""
    world = World(BatchStatus.HELD)
    batch = replace(world.batch, condemned=condemned)
    decided = release(batch, "ann", world.services)
    assert (decided.done, decided.why) == (True, "its files are loaded as a batch of their own")
    assert [each.key[-3:] for each in decided.files] == ["one", "two", "bad"]
    for each in decided.files:
        waits = world.services.ledger.files.get(each.file_id)
        assert (waits.status, waits.batch, waits.reason) == (FileStatus.PENDING, None, None)
        assert (waits.released, waits.suspects) == (None if condemned else "readings-1", None)
        assert world.steps(each.file_id) == [("Released", {"batch": "readings-1", "by": "ann"})]
    assert world.now("moved") == world.files[3]
    assert (world.known.status, bool(world.known.ended_at)) == (BatchStatus.RELEASED, True)
    assert world.known.reason == "rows are fewer than usual"
    assert world.steps("readings-1") == [("Released", {"by": "ann"})]
    assert world.services.workflow.executions


@pytest.mark.parametrize("decide", [release, rejected])
def test_people_learn_of_a_decision_though_the_process_dies_when_it_is_written(
    decide: Callable[..., Decided], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(BatchStatus.HELD)

    def die(_batch: BatchRecord) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(world.services.batches, "save", die)
    with pytest.raises(KeyboardInterrupt):
        decide(world.batch, "ann", world.services)
    assert [notice.over for notice in world.services.topic.notices] == [True], "nothing else would resolve the incident"


@pytest.mark.parametrize(("why", "said"), [("", ""), ("a test file", " (a test file)")])
def test_rejected_files_have_failed_for_the_reason_that_they_were_held(why: str, said: str) -> None:
    world = World(BatchStatus.HELD)
    loaded = replace(world.files[0], rows=RowCounts(5, loaded=5))
    world.services.ledger.given(loaded)
    decided = reject(world.batch, "ann", why, world.services)
    assert (decided.done, decided.why) == (True, "its files have failed, `headrace retry` tries them again")
    reason = f"its batch readings-1 was held and rejected{said}: rows are fewer than usual"
    assert (world.now("two").status, world.now("two").reason) == (FileStatus.FAILED, reason)
    assert (world.now("one").status, world.now("one").rows) == (FileStatus.LOADED, loaded.rows), "it keeps its rows"
    assert world.steps(world.now("two").file_id) == [("Rejected", {"batch": "readings-1", "by": "ann"})]
    assert (world.known.status, bool(world.known.ended_at)) == (BatchStatus.REJECTED, True)
    assert any(reason in statement for statement in world.services.warehouse.ran), "the decision, with its reason"
    assert world.known.reason == reason, "why a person rejected it is in the ledger too"
    assert world.steps("readings-1") == [("Rejected", {"by": "ann", "reason": reason})]


@pytest.mark.parametrize("decision", ["release", "reject"])
def test_a_dry_run_names_the_files_and_changes_nothing(decision: str) -> None:
    world = World(BatchStatus.HELD)
    before = dict(world.services.ledger.records.files)
    if decision == "release":
        decided = release(world.batch, "ann", world.services, dry_run=True)
    else:
        decided = reject(world.batch, "ann", "", world.services, dry_run=True)
    assert (decided.done, len(decided.files)) == (True, 3)
    assert (world.services.ledger.records.files, world.known) == (before, world.batch)
    assert (world.steps("readings-1"), world.services.workflow.executions) == ([], {})


@pytest.mark.parametrize("status", [status for status in BatchStatus if status is not BatchStatus.HELD])
def test_of_a_batch_that_is_not_held_there_is_nothing_to_decide(status: BatchStatus) -> None:
    world = World(status)
    for decided in (release(world.batch, "ann", world.services), reject(world.batch, "ann", "", world.services)):
        assert (decided.done, decided.why) == (False, f"it is {status}, not held: there is nothing to decide")
    assert world.known == world.batch


def test_files_that_were_taken_meanwhile_are_not_said_to_be_released(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(BatchStatus.HELD)
    monkeypatch.setattr(world.services.ledger.files, "requeue", lambda *_: False)
    monkeypatch.setattr(world.services.ledger.files, "change", lambda *_: False)
    release(world.batch, "ann", world.services)
    reject(world.batch, "ann", "", world.services)
    assert all(world.steps(each.file_id) == [] for each in world.files)
