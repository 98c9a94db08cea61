"""A batch is judged before it is loaded: held where the contract wants it, told where not, and people decide once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.statistics.checks import Check, Metric
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.quality.hold import reject, release
from headrace.usecases.quality.judge_batch import judge_batch
from tests.support.fakes import MemoryServices, contract, contracts_of, file

BATCH = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z", units=2)
TOO_MANY = Check(Metric.ROW_COUNT, hold=True, highest=1.0)
SAID = "rowCount is 5; the contract wants at most 1"
BATCH_STATUS = "SELECT status"


class World:
    """A batch of a good file, a bad one and a copy, of which five rows were measured."""

    def __init__(self, *checks: Check, rows: float | None = 5, **changes: Any) -> None:
        self.contract: Contract = contract(checks=checks, channel="#m", **changes)
        self.services = MemoryServices(contracts=contracts_of(self.contract))
        self.files = [file(name, status=FileStatus.RUNNING, batch="readings-1") for name in ("good", "bad", "copy")]
        for each in self.files:
            self.services.ledger.given(each)
        self.batch = replace(BATCH, file_ids=tuple(each.file_id for each in self.files))
        self.services.ledger.records.batches["readings-1"] = self.batch
        good, bad, copy = (each.file_id for each in self.files)
        results = [
            FileResult(good, Verdict.GOOD, 5, 5, sha256="s"),
            FileResult(bad, Verdict.FAILED, reason="no header"),
            FileResult(copy, Verdict.DUPLICATE, 5, duplicate_of=good),
        ]
        for number, part in enumerate((results[:1], results[1:]), start=1):
            unit = UnitResult(number, self.contract.digest, [], part)
            self.services.lake.write_json(lake_paths.result("readings-1", number), unit.to_json())
        if rows is not None:
            self.services.warehouse.answers["place = 1"] = [["2026-01-31", "rowCount", "", "", rows, 1, 0.0]]

    def judge(self) -> dict[str, Any]:
        return judge_batch(self.services.ledger.batches.get("readings-1"), self.services)

    def statuses(self) -> list[FileStatus]:
        return [self.services.ledger.files.get(each.file_id).status for each in self.files]

    def story(self, name: str = "readings-1") -> list[tuple[str, dict[str, Any]]]:
        return [(event.step, event.detail) for event in self.services.ledger.records.events.get(name, [])]

    def held(self) -> BatchRecord:
        assert not self.judge()["load"]
        return self.services.ledger.batches.get("readings-1")

    def ran(self, words: str) -> list[str]:
        return [statement for statement in self.services.warehouse.ran if words in statement]


def test_a_batch_without_surprise_is_loaded_and_its_findings_are_kept() -> None:
    world = World(replace(TOO_MANY, highest=5.0))
    assert world.judge() == {"load": True, "findings": []}
    assert world.story() == [("Judged", {"checks": 1, "surprising": 0})]
    (kept,) = world.ran("INSERT INTO etl.quality_results")
    assert "('readings', 'batch', 'readings-1', '', 'rowCount', 'good', 5.0, NULL, NULL, 5.0, " in kept
    assert world.services.topic.notices == []


def test_where_nothing_was_measured_nothing_is_kept() -> None:
    world = World(TOO_MANY, rows=None)
    assert world.judge() == {"load": True, "findings": []}
    assert world.services.warehouse.ran == []
    without_checks = World()
    assert without_checks.judge()["load"]
    assert without_checks.services.warehouse.ran == []


def test_a_surprise_is_told_and_loaded_all_the_same() -> None:
    world = World(replace(TOO_MANY, hold=False))
    assert world.judge() == {"load": True, "findings": [SAID]}
    (told,) = world.services.topic.notices
    assert (told.level, told.title, told.channel) == (
        "warning", "readings: the figures of batch readings-1 are unusual", "#m",
    )  # fmt: skip
    assert world.story() == [("Judged", {"checks": 1, "surprising": 1})]


def test_a_held_batch_keeps_its_good_files_and_settles_the_others() -> None:
    world = World(TOO_MANY)
    assert world.judge() == {"load": False, "findings": [SAID]}
    assert world.statuses() == [FileStatus.HELD, FileStatus.FAILED, FileStatus.DUPLICATE]
    good = world.services.ledger.files.get(world.files[0].file_id)
    assert (good.sha256, good.reason) == ("s", f"its batch is held: {SAID}")
    assert [world.story(each.file_id) for each in world.files] == [
        [("Held", {"batch": "readings-1"})], [("Failed", {"batch": "readings-1"})],
        [("Duplicate", {"batch": "readings-1"})],
    ]  # fmt: skip
    batch = world.services.ledger.batches.get("readings-1")
    assert (batch.status, batch.reason) == (BatchStatus.HELD, SAID)
    assert world.story()[-1] == ("Held", {"reason": SAID})
    (decision,) = world.ran("INSERT INTO etl.holds")
    assert f"VALUES ('readings-1', 'readings', 'held', 'headrace', '{SAID}', GETDATE())" in decision
    assert world.ran("LOCK ")
    assert world.ran("'held'")
    (told,) = world.services.topic.notices
    assert told.lines[-1] == "Later batches go on."


@pytest.mark.parametrize(
    ("wait", "last"), [(True, "Later batches wait for the decision."), (False, "Later batches go on.")]
)
def test_people_read_whether_later_batches_wait(wait: bool, last: str) -> None:
    world = World(TOO_MANY, wait_while_held=wait)
    world.held()
    assert world.services.topic.notices[0].lines[-1] == last


def test_judged_again_while_it_is_held_it_says_why_and_changes_nothing() -> None:
    world = World(TOO_MANY)
    world.held()
    ran, told = list(world.services.warehouse.ran), list(world.services.topic.notices)
    assert world.judge() == {"load": False, "findings": [SAID]}
    assert (world.services.warehouse.ran, world.services.topic.notices) == (ran, told)


def test_an_execution_that_died_while_it_held_is_followed_by_one_that_holds() -> None:
    world = World(replace(TOO_MANY, highest=9.0))
    world.services.ledger.given(replace(world.files[0], status=FileStatus.HELD))
    assert not world.judge()["load"]
    assert world.services.ledger.batches.get("readings-1").status is BatchStatus.HELD


def test_what_is_loaded_already_is_not_held() -> None:
    world = World(TOO_MANY)
    world.services.warehouse.answers[BATCH_STATUS] = [["loaded"]]
    assert world.judge()["load"]
    assert world.statuses() == [FileStatus.RUNNING] * 3
    assert world.services.topic.notices == []


def test_files_that_people_released_are_not_held_again() -> None:
    world = World(TOO_MANY)
    for each in world.files:
        world.services.ledger.given(replace(each, released="readings-0"))
    assert world.judge() == {"load": True, "findings": [SAID]}
    world.services.ledger.given(world.files[1])  # one that was not
    assert not world.judge()["load"]


def test_files_that_are_elsewhere_by_now_are_left_alone() -> None:
    world = World(TOO_MANY)
    elsewhere = replace(world.files[0], batch="readings-2")
    settled = replace(world.files[1], status=FileStatus.LOADED)
    world.services.ledger.given(elsewhere)
    world.services.ledger.given(settled)
    world.judge()
    assert world.services.ledger.files.get(elsewhere.file_id) == elsewhere
    assert world.services.ledger.files.get(settled.file_id) == settled
    assert world.story(elsewhere.file_id) == world.story(settled.file_id) == []


def test_a_released_batch_lets_its_files_wait_again_as_one_group() -> None:
    world = World(TOO_MANY)
    decided = release(world.held(), "alex", world.services)
    assert decided.done
    assert decided.why.startswith("its files are loaded")
    assert [each.file_id for each in decided.files] == [world.files[0].file_id]
    waiting = world.services.ledger.files.get(world.files[0].file_id)
    assert (waiting.status, waiting.released, waiting.batch, waiting.reason) == (
        FileStatus.PENDING, "readings-1", None, None,
    )  # fmt: skip
    assert world.story(waiting.file_id)[-1] == ("Released", {"batch": "readings-1", "by": "alex"})
    assert world.story()[-1] == ("Released", {"by": "alex"})
    batch = world.services.ledger.batches.get("readings-1")
    assert batch.status is BatchStatus.RELEASED
    assert batch.ended_at is not None
    assert f"'released', 'alex', '{SAID}'" in world.ran("INSERT INTO etl.holds")[-1]
    assert world.services.workflow.executions


def test_a_rejected_batch_fails_its_files() -> None:
    world = World(TOO_MANY)
    decided = reject(world.held(), "alex", "a test", world.services)
    assert decided.done
    assert "`headrace retry`" in decided.why
    failed = world.services.ledger.files.get(world.files[0].file_id)
    reason = f"its batch readings-1 was held and rejected (a test): {SAID}"
    assert (failed.status, failed.reason) == (FileStatus.FAILED, reason)
    assert world.story(failed.file_id)[-1] == ("Rejected", {"batch": "readings-1", "by": "alex"})
    assert world.services.ledger.batches.get("readings-1").status is BatchStatus.REJECTED
    assert f"'rejected', 'alex', '{reason}'" in world.ran("INSERT INTO etl.holds")[-1]
    again = reject(world.services.ledger.batches.get("readings-1"), "alex", "", world.services)
    assert (again.done, again.files) == (False, ())
    assert again.why == "it is rejected, not held: there is nothing to decide"


def test_without_words_of_a_person_the_reason_is_that_of_the_hold() -> None:
    world = World(TOO_MANY)
    reject(world.held(), "alex", "", world.services)
    reason = world.services.ledger.files.get(world.files[0].file_id).reason
    assert reason == f"its batch readings-1 was held and rejected: {SAID}"


@pytest.mark.parametrize("decide", ["release", "reject"])
def test_a_dry_run_decides_nothing(decide: str) -> None:
    world = World(TOO_MANY)
    batch, ran = world.held(), len(world.services.warehouse.ran)
    decided = (
        release(batch, "alex", world.services, dry_run=True)
        if decide == "release"
        else reject(batch, "alex", "", world.services, dry_run=True)
    )
    assert (decided.done, len(decided.files)) == (True, 1)
    assert world.statuses()[0] is FileStatus.HELD
    assert len(world.services.warehouse.ran) == ran
    assert not release(replace(batch, status=BatchStatus.LOADED), "alex", world.services).done
