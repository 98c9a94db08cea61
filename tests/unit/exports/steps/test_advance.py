"""One look at a run: what it starts, what it waits for, and what it gives up. Whole days are in `unit/stories`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain import export as domain
from headrace.domain.clock import written
from headrace.domain.statement import StatementState
from headrace.errors import OvertakenError
from headrace.exports.model.run import Answer, CategoryState, FileResult, Request, Run, RunStatus, UnloadStatus
from headrace.exports.steps import advance as module
from headrace.exports.steps.advance import (
    ANSWER_PATIENCE_SECONDS,
    MOST_CHARACTERS,
    MOST_NARROWED,
    NO_ANSWER,
    STALL_SECONDS,
    UNLOAD_PATIENCE_SECONDS,
    advance,
)
from headrace.exports.steps.runner import answer
from headrace.exports.steps.trigger import Wanted, resume, trigger
from tests.support.export_fakes import MemoryExportServices, Rows

DATE = "2026-01-31"
ROWS: Rows = {("c", "a"): ["1"], ("c", "b"): ["2", "3"], ("d", "a"): []}


def ago(seconds: float) -> str:
    return written(datetime.now(UTC) - timedelta(seconds=seconds))


class Day:
    """A day's run. Statements end when `ends` is called, unless they do so at once."""

    def __init__(self, rows: Rows | None = None, *, at_once: bool = True, **asked: Any) -> None:
        self.services = MemoryExportServices(dict(ROWS if rows is None else rows))
        self.at_once = at_once
        self._submit = self.services.unloader.submit
        self.services.unloader.submit = self._started  # type: ignore[method-assign]
        trigger(Wanted(DATE, "notes", **asked), self.services)

    def _started(self, sql: str, token: str, name: str) -> str:
        statement = self._submit(sql, token, name)
        if not self.at_once:
            self.services.unloader.statements[statement] = StatementState(ended=False, error="")
        return statement

    def ends(self, error: str = "", *, transient: bool = False) -> None:
        for name in self.services.unloader.statements:
            self.services.unloader.statements[name] = StatementState(ended=True, error=error, transient=transient)

    def look(self) -> dict[str, Any]:
        return advance("notes", DATE, self.run.attempt, self.services)

    def work(self) -> None:
        """Answer every request that waits."""
        while self.services.requests.waiting:
            answer(*self.services.requests.take(0), self.services, lambda *_: None)

    def lose(self) -> list[Request]:
        """The requests that wait get lost."""
        lost = [Request.from_json(json.loads(text)) for text, _ in self.services.requests.waiting]
        self.services.requests.waiting.clear()
        return lost

    def goes_by(self, seconds: float, *fields: str) -> None:
        """So long ago is what the run says of these moments."""
        moments: dict[str, Any] = dict.fromkeys(fields, ago(seconds))
        self.services.exports._runs["notes", DATE] = replace(self.run, **moments)

    def retry(self) -> None:
        """The attempt is stopped, the next one begins."""
        resume("notes", DATE, self.run.attempt, "ABORTED", self.services)

    @property
    def run(self) -> Run:
        return self.services.exports._runs["notes", DATE]

    @property
    def states(self) -> dict[str, CategoryState]:
        return {state.category: state for state in self.services.exports.categories("notes", DATE)}

    @property
    def unloads(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(unload.category, unload.only) for unload in self.services.unloader.unloads]

    @property
    def waiting(self) -> list[tuple[str, tuple[str, ...], bool]]:
        found = [Request.from_json(json.loads(text)) for text, _ in self.services.requests.waiting]
        return [(request.category, request.accounts, request.alone) for request in found]


# -- which run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", [0, 2])
def test_a_look_for_another_attempt_ends_it_silently(attempt: int) -> None:
    day = Day()
    assert advance("notes", DATE, attempt, day.services) == {"over": True, "tell": False}
    assert advance("notes", "2026-02-01", 1, day.services) == {"over": True, "tell": False}
    day.services.exports.end_run(replace(day.run, status=RunStatus.COMPLETE))
    assert day.look() == {"over": True, "tell": False}
    assert day.unloads == []


def test_a_look_that_was_overtaken_looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    day = Day()

    def overtaken(*_: object) -> Run:
        raise OvertakenError("another")

    monkeypatch.setattr(day.services.exports, "change_run", overtaken)
    assert day.look() == {"over": False, "wait_seconds": 2}


# -- unloads -------------------------------------------------------------------------------------------------------


