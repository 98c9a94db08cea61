"""A day's export is due, or asked for again: what is missing is started, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.domain.clock import now
from headrace.domain.exportrun import Run, RunStatus
from headrace.usecases.export_ports import ExportServices

MOST_ATTEMPTS = {"FAILED": 3, "ABORTED": 20, "TIMED_OUT": 20}
"""Attempts after which a run does not go on by itself, by how its last execution ended."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a date (2026-01-31); without the others, all of it."""

    date: str
    export: str | None = None
    category: str | None = None
    account: str | None = None


def trigger(wanted: Wanted, services: ExportServices) -> list[dict[str, str]]:
    """Start what is missing of each export. Returns what was done, export by export."""
    names = [wanted.export] if wanted.export else [export.name for export in services.catalog.exports()]
    for name in names:
        services.catalog.export(name)
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
        reason = f"given up after {attempt} attempts: what people were told, and the log of export_advance, say why"
        services.exports.save_run(replace(run, status=RunStatus.INCOMPLETE, ended_at=now(), reason=reason))
        return reason
    return _open(_next(run, run.category, run.account), run, services)


def _start(wanted: Wanted, services: ExportServices) -> str:
    run = services.exports.find_run(str(wanted.export), wanted.date)
    if run is None:
        first = Run(str(wanted.export), wanted.date, 1, RunStatus.RUNNING, now(), now())
        return _open(replace(first, category=wanted.category, account=wanted.account), None, services)
    if run.status is RunStatus.COMPLETE:
        return "nothing is missing"
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
        nudged=False, progress_at="", ended_at="", reason="",
    )  # fmt: skip


def _open(run: Run, was: Run | None, services: ExportServices) -> str:
    if not services.exports.open_run(run, was):
        return "another trigger was faster"
    services.export_workflow.start(run)
    return f"started {run.name}"
