"""The whole story of one file, from every place that remembers a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from headrace.domain.clock import written
from headrace.domain.ingest.ledger import BatchRecord, Event, FileRecord, RowCounts
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import moment
from headrace_cli.stack.audited import acts_about
from headrace_cli.stack.landing import Landed, newest_of
from headrace_cli.stack.target import Target
from headrace_cli.stack.totals import row_counts
from headrace_cli.stories.execution import execution_arn, execution_steps

FILE_ID = re.compile(r"[0-9a-f]{24}")
ON_ITS_WAY = "it has landed; its event has not reached the ledger yet"


def named_by_id(target: Target, wanted: str) -> FileRecord | None:
    """The file whose id `wanted` is, and no other version of it; None when it is no id. Raises CommandError."""
    if not FILE_ID.fullmatch(wanted):
        return None
    try:
        return target.ledger.files.get(wanted)
    except KeyError as error:
        raise CommandError(f"the ledger knows no file {wanted}") from error


def find(target: Target, wanted: str) -> list[FileRecord]:
    """The files that `wanted` may mean, the meant one last: a file id, a key, or the name of a dropped file."""
    bucket = target.output("LandingBucket")
    if FILE_ID.fullmatch(wanted):
        meant = target.ledger.files.get(wanted)
        return [other for other in target.ledger.contents.versions(bucket, meant.key) if other != meant] + [meant]
    key = wanted.removeprefix(f"s3://{bucket}/")
    found = target.ledger.contents.versions(bucket, key) or _named(target, PurePath(wanted).name)
    return sorted(found, key=lambda file: (moment(file.arrived_at), *file.order))


def _named(target: Target, name: str) -> list[FileRecord]:
    """Every file of the ledger whose key ends in this name. Reads the whole index."""
    from headrace.adapters.ledger import UNROUTABLE

    files = (file for dataset in (*target.contracts, UNROUTABLE) for file in target.ledger.files.of_dataset(dataset))
    return [file for file in files if PurePath(file.key).name == name]


def story_of(target: Target, wanted: str) -> dict[str, Any]:
    """The newest file that `wanted` means, with its steps in the order of time, and the others.

    `{"dataset", "key", "status", "batch", "merge", "execution", "rows", "steps": [{"at", "step", "detail", "source"}],
    "group", "members", "reason", "file_id", "version", "size", "arrived_at", "deliveries", "duplicate_of", "detected",
    "versions"}`. Raises CommandError when no such file has landed.
    """
    files = find(target, wanted)
    if files:
        return _told(target, files[-1], files[:-1])
    landed = newest_of(target, wanted)
    if landed:
        return _not_yet_told(landed)
    raise CommandError(f"no file called {wanted} has landed (a key, a file name or a file id was looked for)")


def _told(target: Target, file: FileRecord, others: list[FileRecord]) -> dict[str, Any]:
    batch = target.ledger.batches.get(file.batch) if file.batch else None
    merge = target.ledger.batches.get(file.merge) if file.merge else None
    execution = execution_arn(target, batch.execution) if batch and batch.execution else None
    return {
        "dataset": file.dataset or None,
        "key": file.key,
        "status": str(file.status),
        "batch": file.batch,
        "merge": file.merge,
        "group": file.group,
        "members": file.members,
        "execution": execution,
        "rows": row_counts(file.rows),
        "steps": _in_order([*_steps(target, file, batch, execution), *_merge_steps(target, merge)]),
        "reason": file.reason,
        "file_id": file.file_id,
        "version": file.version,
        "size": file.size,
        "arrived_at": file.arrived_at,
        "deliveries": file.deliveries,
        "duplicate_of": file.duplicate_of,
        "detected": file.detected,
        "versions": [_other(other) for other in reversed(others)],
    }


def _steps(
    target: Target, file: FileRecord, batch: BatchRecord | None, execution: str | None
) -> Iterable[dict[str, Any]]:
    yield from _events(target.ledger.events.of_file(file.file_id), "file")
    if batch:
        yield from _events(target.ledger.events.of_batch(batch.batch), "batch")
    if execution:
        yield from ({**step, "source": "execution"} for step in execution_steps(target, execution))
    yield from acts_about(target, {file.file_id, file.key, file.batch, file.merge} - {None}, file.arrived_at)


def _merge_steps(target: Target, merge: BatchRecord | None) -> Iterable[dict[str, Any]]:
    """The batch that took a staged file to the table, and its execution."""
    if merge:
        yield from _events(target.ledger.events.of_batch(merge.batch), "batch")
    if merge and merge.execution:
        steps = execution_steps(target, execution_arn(target, merge.execution))
        yield from ({**step, "source": "execution"} for step in steps)


def _events(events: Iterable[Event], source: str) -> Iterable[dict[str, Any]]:
    return ({"at": event.at, "step": event.step, "detail": event.detail, "source": source} for event in events)


def _in_order(steps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(steps, key=lambda step: moment(step["at"]))


def _other(file: FileRecord) -> dict[str, Any]:
    return {
        "file_id": file.file_id,
        "key": file.key,
        "version": file.version,
        "arrived_at": file.arrived_at,
        "status": str(file.status),
        "batch": file.batch,
        "rows": row_counts(file.rows),
    }


def _not_yet_told(landed: Landed) -> dict[str, Any]:
    at = written(landed.at)
    return {
        "dataset": None,
        "key": landed.key,
        "status": "pending",
        "batch": None,
        "merge": None,
        "group": None,
        "members": 0,
        "execution": None,
        "rows": row_counts(RowCounts()),
        "steps": [{"at": at, "step": "Landed", "detail": {"size": landed.size}, "source": "bucket"}],
        "reason": ON_ITS_WAY,
        "file_id": landed.file_id,
        "version": landed.version,
        "size": landed.size,
        "arrived_at": at,
        "deliveries": 0,
        "duplicate_of": None,
        "detected": {},
        "versions": [],
    }