def test_the_first_look_plans_the_day_and_unloads_each_category_that_has_rows() -> None:
    day = Day(at_once=False)
    look = day.look()
    assert (look["over"], look["wait_seconds"], look["open"]) == (False, 2, 4)
    assert day.unloads == [("c", ())]
    assert day.run.statements == 3
    c, d = day.states["c"], day.states["d"]
    assert (c.status, c.unloaded_by, c.tries, c.asked) == (UnloadStatus.UNLOADING, 1, 1, 0)
    assert c.folder.startswith(f"exports/notes/{DATE}/")
    assert c.folder.endswith("/")
    assert (d.status, d.unloaded_by, d.asked, d.statement) == (UnloadStatus.UNLOADED, 1, 1, "")
    assert day.waiting == [("d", ("a", "b"), False)]
    assert day.services.unloader.unloads[0].target == f"s3://lake/{c.folder}"


def test_while_it_unloads_nothing_is_asked_and_nothing_is_done_twice() -> None:
    day = Day(at_once=False)
    day.look()
    day.work()
    before = day.states
    day.look()
    assert (day.states, day.waiting, day.unloads) == (before, [], [("c", ())])
    day.ends()
    look = day.look()
    assert day.waiting == [("c", ("a", "b"), False)]
    assert (day.states["c"].rows, day.states["c"].asked, look["open"]) == (3, 1, 2)


def test_a_transient_error_of_an_unload_is_tried_for_hours_then_it_has_failed() -> None:
    day = Day(at_once=False)
    day.look()
    day.ends("too many connections", transient=True)
    day.look()
    day.look()
    assert (day.unloads, day.states["c"].tries, day.states["c"].status) == (
        [("c", ()), ("c", ())], 2, UnloadStatus.UNLOADING,
    )  # fmt: skip
    day.goes_by(UNLOAD_PATIENCE_SECONDS, "attempt_at")
    day.ends("too many connections", transient=True)
    day.look()
    failed = day.states["c"]
    assert (failed.status, failed.asked) == (UnloadStatus.FAILED, 1)
    assert failed.reason.startswith("too many connections")


def test_shortly_before_patience_ends_it_is_tried_once_more() -> None:
    day = Day(at_once=False)
    day.look()
    day.goes_by(UNLOAD_PATIENCE_SECONDS - 60, "attempt_at")
    day.ends("too many connections", transient=True)
    day.look()
    assert day.states["c"].status is UnloadStatus.WAITING


def test_an_error_that_stays_fails_the_category_and_no_other() -> None:
    day = Day(at_once=False)
    day.look()
    day.ends("ERROR: permission denied " + "x" * 5000)
    look = day.look()
    assert (day.states["c"].status, look["open"]) == (UnloadStatus.FAILED, 2)
    assert len(day.states["c"].reason.encode()) <= 2000
    day.work()
    over = day.look()
    assert (over["over"], over["status"]) == (True, RunStatus.INCOMPLETE)


def test_the_next_attempt_unloads_what_has_failed_once_more() -> None:
    day = Day(at_once=False)
    day.look()
    day.ends("ERROR: permission denied")
    day.look()
    day.retry()
    day.at_once = True
    day.look()
    c = day.states["c"]
    assert (c.status, c.tries, c.unloaded_by, c.reason, c.asked) == (UnloadStatus.UNLOADED, 1, 2, "", 2)
    assert day.services.unloader.unloads[-1].target == f"s3://lake/{c.folder}"


def test_a_category_without_rows_at_first_is_unloaded_by_the_next_attempt() -> None:
    day = Day({("d", "a"): []})
    day.look()
    day.lose()
    day.services.unloader._rows["d", "a"] = ["late"]
    day.services.exports.change_category(day.run, replace(day.states["d"], status=UnloadStatus.WAITING))
    day.retry()
    day.look()
    assert day.unloads == [("d", ())]


def test_a_category_whose_name_fits_into_no_key_fails_at_once() -> None:
    day = Day({("ü" * 600, "a"): ["1"]})
    day.look()
    (state,) = day.states.values()
    assert (state.status, state.asked, day.unloads) == (UnloadStatus.FAILED, 1, [])
    assert "S3 takes 1024" in state.reason


# -- requests ------------------------------------------------------------------------------------------------------


def test_an_account_whose_name_fits_into_no_key_is_answered_at_once() -> None:
    day = Day({("c", "x" * 2000): ["1"], ("c", "a"): ["2"]})
    day.look()
    assert day.waiting == [("c", ("a",), False)]
    tally = day.services.exports.tallies("notes", DATE)["c"]
    assert list(tally.failures) == ["x" * 2000]
    day.work()
    over = day.look()
    assert (over["over"], over["status"]) == (True, RunStatus.INCOMPLETE)


