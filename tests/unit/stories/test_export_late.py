"""Late and double functions of an export: whatever the order, they change nothing that is settled, and the day ends.

Looks and runners are threads that stop before each call they make of the services; which goes on, chance says. Looks of
attempts that were stopped, and a second look of the same attempt, go on beside the one that counts; so do runners of
messages that have come twice.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from headrace.domain import export as domain
from headrace.exports.model.run import CategoryState, Run, RunStatus
from headrace.exports.steps import advance as export_advance
from headrace.exports.steps import trigger as export_trigger
from headrace.exports.steps.advance import advance
from headrace.exports.steps.finish import close
from headrace.exports.steps.runner import answer
from headrace.exports.steps.trigger import Wanted, look_after, resume, trigger
from tests.support.export_fakes import Hand, MemoryExportLedger, MemoryExportServices, Rows

DATE = "2026-01-31"
STEPS = 4_000


class Stopped(BaseException):
    """The world is over: the thread ends."""


class Turns(Hand):
    """Lets a thread go on by one call when it is its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.actors: dict[int, Actor] = {}

    def passes(self) -> None:
        if actor := self.actors.get(threading.get_ident()):
            actor.wait()


class Actor:
    """A function that runs. `step` lets it make its next call; `over` once it has returned or failed."""

    def __init__(self, turns: Turns, work: Callable[[], Any], done: Callable[[Any], None] = lambda _: None) -> None:
        self._turns = turns
        self._mine, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self.over = self._stopped = False
        self._thread = threading.Thread(target=self._run, args=(work, done), daemon=True)
        self._thread.start()
        self._back.acquire()

    def _run(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self._turns.actors[threading.get_ident()] = self
        with suppress(Stopped, Exception):
            self.wait()
            done(work())
        self.over = True
        del self._turns.actors[threading.get_ident()]
        self._back.release()

    def wait(self) -> None:
        self._back.release()
        self._mine.acquire()
        if self._stopped:
            raise Stopped

    def step(self) -> None:
        self._mine.release()
        self._back.acquire()

    def stop(self) -> None:
        if not self.over:
            self._stopped = True
            self._mine.release()
            self._thread.join()


class World:
    """A day of an export among functions that are late."""

    def __init__(self, given: Rows, seed: int) -> None:
        self.turns = Turns()
        self.services = MemoryExportServices(given, hand=self.turns)
        self.given = given
        self.chance = random.Random(seed)
        self.looks: list[Actor] = []
        self.runners: list[Actor] = []
        self.settled: dict[str, Any] | None = None

    def run_of_day(self) -> Any:
        return self.services.exports._runs["notes", DATE]

    def play(self) -> RunStatus:
        trigger(Wanted(DATE, "notes"), self.services)
        for _ in range(STEPS):
            self._move()
            status: RunStatus = self.run_of_day().status
            if status is not RunStatus.RUNNING:
                return status
        raise AssertionError("the day does not end")

    def let_the_late_ones_finish(self) -> None:
        for _ in range(STEPS):
            alive = [actor for actor in (*self.looks, *self.runners) if not actor.over]
            if not alive:
                return
            self.chance.choice(alive).step()

    def stop(self) -> None:
        for actor in (*self.looks, *self.runners):
            actor.stop()

    def _move(self) -> None:
        self.looks = [actor for actor in self.looks if not actor.over]
        self.runners = [actor for actor in self.runners if not actor.over]
        dice = self.chance.random()
        if dice < 0.02:
            self._kill()
        elif (dice < 0.12 and len(self.looks) < 3) or not self.looks:
            self._look()
        elif dice < 0.3 and self.services.requests.waiting and len(self.runners) < 4:
            self._take()
        else:
            self.chance.choice([*self.looks, *self.runners]).step()

    def _kill(self) -> None:
        """The execution is stopped; its functions go on for a while, and the next attempt begins beside them."""
        run = self.run_of_day()
        if run.attempt < 4:
            self.services.export_workflow.executions[run.name] = "ABORTED"
            resume("notes", DATE, run.attempt, "ABORTED", self.services)

    def _look(self) -> None:
        attempt = self.run_of_day().attempt

        def closed(look: dict[str, Any]) -> None:
            if look["over"] and "run" in look:
                close(look["run"], self.services)

        self.looks.append(Actor(self.turns, lambda: advance("notes", DATE, attempt, self.services), closed))

    def _take(self) -> None:
        waiting = self.services.requests.waiting
        index = self.chance.randrange(len(waiting))
        if self.chance.random() < 0.2:
            waiting.append(waiting[index])
        request, delivery = self.services.requests.take(index)

        def work() -> None:
            try:
                answer(request, delivery, self.services, lambda *_: None)
            except Exception:
                self.services.requests.bring_again(request, delivery)

        self.runners.append(Actor(self.turns, work))

    def snapshot(self) -> dict[str, Any]:
        """What people and consumers have been told of: the run, its categories, its manifest and the files in it."""
        manifest = json.loads(self.services.bucket.objects[f"notes/{DATE}/manifest.json"])
        run = self.run_of_day()
        return {
            "run": (run.attempt, run.status, run.accounts, run.parts, run.seconds),
            "categories": self.services.exports.categories("notes", DATE),
            "manifest": manifest,
            "files": {item["key"]: self.services.bucket.objects[item["key"]] for item in manifest["files"]},
        }


def rows() -> Rows:
    names = [f"a{number}" for number in range(6)]
    return {
        (f"c{category}", name): [f"{name} {row}" for row in range((category + place) % 3)]
        for category in range(2)
        for place, name in enumerate(names)
    }


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "ACCOUNTS_PER_PART", 2)
    monkeypatch.setattr(export_advance, "STALL_SECONDS", 0)
    monkeypatch.setattr("headrace.exports.steps.runner.UPLOADS", 1)
    monkeypatch.setitem(export_trigger.MOST_ATTEMPTS, "ABORTED", 20)


