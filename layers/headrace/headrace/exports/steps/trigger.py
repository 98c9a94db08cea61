"""A day's export is due, or asked for again: what is missing is started, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from headrace.domain import clock
from headrace.domain.bounds import cut
from headrace.domain.clock import now
from headrace.domain.executions import order_of
from headrace.domain.export import LONGEST_KEY_BYTES
from headrace.domain.notice import Notice
from headrace.errors import TerminalError
from headrace.exports.model.run import Run, RunStatus
from headrace.exports.ports import ExportServices
from headrace.observability import logger

MOST_ATTEMPTS = {"FAILED": 3, "ABORTED": 20, "TIMED_OUT": 20}
"""Attempts after which a run does not go on by itself, by how its last execution ended."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ORDER = {"export": str, "date": str, "attempt": int}
"""What an execution is started with."""
FIELDS = ("export", "date", "category", "account", "again")
AGAIN = "all"
"""What `again` says, as the one thing that it can: the whole day."""
SHOWN = 60
"""Bytes of a wrong value that are shown."""
LOOKED_AFTER = 7
"""The last runs of an export, which are looked at again and again while they run."""


class WrongOrderError(TerminalError):
    """An event asks for something that cannot be; the message says what, and how it is written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a date (2026-01-31); without the others, all of it."""

    date: str
    export: str | None = None
    category: str | None = None
    account: str | None = None
    again: bool = False
    """A complete day is exported once more, whole, with the warehouse's current rows."""


def wanted_of(detail: Any, known: list[str], today: str) -> Wanted:
    """What an `Export Due` asks for, which many may send; `known` are the exports. Raises WrongOrderError."""
    if not isinstance(detail, dict):
        raise WrongOrderError(f"the detail must be an object with {', '.join(FIELDS)}, each optional")
    if unknown := sorted(set(detail) - set(FIELDS)):
        raise WrongOrderError(f"there is no field {cut(unknown[0], SHOWN)!r}: there are {', '.join(FIELDS)}")
    given = {name: _text(name, detail.get(name)) for name in FIELDS}
    if given["export"] is not None and given["export"] not in known:
        raise WrongOrderError(
            f"there is no export {cut(given['export'], SHOWN)!r}: there are {', '.join(known[:20]) or 'none'}"
        )
    if given["again"] not in {None, AGAIN}:
        raise WrongOrderError(f"again can only be {AGAIN!r}: a complete day is exported again as a whole")
    if given["again"] and (given["category"] is not None or given["account"] is not None):
        raise WrongOrderError("again is for the whole day: leave out category and account")
    day = given["date"] if given["date"] is not None else today
    return Wanted(_date(day), given["export"], given["category"], given["account"], again=bool(given["again"]))


def _text(name: str, value: Any) -> str | None:
    """A field's value. Categories and accounts are not shown: they may be people's names."""
    if value is not None and not isinstance(value, str):
        raise WrongOrderError(f"{name} must be a text, one only")
    if value is not None and len(value.encode(errors="replace")) > LONGEST_KEY_BYTES:
        raise WrongOrderError(f"{name} has more than {LONGEST_KEY_BYTES:,} bytes")
    return value


def _date(text: str) -> str:
    try:
        found = date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise WrongOrderError(f"{cut(text, SHOWN)!r} is no date: it is written as 2026-01-31")
    return found.isoformat()


def due(detail: Any, services: ExportServices) -> Any:
    """Do what an `Export Due` asks for. Of an impossible one people are notified: trying it again would not help."""
    today = services.export_calendar.day(clock.utc())
    try:
        wanted = wanted_of(detail, [export.name for export in services.declared_exports.all()], today)
    except WrongOrderError as error:
        logger.error("an event asked for an export that cannot be", extra={"reason": str(error)})
        title = "an event asked for an export that cannot be"
        services.topic.publish(Notice("error", title, (str(error),)))
        return f"refused: {error}"
    return trigger(wanted, services)


def scheduled(at: str, services: ExportServices) -> list[dict[str, str]]:
    """Start what is due at a scheduled time (ISO 8601), whenever that arrives: a delay changes no date."""
    days = services.export_calendar.due(datetime.fromisoformat(at))
    return [outcome for day in days for outcome in trigger(Wanted(day), services)]