def test_the_next_attempt_asks_for_what_is_missing_from_the_same_unload() -> None:
    day = Day()
    day.look()
    answer(*day.services.requests.take(0), day.services, lambda *_: None)
    day.lose()
    day.retry()
    day.look()
    done = {(category, file.account) for category, file in day.services.exports.files("notes", DATE)}
    assert sorted((category, account) for category, accounts, _ in day.waiting for account in accounts) == sorted(
        {("c", "a"), ("c", "b"), ("d", "a"), ("d", "b")} - done
    )
    assert day.unloads == [("c", ())]


def test_requests_that_still_wait_are_not_made_again_by_the_next_attempt() -> None:
    day = Day()
    day.look()
    before = day.waiting
    day.retry()
    day.look()
    assert day.waiting == before
    assert {state.asked for state in day.states.values()} == {2}


def test_an_account_that_failed_is_unloaded_alone_and_its_failure_forgotten() -> None:
    day = Day()
    day.look()
    request, _ = day.services.requests.take(0)
    day.work()
    alone = request.for_alone("a")
    day.services.exports.record(Answer(alone, failure="odd"))
    answer(request.for_alone("b"), 1, day.services, lambda *_: None)
    over = day.look()
    assert over["status"] is RunStatus.INCOMPLETE
    day.services.exports.end_run(Run.from_json(over["run"]))
    trigger(Wanted(DATE, "notes"), day.services)
    day.look()
    assert day.unloads[-1] == (request.category, ("a",))
    assert day.services.exports.tallies("notes", DATE)[request.category].failed == 0
    rows = day.states[request.category].rows
    day.look()
    assert day.states[request.category].rows == rows, "of the whole category, not of what was unloaded again"
    day.work()
    assert day.look()["status"] is RunStatus.COMPLETE