def check(seed: int) -> None:
    """One day, played to its end and beyond it."""
    world = World(rows(), seed)
    try:
        status = world.play()
        told = world.snapshot()
        world.let_the_late_ones_finish()
        assert world.snapshot() == told
        if status is RunStatus.COMPLETE:
            files = {item["key"]: item for item in told["manifest"]["files"]}
            assert len(files) == len(told["manifest"]["files"]) == len(world.given)
            for (category, account), notes in world.given.items():
                text = "".join(f"{note}\r\n" for note in ["note", *notes])
                assert told["files"][f"notes/{DATE}/{category}/{account}.csv"] == text.encode()
    finally:
        world.stop()


@pytest.mark.parametrize("seed", range(60))
def test_late_functions_change_nothing_that_is_settled(seed: int) -> None:
    check(seed)


def save_run(self: MemoryExportLedger, run: Run) -> Run:
    """As it was: only the attempt had to be the same."""
    there = self._runs[run.export, run.date]
    if there.attempt == run.attempt:
        self._runs[run.export, run.date] = run
    self._hand.passes()
    return run


def save_category(self: MemoryExportLedger, run: Run, state: CategoryState) -> CategoryState:
    """As it was: without a condition."""
    self._categories[run.export, run.date, state.category] = state
    self._hand.passes()
    return state


@pytest.mark.parametrize(("name", "old"), [("change_run", save_run), ("change_category", save_category)])
def test_the_search_finds_a_write_without_its_condition(
    name: str, old: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryExportLedger, name, old)

    def search() -> None:
        for seed in range(200):
            check(seed)

    with pytest.raises(AssertionError):
        search()


def test_a_day_is_complete_in_the_end_whatever_was_late() -> None:
    """Requests that are lost twice fail their accounts; the next trigger asks for them again."""
    for seed in range(60, 80):
        world = World(rows(), seed)
        try:
            status = world.play()
            for _ in range(3):
                if status is RunStatus.COMPLETE:
                    break
                status = world.play()
            assert status is RunStatus.COMPLETE, seed
        finally:
            world.stop()


def test_a_run_that_was_opened_and_never_started_is_started_by_itself() -> None:
    services = MemoryExportServices(rows())
    trigger(Wanted(DATE, "notes"), services)
    name = services.exports._runs["notes", DATE].name
    del services.export_workflow.executions[name]
    assert look_after(services) == [{"export": "notes", "date": DATE, "outcome": f"started {name}"}]
    assert services.export_workflow.executions[name] == "RUNNING"
    assert look_after(services) == []


@pytest.mark.parametrize(("ended", "next_attempt"), [("FAILED", 2), ("ABORTED", 2), ("TIMED_OUT", 2), ("SUCCEEDED", 2)])
def test_a_run_whose_execution_ended_unheard_goes_on(ended: str, next_attempt: int) -> None:
    services = MemoryExportServices(rows())
    trigger(Wanted(DATE, "notes"), services)
    services.export_workflow.executions[services.exports._runs["notes", DATE].name] = ended
    (done,) = look_after(services)
    assert done["outcome"] == f"started notes-{DATE}-{next_attempt}"


def test_what_has_ended_is_not_looked_after() -> None:
    services = MemoryExportServices(rows())
    trigger(Wanted(DATE, "notes"), services)
    run = services.exports._runs["notes", DATE]
    services.exports.end_run(run.from_json(run.to_json() | {"status": RunStatus.INCOMPLETE}))
    del services.export_workflow.executions[run.name]
    assert look_after(services) == []
