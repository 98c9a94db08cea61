"""What `release` and `reject` share: the batch, who decides, and the report of the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.domain.ingest.ledger import BatchRecord
from headrace.usecases.quality.hold import Decided
from headrace_cli.output.console import Document, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.stack.target import Target

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

Batch = Annotated[
    str, typer.Argument(help="The batch, as named in the notification and by `headrace held`.", metavar="BATCH")
]


def batch_of(target: Target, name: str) -> BatchRecord:
    """The batch. Raises CommandError when there is none of that name."""
    try:
        return target.ledger.batches.get(name)
    except KeyError:
        raise CommandError(f"no batch {name} in the ledger: `headrace held` lists the batches that are held") from None


def who(target: Target) -> str:
    """The AWS identity at the keyboard."""
    return str(target.client("sts").get_caller_identity()["Arn"])


def document_of(decided: Decided, decision: str, *, dry_run: bool) -> Document:
    """`{"batch", "decision", "done", "dry_run", "why", "files": [{"key", "file_id"}]}`. Raises CommandError."""
    if not decided.done:
        raise CommandError(f"{decided.batch.batch} cannot be {decision}: {decided.why}")
    return {
        "batch": decided.batch.batch,
        "decision": decision,
        "done": decided.done and not dry_run,
        "dry_run": dry_run,
        "why": decided.why,
        "files": [{"key": file.key, "file_id": file.file_id} for file in decided.files],
    }


def render(document: Document) -> ConsoleRenderable:
    """The files, and what becomes of them."""
    files = count(len(document["files"]), "file")
    verb = "would be" if document["dry_run"] else "is"
    closing = f"{document['batch']} with {files} {verb} {document['decision']}: {document['why']}."
    return lines(table(("file",), [(item["key"],) for item in document["files"]]), "", closing)
