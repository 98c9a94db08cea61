"""What `retry` and `reload` share: finding the files, and reporting the decision on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.domain.ingest.ledger import FileRecord
from headrace.usecases.recovery.requeue import Requeued
from headrace_cli.output.console import Document, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.stack.target import Target
from headrace_cli.stories.file import find

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def meant(target: Target, wanted: str) -> list[FileRecord]:
    """The files of a batch, or the one file that `wanted` means. Raises CommandError when there is neither."""
    try:
        return target.ledger.files.get_all(target.ledger.batches.get(wanted).file_ids)
    except KeyError:
        found = find(target, wanted)
    if not found:
        raise CommandError(f"no file or batch {wanted} in the ledger")
    return found[-1:]


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
    sent = count(document["sent"], "file")
    closing = f"{sent} would be sent again; nothing was changed." if document["dry_run"] else (
        f"{sent} sent again. `headrace wait` waits until all is loaded." if document["sent"] else "Nothing was changed."
    )  # fmt: skip
    return lines(table(("file", "again", "why"), rows), "", closing)
