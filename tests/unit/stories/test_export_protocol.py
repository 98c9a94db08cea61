"""The export as a protocol: processes are killed at any call, messages come in any order and twice, and yet every
account has its file once, and the end is told.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest

from headrace.domain import export as domain
from headrace.exports.model.run import RunStatus
from headrace.exports.steps import advance as export_advance
from headrace.exports.steps import runner
from headrace.exports.steps.advance import advance
from headrace.exports.steps.finish import close
from headrace.exports.steps.runner import answer
from headrace.exports.steps.trigger import Wanted, resume, trigger
from tests.support.export_fakes import Hand, KilledError, MemoryExportServices, Rows

DATE = "2026-01-31"
POISON = "選"


def rows(accounts: int = 9, categories: int = 3) -> Rows:
    """One account of each category without rows, one with a slash in its name."""
    names = [f"a{number}" for number in range(accounts - 1)] + ["x/y"]
    return {
        (f"c{category}", name): [f"{name} {row}" for row in range((category + place) % 4)]
        for category in range(categories)
        for place, name in enumerate(names)
    }


class World:
    """Everything that happens, one step after the other, in an order by chance."""

    def __init__(self, given: Rows, seed: int = 0, kill_at: int = 0, broken: set[str] | None = None) -> None:
        self.hand = Hand(kill_at)
        self.services = MemoryExportServices(given, hand=self.hand, broken=broken or set())
        self.chance = random.Random(seed)
        self.told: list[dict[str, Any]] = []
        self.killed = False

    def trigger(self, **asked: Any) -> None:
        self._step(lambda: trigger(Wanted(DATE, "notes", **asked), self.services))
        if self.killed:
            self.killed = False
            trigger(Wanted(DATE, "notes", **asked), self.services)

    def run(self, steps: int = 300) -> RunStatus:
        """Let looks and runners take turns until the run is over."""
        for _ in range(steps):
            if self.services.requests.waiting and self.chance.random() < 0.6:
                with suppress(KilledError):
                    self._work()
            else:
                self._step(self._look)
            run = self.services.exports._runs["notes", DATE]
            if run.status is not RunStatus.RUNNING:
                return run.status
        raise AssertionError("the run does not end")

    def _step(self, work: Any) -> None:
        try:
            work()
        except KilledError:
            self.killed = True

    def _look(self) -> None:
        """A look by the execution that runs; one that was killed is followed by the next."""
        run = self.services.exports._runs["notes", DATE]
        if self.killed and self.chance.random() < 0.5:
            self.killed = False
            self.services.export_workflow.executions[run.name] = "ABORTED"
            resume("notes", DATE, run.attempt, "ABORTED", self.services)
            run = self.services.exports._runs["notes", DATE]
        look = advance("notes", DATE, run.attempt, self.services)
        if look["over"] and "run" in look:
            if look["tell"]:
                self.told.append(look)
            close(look["run"], self.services)
            self.services.export_workflow.executions[run.name] = "SUCCEEDED"

    def _work(self) -> None:
        waiting = self.services.requests.waiting
        index = self.chance.randrange(len(waiting))
        if self.chance.random() < 0.1:
            waiting.append(waiting[index])
        request, delivery = self.services.requests.take(index)
        try:
            answer(request, delivery, self.services, lambda *_: None)
        except KilledError:
            self.services.requests.bring_again(request, delivery)
            raise
        except Exception:
            self.services.requests.bring_again(request, delivery)

    def assert_complete(self, given: Rows) -> None:
        files = list(self.services.exports.files("notes", DATE))
        assert sorted((category, file.account) for category, file in files) == sorted(given)
        for category, file in files:
            text = "".join(f"{note}\r\n" for note in ["note", *given[category, file.account]])
            assert self.services.bucket.objects[file.key] == text.encode("cp1252")
        manifest = json.loads(self.services.bucket.objects[f"notes/{DATE}/manifest.json"])
        assert len(manifest["files"]) == len(given)
        assert manifest["complete"]
        assert [look["detail_type"] for look in self.told][-1] == "ExportCompleted"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "ACCOUNTS_PER_PART", 3)
    monkeypatch.setattr(export_advance, "STALL_SECONDS", 0)


def calls_of_a_run() -> int:
    world = World(rows())
    world.trigger()
    world.run()
    return world.hand.calls


def test_no_word_of_arrow_is_recorded_of_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may quote a row."""

    def broken(*_: object) -> None:
        raise pa.ArrowInvalid("Could not convert 'Jane Doe' with type str")

    monkeypatch.setattr(runner, "by_account", broken)
    world = World(rows(1, 1))
    world.trigger()
    world.run()
    reasons = [answer.failure for answer in world.services.exports._answers.values() if answer.failure]
    assert reasons
    assert all("RowsError: ArrowInvalid at test_export_protocol.py" in reason for reason in reasons), reasons


