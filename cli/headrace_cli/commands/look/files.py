"""`headrace files`: which files failed, are held, are late, or have a name like this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.domain.ingest.ledger import LIVE, FileRecord, FileStatus
from headrace_cli.output.console import Document, Json, Since, emit, lines, table
from headrace_cli.output.formatting import clock, count, number, status_text
from headrace_cli.stack.lateness import is_late
from headrace_cli.stack.standing import files_in
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.totals import file_account

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

MOST_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is listed: files in any of these statuses, or late ones; all when nothing is named."""

    statuses: frozenset[FileStatus] = field(default_factory=frozenset)
    late: bool = False
    match: str = ""

    def takes(self, file: FileRecord, *, late: bool) -> bool:
        """Whether a file with the text in its key is among them."""
        return not (self.statuses or self.late) or file.status in self.statuses or (self.late and late)


def files(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Those that failed, or belong to no dataset.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Those that wait for your decision.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that wait for their marker or manifest.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Those not loaded within the promised time.")] = False,
    match: Annotated[str, typer.Option(help="Only files with this text in their key.")] = "",
    since: Since = None,
    limit: Annotated[int, typer.Option(help="Files to show, the newest first.", min=1, max=MOST_LISTED)] = 50,
    as_json: Json = False,
) -> None:
    """List files, newest first: all, or those that failed, are held, wait for a marker, or are late.

    `--failed`, `--held`, `--waiting` and `--late` can be combined: a file that fits any is listed.

    `--failed`, `--held` and `--waiting` read the days on which the counters have such files. All else reads every
    file's record: with millions of files, name a dataset or `--since`.

    Examples: `headrace files --failed --held --since yesterday`, `headrace files readings --match 2026-01-31`
    """
    statuses = {FileStatus.FAILED, FileStatus.UNROUTABLE} if failed else set()
    statuses |= ({FileStatus.HELD} if held else set()) | ({FileStatus.WAITING} if waiting else set())
    wanted = Wanted(frozenset(statuses), late, match)
    emit(collect(target_of(context), dataset, since or "", wanted, limit), render, as_json=as_json)


def collect(target: Target, dataset: str | None, since: str, wanted: Wanted, limit: int) -> Document:
    """`{"files": [the newest, each with "late"], "more": how many others}`."""
    found = 0

    def taken() -> Iterator[tuple[FileRecord, bool]]:
        nonlocal found
        for file, late in _every(target, dataset, since, wanted):
            if wanted.takes(file, late=late):
                found += 1
                yield file, late

    newest = nlargest(limit, taken(), key=lambda item: (item[0].arrived_at, item[0].file_id))
    return {"files": [file_account(file) | {"late": late} for file, late in newest], "more": found - len(newest)}


def _every(target: Target, dataset: str | None, since: str, wanted: Wanted) -> Iterator[tuple[FileRecord, bool]]:
    """Every file that may be wanted, and whether it is late."""
    from headrace.adapters.ledger import UNROUTABLE

    now = datetime.now(UTC)
    chosen = [target.contract(dataset)] if dataset else list(target.contracts.values())
    at_rest = bool(wanted.statuses) and not wanted.late
    tallies = target.ledger.counters.totals() if at_rest else {}
    for contract in chosen:
        if at_rest:
            known = files_in(target.ledger, contract.dataset, tallies.get(contract.dataset), wanted.statuses, since)
            yield from ((file, False) for file in known if wanted.match in file.key)
            continue
        lane = target.ledger.lanes.state(contract.dataset, LIVE)
        for file in target.ledger.files.of_dataset(contract.dataset, since):
            if wanted.match in file.key:
                yield file, is_late(file, contract, lane, now)
    if not dataset:
        strays = target.ledger.files.of_dataset(UNROUTABLE, since)
        yield from ((file, False) for file in strays if wanted.match in file.key)


def render(document: Document) -> ConsoleRenderable:
    """A line per file, with the reason of those that were not loaded."""
    if not document["files"]:
        return lines("There are none.")
    rows = [(clock(item["arrived_at"]), item["key"], status_text(_status(item)), number(item["rows"]["read"]),
             item["reason"] or "") for item in document["files"]]  # fmt: skip
    rest = f"\nand {count(document['more'], 'older file')}: --limit shows more"
    found = table(("arrived", "file", "status", "rows", "reason"), rows, numbers=("rows",))
    return lines(found, *([rest] if document["more"] else []))


def _status(item: dict[str, Any]) -> str:
    return f"{item['status']}, late" if item["late"] else str(item["status"])
