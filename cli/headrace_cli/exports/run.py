"""How a run of an export stands: by category, with rate and estimate."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from headrace.exports.model.run import Run, RunStatus, Tally, total
from headrace.exports.steps.trigger import AGAIN
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import moment

if TYPE_CHECKING:
    from headrace.domain.export import Export
    from headrace_cli.output.console import Document
    from headrace_cli.stack.target import Target

LOOK_SECONDS = 1.0
START_SECONDS = 30.0
NAMED_FAILURES = 1000
"""How many failures a document names; the manifest names all."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asks for."""

    export: str
    date: str
    category: str | None = None
    account: str | None = None
    again: bool = False

    def event(self) -> dict[str, str]:
        """The detail of the event that says so."""
        given = {"export": self.export, "date": self.date, "category": self.category, "account": self.account,
                 "again": AGAIN if self.again else None}  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}


def today(target: Target) -> str:
    """The date of a run that starts now, in the time zone of the stack's schedule."""
    return datetime.now(ZoneInfo(target.output("ExportTimeZone"))).date().isoformat()


def checked_date(target: Target, text: str | None) -> str:
    """A date as it was given, today without one. Raises CommandError for what is no date."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat() if text else today(target)
    except ValueError as error:
        raise CommandError(f"{text!r} is not a date: write it as {today(target)}") from error


def last_date(target: Target, export: str, text: str | None) -> str:
    """A date as it was given; without one that of the last run, today if there was none."""
    runs = [] if text else target.export_runs.runs(export, 1)
    return runs[0].date if runs else checked_date(target, text)


def send(target: Target, ask: Ask) -> None:
    """Say on the stack's bus that an export is due."""
    entry = {
        "EventBusName": target.output("EventBusName"), "Source": "headrace", "DetailType": "Export Due",
        "Detail": json.dumps(ask.event()),
    }  # fmt: skip
    answer = target.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise CommandError(f"the event was not accepted: {answer['Entries'][0].get('ErrorMessage')}")


def begin(target: Target, ask: Ask) -> Run:
    """Say that the export is due, and wait until the trigger has taken it up. A complete day stays as it is."""
    before = target.export_runs.find_run(ask.export, ask.date)
    if before and before.status is RunStatus.COMPLETE and not ask.again:
        return before
    if ask.again and (before is None or before.status is not RunStatus.COMPLETE):
        found = before.status if before else "not there yet"
        raise CommandError(f"--again is for a complete day, and {ask.export} of {ask.date} is {found}: leave it out")
    send(target, ask)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        run = target.export_runs.find_run(ask.export, ask.date)
        if run and run.status is RunStatus.RUNNING:
            return run
        if run and before and run.attempt > before.attempt:
            return run
        time.sleep(0.2)
    raise CommandError(
        f"the export did not start within {START_SECONDS:.0f} s: the log of the function export_trigger says why"
    )


def follow(target: Target, run: Run, show: Callable[[Document], None], timeout: float) -> Document:
    """Show how the run goes until it has ended. Raises CommandError when that takes longer than `timeout` seconds."""
    until = time.monotonic() + timeout
    while True:
        document = standing(target, run.export, run.date)
        show(document)
        if document["status"] != RunStatus.RUNNING:
            return document
        if time.monotonic() > until:
            raise CommandError(f"the run continues after {timeout:.0f} s: `headrace export status` shows its progress")
        time.sleep(LOOK_SECONDS)


def standing(target: Target, export: str, date: str) -> Document:
    """A run as a document: what `status --json` prints."""
    run = target.export_runs.find_run(export, date)
    if run is None:
        raise CommandError(
            f"{export} was not exported on {date}: `headrace export run {export} --date {date}` exports it"
        )
    tallies = target.export_runs.tallies(export, date)
    states = target.export_runs.categories(export, date)
    rows = [_category(state.to_json(), tallies.get(state.category, Tally()), run) for state in states]
    summed = total(tallies.values())
    expected = run.accounts * len(states)
    failures = (
        {"category": category, "account": account, "reason": reason}
        for category, tally in sorted(tallies.items())
        for account, reason in sorted(tally.failures.items())
    )
    return {
        "export": export, "date": date, "attempt": run.attempt, "status": str(run.status), "expected": expected,
        "done": summed.done, "failed": summed.failed, "rows": summed.rows, "bytes": summed.bytes,
        "statements": run.statements, "stray_rows": run.stray_rows, "started_at": run.started_at,
        "ended_at": run.ended_at or None, "reason": run.reason or None, "categories": rows,
        "failures": list(islice(failures, NAMED_FAILURES)), **_pace(run, summed, expected),
    }  # fmt: skip


def _category(state: dict[str, Any], tally: Tally, run: Run) -> dict[str, Any]:
    return {
        "category": state["category"], "unload": str(state["status"]), "expected": run.accounts, "done": tally.done,
        "failed": tally.failed, "rows": tally.rows, "bytes": tally.bytes, "reason": state["reason"] or None,
    }  # fmt: skip


def _pace(run: Run, summed: Tally, expected: int) -> dict[str, Any]:
    """Seconds so far, files a second, and how many seconds it takes to the end at that rate."""
    end = moment(run.ended_at) if run.ended_at else datetime.now(UTC)
    seconds = max(0.001, (end - moment(run.started_at)).total_seconds())
    rate = summed.done / seconds
    left = expected - summed.done - summed.failed
    estimate = left / rate if rate and not run.ended_at else None
    return {
        "seconds": round(seconds, 1), "files_per_second": round(rate, 1), "runner_seconds": round(summed.seconds, 1),
        "seconds_left": round(estimate, 1) if estimate is not None else None,
    }  # fmt: skip


def manifest(target: Target, export: Export, date: str) -> dict[str, Any]:
    """The manifest of a day. Raises CommandError when there is none."""
    client = target.client("s3")
    try:
        answer = client.get_object(Bucket=target.output("ExportBucket"), Key=export.manifest_key(date))
    except client.exceptions.NoSuchKey as error:
        raise CommandError(f"{export.name} of {date} has no manifest yet: it is written when a run ends") from error
    found: dict[str, Any] = json.loads(answer["Body"].read())
    return found