def ended(detail: dict[str, Any], services: ExportServices) -> str:
    """An execution has ended badly: its run goes on in the next attempt. One of a person's own is left to them."""
    order = order_of(detail, ORDER)
    if order is None:
        return "an execution that Headrace did not start"
    return resume(order["export"], order["date"], order["attempt"], detail["status"], services)


def look_after(services: ExportServices) -> list[dict[str, str]]:
    """Start what runs without an execution: it was never started, or its end was not recorded. Returns what it did."""
    runs = [
        run for export in services.declared_exports.all() for run in services.exports.runs(export.name, LOOKED_AFTER)
    ]
    done = [(run, _look_after(run, services)) for run in runs if run.status is RunStatus.RUNNING]
    return [{"export": run.export, "date": run.date, "outcome": outcome} for run, outcome in done if outcome]


def _look_after(run: Run, services: ExportServices) -> str:
    status = services.export_workflow.status(run)
    if status == "RUNNING":
        return ""
    if status in MOST_ATTEMPTS:
        return resume(run.export, run.date, run.attempt, status, services)
    if status is None:
        services.export_workflow.start(run)
        return f"started {run.name}"
    return _open(_next(run, run.category, run.account), run, services)


def trigger(wanted: Wanted, services: ExportServices) -> list[dict[str, str]]:
    """Start what is missing of each export. Returns what was done, export by export."""
    names = [wanted.export] if wanted.export else [export.name for export in services.declared_exports.all()]
    for name in names:
        services.declared_exports.get(name)
    return [
        {"export": name, "date": wanted.date, "outcome": _start(replace(wanted, export=name), services)}
        for name in names
    ]


def resume(export: str, date: str, attempt: int, ended: str, services: ExportServices) -> str:
    """The execution of an attempt has `ended`, FAILED or ABORTED or TIMED_OUT: the next one goes on where it was."""
    run = services.exports.find_run(export, date)
    if run is None or run.attempt != attempt or run.status is not RunStatus.RUNNING:
        return "another attempt is on it"
    if attempt >= MOST_ATTEMPTS[ended]:
        reason = f"given up after {attempt} attempts: its notices and the log of export_advance show why"
        services.exports.end_run(replace(run, status=RunStatus.INCOMPLETE, ended_at=now(), reason=reason))
        return reason
    return _open(_next(run, run.category, run.account), run, services)


def _start(wanted: Wanted, services: ExportServices) -> str:
    run = services.exports.find_run(str(wanted.export), wanted.date)
    if run is None:
        first = Run(str(wanted.export), wanted.date, 1, RunStatus.RUNNING, now(), now())
        return _open(replace(first, category=wanted.category, account=wanted.account), None, services)
    if run.status is RunStatus.COMPLETE:
        return _open(_afresh(run), run, services) if wanted.again else "nothing is missing"
    if run.status is RunStatus.RUNNING:
        if services.export_workflow.start(run):
            return f"started {run.name}"
        if services.export_workflow.status(run) == "RUNNING":
            return f"{run.name} is on it"
    return _open(_next(run, wanted.category, wanted.account), run, services)


def _next(run: Run, category: str | None, account: str | None) -> Run:
    """The attempt after this one; the plan of the day stays."""
    again = run.attempt + 1
    return replace(
        run, attempt=again, attempt_at=now(), status=RunStatus.RUNNING, category=category, account=account,
        nudged=None, progress_at="", ended_at="", reason="",
    )  # fmt: skip


def _afresh(run: Run) -> Run:
    """The first attempt of a new edition of the day: it is not planned, and has none of the files."""
    return replace(
        _next(run, None, None), started_at=now(), accounts=0, parts=0, stray_rows=0, plan="", seconds=0.0,
        stale=True,
    )  # fmt: skip


def _open(run: Run, was: Run | None, services: ExportServices) -> str:
    if not services.exports.open_run(run, was):
        return "another trigger was faster"
    services.export_workflow.start(run)
    return f"started {run.name}"
