"""What `release` and `reject` share: the batch or file, who decides, and the report of the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.domain.ingest.ledger import BatchRecord, FileRecord, FileStatus
from headrace.usecases.quality.hold import Decided
from headrace_cli.output.console import Document, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.audited import DONE
from headrace_cli.stack.target import Target
from headrace_cli.stories.file import find, named_by_id

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

Held = Annotated[
    str,
    typer.Argument(
        help="The batch or the file, as named in the notification and by `headrace held`.", metavar="BATCH|FILE"
    ),
]


def meant(target: Target, name: str) -> BatchRecord | FileRecord:
    """The batch; the file with this id; or, of the files that `name` may mean, the newest held one, else the newest.

    Raises CommandError when there is none of that name.
    """
    try:
        return target.ledger.batches.get(name)
    except KeyError:
        if file := named_by_id(target, name):
            return file
        files = find(target, name)
    if not files:
        raise CommandError(f"no batch or file {name} in the ledger: `headrace held` lists what is held")
    return next((file for file in reversed(files) if file.status is FileStatus.HELD), files[-1])


def names(found: BatchRecord | FileRecord) -> list[str]:
    """What the audit calls it."""
    return [found.batch] if isinstance(found, BatchRecord) else [found.file_id, found.key]


def outcome_of(decided: Decided) -> str:
    """What came of a decision, for the audit."""
    return DONE if decided.done else f"refused: {decided.why}"


def document_of(decided: Decided, decision: str, *, dry_run: bool) -> Document:
    """`{"name", "decision", "done", "dry_run", "why", "files": [{"key", "file_id"}]}`. Raises CommandError."""
    if not decided.done:
        raise CommandError(f"{decided.name} cannot be {decision}: {decided.why}")
    return {
        "name": decided.name,
        "decision": decision,
        "done": decided.done and not dry_run,
        "dry_run": dry_run,
        "why": decided.why,
        "files": [{"key": file.key, "file_id": file.file_id} for file in decided.files],
    }


def render(document: Document) -> ConsoleRenderable:
    """The files, and what becomes of them."""
    verb = "would be" if document["dry_run"] else "is"
    closing = f"{document['name']} {verb} {document['decision']}: {document['why']}."
    return lines(table(("file",), [(item["key"],) for item in document["files"]]), "", closing)
