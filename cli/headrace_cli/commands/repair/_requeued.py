"""What `retry` and `reload` share: finding the files, and reporting the decision on each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import islice
from typing import TYPE_CHECKING

import typer

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.usecases.recovery.requeue import Requeued
from headrace_cli.output.console import Document, emit, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.stack.target import Target
from headrace_cli.stories.file import find, named_by_id

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

MOST_FILES = 10_000


def meant(
    target: Target,
    wanted: str,
    since: str | None,
    statuses: Collection[FileStatus],
    before_others: Collection[FileStatus] = (),
    counts: Callable[[FileRecord], bool] = lambda _: True,
) -> list[FileRecord]:
    """The files of a dataset with one of these statuses, those of a batch, or the one file that `wanted` means.

    Of a dataset's only those that `counts` says yes to.
    Of several versions of a file that is the newest, one with a status `before_others` if there is any; an id means its
    own version. Only a dataset has a `since`. Raises CommandError when there is none of them, or more files than
    `MOST_FILES`.
    """
    if wanted in target.contracts:
        return _of_dataset(target, wanted, since or "", statuses, counts)
    if since:
        raise CommandError(f"--since is for a dataset, and {wanted} is not one of {', '.join(target.contracts)}")
    try:
        return target.ledger.files.get_all(target.ledger.batches.get(wanted).file_ids)
    except KeyError:
        if file := named_by_id(target, wanted):
            return [file]
        found = find(target, wanted)
    if not found:
        raise CommandError(f"no file or batch {wanted} in the ledger")
    return [next((file for file in reversed(found) if file.status in before_others), found[-1])]


def _of_dataset(
    target: Target,
    dataset: str,
    since: str,
    statuses: Collection[FileStatus],
    counts: Callable[[FileRecord], bool],
) -> list[FileRecord]:
    """In the order of their arrival."""
    known = target.ledger.files.of_dataset(dataset, since)
    every = (file for file in known if file.status in statuses and counts(file))
    found = list(islice(every, MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise CommandError(f"more than {MOST_FILES:,} files of {dataset} would be sent again: give a later --since")
    return sorted(found, key=lambda file: (file.arrived_at, file.file_id))


def outcome_of(answers: list[Requeued]) -> str:
    """What came of it, for the audit."""
    sent = sum(answer.done for answer in answers)
    return f"{count(sent, 'file')} sent again of {len(answers):,}"


def document_of(answers: list[Requeued], *, dry_run: bool) -> Document:
    """`{"dry_run", "files": [{"key", "file_id", "dataset", "lane", "sent", "why"}], "sent"}`."""
    files = [
        {
            "key": answer.file.key,
            "file_id": answer.file.file_id,
            "dataset": answer.file.dataset,
            "lane": answer.file.lane,
            "sent": answer.done,
            "why": answer.why,
        }
        for answer in answers
    ]
    return {"dry_run": dry_run, "files": files, "sent": sum(answer.done for answer in answers)}


def render(document: Document) -> ConsoleRenderable:
    """A line per file, and the sum."""
    rows = [(item["key"], "yes" if item["sent"] else "no", item["why"]) for item in document["files"]]
    sent, left = count(document["sent"], "file"), len(document["files"]) - document["sent"]
    rest = f" {left:,} not: see above." if left else ""
    closing = f"{sent} would be sent again; nothing was changed.{rest}" if document["dry_run"] else (
        f"{sent} sent again.{rest} `headrace wait` waits until they are loaded." if document["sent"]
        else f"Nothing was changed.{rest}"
    )  # fmt: skip
    return lines(table(("file", "again", "why"), rows), "", closing)


def finish(document: Document, *, as_json: bool) -> None:
    """Print what was decided. Exits with 1 if files were meant and none of them could be sent."""
    emit(document, render, as_json=as_json)
    if document["files"] and not document["sent"]:
        raise typer.Exit(1)
