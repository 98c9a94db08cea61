"""The end of a run: the list of its files, the event, and the notice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from statistics import median
from typing import Any

from headrace.domain import causes
from headrace.domain.clock import now
from headrace.domain.export import Export
from headrace.domain.notice import Matter, Notice
from headrace.exports.model.run import CategoryState, FileResult, Run, RunStatus, Tally, UnloadStatus, total
from headrace.exports.ports import ExportServices

LISTED = 5
REMEMBERED_RUNS = 7
COMPLETED, INCOMPLETE = "ExportCompleted", "ExportIncomplete"


def finish(
    run: Run, export: Export, states: list[CategoryState], tallies: dict[str, Tally], services: ExportServices
) -> dict[str, Any]:
    """Write the manifest and return what to report. The run stays open until that is done and `close` is called."""
    status = _status(run, states, tallies)
    ended = now()
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(run.started_at)).total_seconds()
    usual = _usual(run, services) if run.attempt == 1 else 0.0
    over = replace(run, status=status, ended_at=ended, seconds=round(seconds, 1), usual_seconds=usual)
    outcome = {"over": True, "tell": status is not RunStatus.PARTIAL, "status": status, "seconds": over.seconds}
    if status is RunStatus.PARTIAL:
        return outcome | {"run": over.to_json()}
    names = [state.category for state in states]
    lines = manifest_lines(over, export, names, tallies, services)
    digest = services.bucket.put_lines(export.manifest_key(run.date), lines)
    event = _event(over, export, tallies, services) | {"manifest_sha256": digest}
    notice = notice_of(over, export, states, tallies)
    kind = COMPLETED if status is RunStatus.COMPLETE else INCOMPLETE
    return outcome | {"run": over.to_json(), "detail_type": kind, "event": event, "notice": notice.to_json()}


def exactly(
    run: Run, states: list[CategoryState], tallies: dict[str, Tally], services: ExportServices
) -> dict[str, Tally]:
    """The tallies with each account counted once: two runners may have answered for one, and one of them failed."""
    return {state.category: _exactly(run, state, tallies.get(state.category, Tally()), services) for state in states}


def _exactly(run: Run, state: CategoryState, tally: Tally, services: ExportServices) -> Tally:
    files = {file.account: file for _, file in _files(run, state.category, services)}
    failures = {account: reason for account, reason in tally.failures.items() if account not in files}
    return replace(
        tally, done=len(files), rows=sum(file.rows for file in files.values()),
        bytes=sum(file.bytes for file in files.values()), failed=len(failures), failures=failures,
    )  # fmt: skip


def _files(run: Run, category: str, services: ExportServices) -> Iterator[tuple[str, FileResult]]:
    """Each file of a category once. Where two answers differ, the one that says what the bucket has."""
    found: dict[str, FileResult] = {}
    for _, file in services.exports.files(run.export, run.date, category):
        other = found.get(file.account)
        if other is None or (other.sha256 != file.sha256 and services.bucket.sha256(file.key) == file.sha256):
            found[file.account] = file
    for file in found.values():
        yield category, file


def unknown(run: Run, reason: str) -> dict[str, Any]:
    """The end of an attempt that asked for something the day does not have; only the requester is notified."""
    over = replace(run, status=RunStatus.PARTIAL, ended_at=now(), reason=reason)
    return {"over": True, "tell": False, "run": over.to_json()}


def close(over: dict[str, Any], services: ExportServices) -> Run:
    """Write down how the run ended, once people and consumers were notified."""
    run = Run.from_json(over)
    services.exports.end_run(run)
    return run


def measures(run: Run) -> dict[str, float]:
    """A run that has ended, as metrics. `ExportSlowness` is its time in percent of the usual."""
    if run.status is RunStatus.PARTIAL:
        return {}
    incomplete = float(run.status is not RunStatus.COMPLETE)
    found = {"ExportSeconds": run.seconds, "ExportIncomplete": incomplete, "ExportCompleted": 1.0 - incomplete}
    return found | ({"ExportSlowness": 100 * run.seconds / run.usual_seconds} if run.usual_seconds else {})


def manifest_lines(
    run: Run, export: Export, categories: list[str], tallies: dict[str, Tally], services: ExportServices
) -> Iterator[str]:
    """The manifest, a JSON document with a line for each file; thousands of files never are in memory together."""
    summed = total(tallies.values())
    head = {
        "export": run.export, "date": run.date, "complete": run.status is RunStatus.COMPLETE, "version": export.version,
        "bucket": services.bucket.bucket, "done": summed.done, "failed": summed.failed, "rows": summed.rows,
        "bytes": summed.bytes,
    }  # fmt: skip
    yield f"{json.dumps(head, ensure_ascii=False)[:-1]},\n"
    yield '"failures": ' + json.dumps(_failures(tallies), ensure_ascii=False) + ',\n"files": [\n'
    separator = ""
    for category, result in (each for name in categories for each in _files(run, name, services)):
        if result.key:
            yield separator + json.dumps({"category": category, **asdict(result)}, ensure_ascii=False)
            separator = ",\n"
    yield "\n]}\n"


def _failures(tallies: dict[str, Tally]) -> list[dict[str, str]]:
    return [
        {"category": category, "account": account, "reason": reason}
        for category, tally in sorted(tallies.items())
        for account, reason in sorted(tally.failures.items())
    ]


def _status(run: Run, states: list[CategoryState], tallies: dict[str, Tally]) -> RunStatus:
    """Complete refers to the whole day, even if this attempt was about a part of it."""
    if all(_complete(run, state, tallies.get(state.category, Tally())) for state in states):
        return RunStatus.COMPLETE
    failed = any(state.status is UnloadStatus.FAILED for state in states) or total(tallies.values()).failed
    return RunStatus.PARTIAL if run.narrowed and not failed else RunStatus.INCOMPLETE


def _complete(run: Run, state: CategoryState, tally: Tally) -> bool:
    return tally.done == run.accounts and not tally.failed and not rows_differ(state, tally)


def rows_differ(state: CategoryState, tally: Tally) -> bool:
    """Whether the files of a category have other rows than its UNLOAD, where one UNLOAD brought them all."""
    return state.unloaded_by == 1 and not state.only and tally.rows != state.rows


def _usual(run: Run, services: ExportServices) -> float:
    """How long the last complete runs took, in the middle; 0 without any."""
    past = [other for other in services.exports.runs(run.export, REMEMBERED_RUNS + 1) if other.date != run.date]
    taken = [other.seconds for other in past if other.status is RunStatus.COMPLETE and other.attempt == 1]
    return round(median(taken), 1) if taken else 0.0


def _event(run: Run, export: Export, tallies: dict[str, Tally], services: ExportServices) -> dict[str, Any]:
    """The event's detail. A consumer that sees a manifest's digest again has seen this end before."""
    summed = total(tallies.values())
    return {
        "run": run.name, "export": run.export, "date": run.date, "bucket": services.bucket.bucket,
        "manifest": export.manifest_key(run.date), "files": summed.done, "failed": summed.failed, "rows": summed.rows,
        "bytes": summed.bytes, "seconds": run.seconds,
    }  # fmt: skip


def notice_of(run: Run, export: Export, states: list[CategoryState], tallies: dict[str, Tally]) -> Notice:
    """The notice of the run's end."""
    summed = total(tallies.values())
    expected = run.accounts * len(states)
    good = run.status is RunStatus.COMPLETE
    title = f"{run.export} of {run.date}: {'' if good else f'only {summed.done:,} of '}{expected:,} files exported"
    lines = [f"{summed.rows:,} rows, {summed.bytes:,} bytes, {run.seconds:,.0f} s, {run.statements} statements"]
    lines += [f"{state.category}: {state.reason}" for state in states if state.status is UnloadStatus.FAILED][:LISTED]
    failures = _failures(tallies)
    lines += [f"{item['category']} / {item['account']}: {item['reason']}" for item in failures[:LISTED]]
    lines += [f"and {len(failures) - LISTED:,} more failed"] if len(failures) > LISTED else []
    lines += [_difference(state, tallies) for state in states if _differs(run, state, tallies)][:LISTED]
    lines += [f"{run.stray_rows:,} rows without a category are in no file"] if run.stray_rows else []
    lines += [] if good else [f"`headrace export retry {run.export} --date {run.date}` exports what is missing"]
    matter = Matter(causes.EXPORT_FAILED, run.export, channel=export.channel)
    notice = (matter.end if good else matter.notice)(title, lines, run.name)
    return replace(notice, level="warning") if good and run.stray_rows else notice


def _differs(run: Run, state: CategoryState, tallies: dict[str, Tally]) -> bool:
    """Where all files are there, and yet not all rows."""
    tally = tallies.get(state.category, Tally())
    return tally.done == run.accounts and rows_differ(state, tally)


def _difference(state: CategoryState, tallies: dict[str, Tally]) -> str:
    rows = tallies.get(state.category, Tally()).rows
    return f"{state.category}: the files have {rows:,} rows, UNLOAD had {state.rows:,}"