def test_without_trouble_each_file_is_written_once() -> None:
    world = World(rows())
    world.chance.random = lambda: 0.5  # type: ignore[method-assign] # no message twice
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(rows())
    assert set(world.services.bucket.written.values()) == {1}
    assert len(world.services.unloader.unloads) == 3


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_call_it_goes_on_to_the_end(seed: int) -> None:
    for kill_at in range(1, calls_of_a_run() + 1):
        world = World(rows(), seed, kill_at)
        world.trigger()
        assert world.run() is RunStatus.COMPLETE, (seed, kill_at)
        world.assert_complete(rows())
        # Killed after it was told and before that was written down, it is told again: as the same.
        assert len(world.told) <= 2
        assert len({look["event"]["manifest_sha256"] for look in world.told}) == 1


def test_a_second_trigger_of_a_complete_day_starts_nothing() -> None:
    world = World(rows())
    world.trigger()
    world.run()
    done = trigger(Wanted(DATE), world.services)
    assert done == [{"export": "notes", "date": DATE, "outcome": "nothing is missing"}]
    assert len(world.services.export_workflow.started) == 1


def test_a_trigger_while_it_runs_starts_nothing() -> None:
    world = World(rows())
    world.trigger()
    assert "is on it" in trigger(Wanted(DATE), world.services)[0]["outcome"]


def test_a_poisoned_account_fails_alone_and_is_retried_alone() -> None:
    given = rows()
    given["c1", "a2"] = ["good", POISON]
    world = World(given)
    world.trigger()
    assert world.run() is RunStatus.INCOMPLETE
    assert world.told[0]["detail_type"] == "ExportIncomplete"
    tallies = world.services.exports.tallies("notes", DATE)
    assert {name for tally in tallies.values() for name in tally.failures} == {"a2"}
    assert sum(tally.done for tally in tallies.values()) == len(given) - 1
    before = dict(world.services.bucket.written)

    given["c1", "a2"] = ["good", "mended"]
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(given)
    again = {key: number - before.get(key, 0) for key, number in world.services.bucket.written.items()}
    assert {key for key, number in again.items() if number} == {f"notes/{DATE}/c1/a2.csv"}
    assert world.services.unloader.unloads[-1].only == ("a2",)


def test_a_category_that_cannot_be_unloaded_stops_no_other() -> None:
    given, broken = rows(), {"c1"}
    world = World(given, broken=broken)
    world.trigger()
    assert world.run() is RunStatus.INCOMPLETE
    told = json.dumps(world.told[0]["notice"])
    assert "permission denied" in told
    assert "The database user that loads lacks a privilege. GRANT it" in told
    assert sum(tally.done for tally in world.services.exports.tallies("notes", DATE).values()) == 18

    broken.clear()
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(given)


@pytest.mark.parametrize("seed", range(10))
def test_a_part_of_the_day_then_the_rest(seed: int) -> None:
    world = World(rows(), seed)
    world.trigger(category="c1", account="a3")
    assert world.run() is RunStatus.PARTIAL
    assert world.told == []
    assert [(c, file.account) for c, file in world.services.exports.files("notes", DATE)] == [("c1", "a3")]
    world.trigger()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(rows())
    assert len(world.services.unloader.unloads) == 3


@pytest.mark.parametrize("asked", [{"category": "c9"}, {"account": "nobody"}])
def test_what_the_day_does_not_have_is_named(asked: dict[str, str]) -> None:
    world = World(rows())
    world.trigger(**asked)
    assert world.run() is RunStatus.PARTIAL
    assert next(iter(asked.values())) in world.services.exports._runs["notes", DATE].reason


def test_a_request_that_is_lost_is_made_again() -> None:
    world = World(rows())
    world.trigger()
    world._look()
    world.services.requests.waiting.pop()
    assert world.run() is RunStatus.COMPLETE
    world.assert_complete(rows())


def test_an_account_that_kills_its_runner_every_time_is_alone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(rows())
    put = world.services.bucket.put

    def deadly(key: str, body: bytes, sha256: bytes) -> None:
        if key.endswith("c1/a2.csv"):
            raise KilledError
        put(key, body, sha256)

    monkeypatch.setattr(world.services.bucket, "put", deadly)
    world.trigger()
    assert world.run() is RunStatus.INCOMPLETE
    tallies = world.services.exports.tallies("notes", DATE)
    assert {c: list(tally.failures) for c, tally in tallies.items() if tally.failures} == {"c1": ["a2"]}
    assert sum(tally.done for tally in tallies.values()) == len(rows()) - 1
    assert "dead letters" in tallies["c1"].failures["a2"]


def test_an_execution_that_fails_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(rows())
    world.trigger()
    for attempt in (1, 2, 3):
        resume("notes", DATE, attempt, "FAILED", world.services)
    run = world.services.exports._runs["notes", DATE]
    assert (run.status, run.attempt) == (RunStatus.INCOMPLETE, 3)
    assert "given up" in run.reason
