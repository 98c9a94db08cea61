"""Which attempt an export's day is in, and what starts the next one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.domain.contracts import Exports, UnknownExportError
from headrace.exports.model.calendar import Calendar
from headrace.exports.model.run import Run, RunStatus
from headrace.exports.steps.trigger import (
    LOOKED_AFTER,
    MOST_ATTEMPTS,
    Wanted,
    due,
    ended,
    look_after,
    resume,
    scheduled,
    trigger,
    wanted_of,
)
from tests.support.export_fakes import MemoryExportServices, declared

DATE = "2026-01-31"


def services_with(**changes: Any) -> MemoryExportServices:
    """Services with one run, if there are changes for it; none was started."""
    services = MemoryExportServices({})
    if changes:
        begun: dict[str, Any] = {"attempt": 1, "status": RunStatus.RUNNING, "started_at": "a", "attempt_at": "b"}
        services.exports.open_run(Run("notes", DATE, **begun | changes), None)
    return services


def run_of(services: MemoryExportServices, name: str = "notes") -> Run:
    run = services.exports.find_run(name, DATE)
    assert run is not None
    return run


def started(services: MemoryExportServices) -> list[str]:
    return [run.name for run in services.export_workflow.started]


# -- a day is due --------------------------------------------------------------------------------------------------


def test_each_export_of_a_day_is_started_once() -> None:
    services = services_with()
    services.declared_exports = Exports([declared(), declared(name="letters")])
    assert trigger(Wanted(DATE), services) == [
        {"export": "notes", "date": DATE, "outcome": f"started notes-{DATE}-1"},
        {"export": "letters", "date": DATE, "outcome": f"started letters-{DATE}-1"},
    ]
    assert started(services) == [f"notes-{DATE}-1", f"letters-{DATE}-1"]
    run = run_of(services, "letters")
    assert (run.attempt, run.status, run.category, run.account) == (1, RunStatus.RUNNING, None, None)
    assert run.started_at
    assert run.attempt_at


def test_one_export_and_a_part_of_it_may_be_asked_for() -> None:
    services = services_with()
    services.declared_exports = Exports([declared(), declared(name="letters")])
    asked = {"export": "letters", "date": DATE, "category": "c", "account": "a"}
    assert due(asked, services) == [{"export": "letters", "date": DATE, "outcome": f"started letters-{DATE}-1"}]
    run = run_of(services, "letters")
    assert (run.category, run.account) == ("c", "a")
    assert services.exports.find_run("notes", DATE) is None
    assert services.topic.published == []


def test_an_unknown_export_starts_none() -> None:
    services = services_with()
    with pytest.raises(UnknownExportError):
        trigger(Wanted(DATE, "others"), services)
    assert started(services) == []


@pytest.mark.parametrize(
    ("known", "shown"),
    [([], "there are none"), ([f"e{n:02}" for n in range(30)], "e18, e19"), (["a", "b"], "there are a, b")],
)
def test_of_the_exports_that_there_are_some_are_named(known: list[str], shown: str) -> None:
    with pytest.raises(Exception, match="there is no export 'x'") as refused:
        wanted_of({"export": "x"}, known, DATE)
    assert str(refused.value).endswith(shown)


def test_without_a_date_it_is_today_where_the_schedule_is_at_home() -> None:
    services = services_with()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: never the same day
        services.export_calendar = Calendar(zone=zone)
        due({}, services)
        assert services.export_workflow.started[-1].date == datetime.now(ZoneInfo(zone)).date().isoformat()
    assert len({run.date for run in services.export_workflow.started}) == 2


def test_a_scheduled_time_starts_its_own_day_however_late_it_comes_and_the_day_that_the_clocks_skipped() -> None:
    services = services_with()
    services.export_calendar = Calendar("cron(30 2 * * ? *)", "Europe/Berlin")
    outcomes = scheduled("2026-03-30T00:30:00Z", services)
    assert [outcome["date"] for outcome in outcomes] == ["2026-03-29", "2026-03-30"]
    assert [outcome["outcome"] for outcome in scheduled("2026-03-30T00:30:00Z", services)] == [
        "notes-2026-03-29-1 is on it", "notes-2026-03-30-1 is on it"
    ]  # fmt: skip
    assert [outcome["date"] for outcome in scheduled("2026-03-31T00:30:00Z", services)] == ["2026-03-31"]


def test_everything_of_a_day_is_wanted_unless_it_is_named() -> None:
    wanted = wanted_of({}, [], DATE)
    assert wanted.date == DATE
    assert (wanted.export, wanted.category, wanted.account) == (None, None, None)


@pytest.mark.parametrize("size", [1024, 1025])
def test_a_name_has_the_length_that_a_key_may_have(size: int) -> None:
    if size <= 1024:
        assert wanted_of({"account": "a" * size}, [], DATE).account == "a" * size
    else:
        with pytest.raises(Exception, match="account has more than 1,024 bytes"):
            wanted_of({"account": "a" * size}, [], DATE)


# -- a run that is there -------------------------------------------------------------------------------------------


def test_a_complete_day_is_left_alone() -> None:
    services = services_with(status=RunStatus.COMPLETE)
    assert trigger(Wanted(DATE, "notes"), services)[0]["outcome"] == "nothing is missing"
    assert started(services) == []


def test_a_run_that_was_opened_and_not_started_is_started() -> None:
    services = services_with()
    services.exports.open_run(Run("notes", DATE, 3, RunStatus.RUNNING, "a", "b"), None)
    assert trigger(Wanted(DATE, "notes"), services)[0]["outcome"] == f"started notes-{DATE}-3"
    assert trigger(Wanted(DATE, "notes"), services)[0]["outcome"] == f"notes-{DATE}-3 is on it"
    assert started(services) == [f"notes-{DATE}-3"]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED", None])
def test_a_run_whose_execution_has_ended_goes_on_in_the_next_attempt(status: str | None) -> None:
    services = services_with(attempt=4, category="c", account="a", nudged=7, progress_at="p", reason="r", parts=9)
    run = run_of(services)
    services.export_workflow.executions[run.name] = str(status)
    assert trigger(Wanted(DATE, "notes", account="b"), services)[0]["outcome"] == f"started notes-{DATE}-5"
    following = run_of(services)
    assert following.attempt_at > "2026"
    assert following == replace(
        run, attempt=5, attempt_at=following.attempt_at, category=None, account="b", nudged=None, progress_at="",
        reason="", turn=following.turn,
    )  # fmt: skip
    assert following.parts == 9, "the plan of the day stays"


@pytest.mark.parametrize("status", [RunStatus.INCOMPLETE, RunStatus.PARTIAL])
def test_what_is_missing_of_a_day_that_ended_is_asked_for_again(status: RunStatus) -> None:
    services = services_with(status=status, ended_at="then", reason="r")
    assert trigger(Wanted(DATE, "notes"), services)[0]["outcome"] == f"started notes-{DATE}-2"
    run = run_of(services)
    assert (run.status, run.ended_at, run.reason) == (RunStatus.RUNNING, "", "")


def test_of_two_triggers_at_once_one_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    services = services_with(status=RunStatus.INCOMPLETE)
    monkeypatch.setattr(services.exports, "open_run", lambda *_: False)
    assert trigger(Wanted(DATE, "notes"), services)[0]["outcome"] == "another trigger was faster"
    assert started(services) == []


# -- an execution has ended ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ended_as", "most"), list(MOST_ATTEMPTS.items()))
def test_an_execution_that_ended_badly_is_followed_by_the_next_until_there_were_enough(
    ended_as: str, most: int
) -> None:
    services = services_with(attempt=most - 1, category="c", account="a")
    assert resume("notes", DATE, most - 1, ended_as, services) == f"started notes-{DATE}-{most}"
    run = run_of(services)
    assert (run.category, run.account) == ("c", "a")
    assert "given up after" in resume("notes", DATE, most, ended_as, services)
    run = run_of(services)
    assert (run.status, run.attempt) == (RunStatus.INCOMPLETE, most)
    assert run.reason == f"given up after {most} attempts: its notices and the log of export_advance show why"
    assert run.ended_at
    assert started(services) == [f"notes-{DATE}-{most}"]


@pytest.mark.parametrize(
    "changes", [{}, {"attempt": 2}, {"attempt": 4}, {"attempt": 3, "status": RunStatus.COMPLETE}]
)  # fmt: skip
def test_the_end_of_an_attempt_that_no_longer_counts_changes_nothing(changes: dict[str, Any]) -> None:
    services = services_with(**changes)
    before = services.exports.find_run("notes", DATE)
    assert resume("notes", DATE, 3, "FAILED", services) == "another attempt is on it"
    assert (services.exports.find_run("notes", DATE), started(services)) == (before, [])


def test_the_event_of_an_end_says_which_attempt_it_was() -> None:
    services = services_with()
    services.exports.open_run(Run("notes", DATE, 1, RunStatus.RUNNING, "a", "b"), None)
    order = '{"export": "notes", "date": "2026-01-31", "attempt": 1}'
    assert ended({"status": "FAILED", "input": order}, services) == f"started notes-{DATE}-2"
    assert ended({"status": "FAILED", "input": "{}"}, services) == "an execution that Headrace did not start"


# -- a look at all runs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("execution", "outcome"),
    [
        ("RUNNING", None),
        (None, f"started notes-{DATE}-2"),
        ("FAILED", f"started notes-{DATE}-3"),
        ("ABORTED", f"started notes-{DATE}-3"),
        ("TIMED_OUT", f"started notes-{DATE}-3"),
        ("SUCCEEDED", f"started notes-{DATE}-3"),
    ],
)
def test_what_runs_without_an_execution_is_started(execution: str | None, outcome: str | None) -> None:
    services = services_with(attempt=2, category="c", account="a")
    if execution:
        services.export_workflow.executions[run_of(services).name] = execution
    done = look_after(services)
    assert done == ([{"export": "notes", "date": DATE, "outcome": outcome}] if outcome else [])
    assert (run_of(services).category, run_of(services).account) == ("c", "a")


def test_the_last_runs_that_are_under_way_are_looked_after() -> None:
    services = services_with()
    for day in range(1, LOOKED_AFTER + 3):
        status = RunStatus.COMPLETE if day == 5 else RunStatus.RUNNING
        services.exports.open_run(Run("notes", f"2026-01-{day:02}", 1, status, "a", "b"), None)
    days = [item["date"] for item in look_after(services)]
    assert days == ["2026-01-09", "2026-01-08", "2026-01-07", "2026-01-06", "2026-01-04", "2026-01-03"]


def test_a_new_edition_of_a_day_begins_with_nothing() -> None:
    services = services_with(status=RunStatus.COMPLETE, accounts=5, parts=2, stray_rows=3, plan="p", seconds=9.0)
    trigger(Wanted(DATE, "notes", again=True), services)
    run = run_of(services)
    assert (run.accounts, run.parts, run.stray_rows, run.plan, run.seconds, run.stale) == (0, 0, 0, "", 0.0, True)