@pytest.mark.parametrize(
    ("accounts", "named"),
    [
        ([f"{n:03}" for n in range(MOST_NARROWED)], True),
        ([f"{n:03}" for n in range(MOST_NARROWED + 1)], False),
        (["x" * (MOST_CHARACTERS // 2), "y" * (MOST_CHARACTERS // 2)], True),
        (["x" * (MOST_CHARACTERS // 2), "y" * (MOST_CHARACTERS // 2 + 1)], False),
    ],
)
def test_an_unload_names_accounts_one_by_one_if_they_fit_into_it(accounts: list[str], named: bool) -> None:
    assert module._nameable(accounts) == (tuple(accounts) if named else ())


# -- one account or one category -----------------------------------------------------------------------------------


def test_a_run_for_one_account_is_over_when_that_has_its_files() -> None:
    day = Day(account="b")
    look = day.look()
    assert sorted(day.waiting) == [("c", ("b",), False), ("d", ("b",), False)]
    assert look["open"] == 2
    assert all(state.narrowed for state in day.states.values())
    day.work()
    over = day.look()
    assert (over["over"], over["tell"], over["status"]) == (True, False, RunStatus.PARTIAL)
    trigger(Wanted(DATE, "notes"), day.services)
    assert day.run.attempt == 1, "it runs until it is closed"


def test_a_run_for_one_category_leaves_the_others() -> None:
    day = Day(category="d")
    look = day.look()
    assert (look["open"], [category for category, _, _ in day.waiting], day.unloads) == (2, ["d"], [])
    assert day.states["c"].status is UnloadStatus.WAITING
    day.work()
    assert day.look()["status"] is RunStatus.PARTIAL


def test_a_failure_of_another_account_keeps_no_narrowed_run_open() -> None:
    day = Day(account="b")
    day.look()
    for category in "cd":
        state = day.states[category]
        request = Request("notes", DATE, category, 0, ("a",), (), alone=True, folder=state.folder)
        day.services.exports.record(Answer(request, failure="odd"))
    assert day.look()["open"] == 2
    day.work()
    assert day.look()["over"]


# -- nobody answers ------------------------------------------------------------------------------------------------


def test_progress_is_noted_and_the_stall_begins_when_it_ends() -> None:
    day = Day()
    day.look()
    assert (day.run.answered, day.run.progress_at[:4]) == (0, ago(0)[:4])
    answer(*day.services.requests.take(0), day.services, lambda *_: None)
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.lose()
    day.look()
    assert (day.run.answered, day.run.nudged, day.waiting) == (1, None, [])
    assert day.run.progress_at > ago(60)


@pytest.mark.parametrize(("seconds", "idle", "again"), [(115, True, False), (121, False, False), (121, True, True)])
def test_lost_requests_are_made_again_alone_once_the_queue_is_empty_for_long(
    seconds: float, idle: bool, again: bool
) -> None:
    day = Day()
    day.look()
    lost = sorted((request.category, account) for request in day.lose() for account in request.accounts)
    if not idle:
        day.services.requests.send([Request("others", DATE, "x", 0, ("x",), ())])
    day.goes_by(seconds, "progress_at")
    look = day.look()
    assert (look["over"], look["open"], day.run.nudged) == (False, 4, 0 if again else None)
    made = [(category, account) for category, (account,), alone in day.waiting if alone]
    assert sorted(made) == (lost if again else [])


def lost_again(day: Day) -> None:
    day.lose()
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()


def test_what_is_lost_twice_while_others_are_answered_has_failed() -> None:
    day = Day()
    day.look()
    lost_again(day)
    answered = {day.waiting[0][:2]}
    answer(*day.services.requests.take(0), day.services, lambda *_: None)
    day.look()
    lost_again(day)
    tallies = day.services.exports.tallies("notes", DATE)
    failed = {(name, (account,)) for name, tally in tallies.items() for account in tally.failures}
    assert failed | answered == {("c", ("a",)), ("c", ("b",)), ("d", ("a",)), ("d", ("b",))}
    assert failed.isdisjoint(answered)
    assert {reason for tally in tallies.values() for reason in tally.failures.values()} == {NO_ANSWER}
    assert day.look()["status"] is RunStatus.INCOMPLETE


def test_one_account_that_is_lost_twice_has_failed() -> None:
    day = Day({("c", "a"): ["1"]})
    day.look()
    lost_again(day)
    lost_again(day)
    assert day.look()["status"] is RunStatus.INCOMPLETE


def test_while_nobody_is_answered_no_account_fails_and_all_are_asked_for_again() -> None:
    """Deliveries count that Lambda does not take: an hour without it is not the accounts' fault."""
    day = Day()
    day.look()
    for _ in range(12):
        lost_again(day)
    assert sum(tally.failed for tally in day.services.exports.tallies("notes", DATE).values()) == 0
    day.work()
    assert day.look()["status"] is RunStatus.COMPLETE


def test_it_is_for_hours_and_not_for_ever() -> None:
    day = Day()
    day.look()
    lost_again(day)
    day.goes_by(ANSWER_PATIENCE_SECONDS + 5, "attempt_at")
    lost_again(day)
    assert day.look()["status"] is RunStatus.INCOMPLETE


def test_an_account_that_has_failed_already_is_not_asked_for_again() -> None:
    day = Day()
    day.look()
    request = day.lose()[0]
    day.services.exports.record(Answer(request.for_alone("a"), failure="odd"))
    day.look()
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()
    assert (request.category, ("a",), True) not in day.waiting
    assert (request.category, ("b",), True) in day.waiting


def test_what_a_narrowed_unload_does_not_have_is_unloaded_once_more() -> None:
    """It brought the accounts that had failed; others of its category are lost since."""
    day = Day()
    day.look()
    day.lose()
    c = day.states["c"]
    day.services.exports.change_category(day.run, replace(c, only=("a",)))
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()
    assert day.unloads == [("c", ()), ("c", ("a", "b"))]
    assert (day.states["c"].asked, day.states["c"].folder == c.folder) == (0, False)
    day.look()
    assert [(accounts, alone) for category, accounts, alone in day.waiting if category == "c"] == [(("a", "b"), False)]


def test_while_a_category_unloads_nobody_is_late() -> None:
    day = Day(at_once=False)
    day.look()
    day.work()
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()
    assert (day.run.nudged, day.run.progress_at > ago(60)) == (None, True)


def test_of_a_category_that_could_not_be_unloaded_nothing_is_asked_again() -> None:
    day = Day(at_once=False)
    day.look()
    day.ends("ERROR: permission denied")
    day.look()
    day.lose()
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()
    assert {category for category, _, _ in day.waiting} == {"d"}


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lasts", "wait"), [(0, 2), (39, 2), (61, 3), (610, 30), (1210, 60), (90_000, 60)])
def test_looks_come_rarer_the_longer_an_attempt_lasts(lasts: float, wait: int) -> None:
    day = Day()
    day.goes_by(lasts, "attempt_at")
    assert day.look()["wait_seconds"] == wait


def test_the_age_of_a_run_is_that_of_all_its_attempts() -> None:
    day = Day()
    day.goes_by(3600 * 5, "started_at")
    assert day.look()["age_minutes"] == pytest.approx(300, abs=1)


# -- the end -------------------------------------------------------------------------------------------------------


def test_a_day_is_over_when_all_have_answered() -> None:
    day = Day()
    day.look()
    while day.services.requests.waiting:
        look = day.look()
        assert (look["over"], look["open"]) == (False, 4 - sum(1 for _ in day.services.exports.files("notes", DATE)))
        answer(*day.services.requests.take(0), day.services, lambda *_: None)
    over = day.look()
    assert (over["over"], over["tell"], over["status"]) == (True, True, RunStatus.COMPLETE)
    assert over["event"]["files"] == 4


def test_an_account_with_two_answers_is_counted_once_before_the_end_is_believed() -> None:
    """A runner that was late answered for `a` alone, beside the one that answered for all."""
    day = Day({("c", "a"): ["1"], ("c", "b"): ["2"]})
    day.look()
    (request,) = day.lose()
    for alone in (request.for_alone("a"), replace(request.for_alone("a"), part=7)):
        day.services.exports.record(Answer(alone, (FileResult("a", f"notes/{DATE}/c/a.csv", 1, 9, "s"),)))
    assert day.services.exports.tallies("notes", DATE)["c"].done == 2
    look = day.look()
    assert (look["over"], look["open"]) == (False, 1)


def test_a_part_of_the_accounts_has_its_requests_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "ACCOUNTS_PER_PART", 1)
    day = Day({("c", name): [name] for name in "abcdef"})
    day.look()
    assert day.run.parts == 6
    assert sorted(account for _, accounts, _ in day.waiting for account in accounts) == list("abcdef")
    day.work()
    assert day.look()["status"] is RunStatus.COMPLETE


# -- at the very moment ----------------------------------------------------------------------------------------------


AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def standing(monkeypatch: pytest.MonkeyPatch, day: Day, **since: float) -> None:
    """The clock stands still, so many seconds after these moments of the run."""
    monkeypatch.setattr(module, "now", lambda: written(AT))
    moments: dict[str, Any] = {name: written(AT - timedelta(seconds=seconds)) for name, seconds in since.items()}
    day.services.exports._runs["notes", DATE] = replace(day.run, **moments)


@pytest.mark.parametrize(("seconds", "again"), [(STALL_SECONDS - 1, False), (STALL_SECONDS, True)])
def test_a_stall_has_lasted_long_enough(seconds: float, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    day = Day()
    day.look()
    day.lose()
    standing(monkeypatch, day, progress_at=seconds)
    day.look()
    assert bool(day.waiting) is again


@pytest.mark.parametrize(
    ("lost", "lasts", "fails"),
    [
        ("abc", ANSWER_PATIENCE_SECONDS - 1, False),
        ("abc", ANSWER_PATIENCE_SECONDS, True),
        ("ab", 0, True),
    ],
)
def test_accounts_that_nobody_answers_for_fail_unless_they_are_several_and_it_is_not_for_hours(
    lost: str, lasts: float, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day({("c", name): ["1"] for name in lost})
    day.look()
    for _ in range(2):
        day.lose()
        standing(monkeypatch, day, progress_at=STALL_SECONDS, attempt_at=lasts)
        day.look()
    failures = day.services.exports.tallies("notes", DATE)["c"].failures if fails else {}
    assert failures == (dict.fromkeys(lost, NO_ANSWER) if fails else {})
    assert bool(day.waiting) is not fails


@pytest.mark.parametrize(("lasts", "status"), [
    (UNLOAD_PATIENCE_SECONDS - 1, UnloadStatus.UNLOADING), (UNLOAD_PATIENCE_SECONDS, UnloadStatus.FAILED),
])  # fmt: skip
def test_a_transient_error_of_an_unload_is_tried_again_for_so_long(
    lasts: float, status: UnloadStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(at_once=False)
    day.look()
    day.ends("slow down", transient=True)
    standing(monkeypatch, day, attempt_at=lasts)
    day.look()
    day.look()
    assert day.states["c"].status is status


@pytest.mark.parametrize("lost", ["ab", "b"])
def test_what_a_narrowed_unload_has_is_asked_for_again_without_another_unload(lost: str) -> None:
    day = Day()
    day.look()
    for request in day.lose():
        if request.category == "c" and lost == "b":
            day.services.requests.send([request.for_alone("a")])
            day.work()
    day.services.exports.change_category(day.run, replace(day.states["c"], only=("a", "b")))
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()
    day.goes_by(STALL_SECONDS + 5, "progress_at")
    day.look()
    assert day.unloads == [("c", ())]
    assert {(accounts, alone) for category, accounts, alone in day.waiting if category == "c"} == {
        ((account,), True) for account in lost
    }
