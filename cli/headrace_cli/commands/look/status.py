"""`headrace status`: the state of every dataset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace.domain.clock import written
from headrace.domain.ingest.ledger import LIVE, FileRecord, FileStatus
from headrace_cli.output.console import Document, Json, Since, emit, lines, table
from headrace_cli.output.formatting import ROW_HEADERS, ROW_KINDS, STYLES, ago, balanced, clock, count, number, tick
from headrace_cli.stack.expectations import expected_account
from headrace_cli.stack.standing import files_in, standing
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.totals import dataset_account, file_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract

NOT_LOADED = {FileStatus.FAILED, FileStatus.UNROUTABLE}
MOST_LISTED = 1_000
LATE = "late"
COLUMNS = {
    LATE: "files\nlate",
    **dict(zip(("read", *ROW_KINDS), ROW_HEADERS, strict=True)),
    "withheld": "with-\nheld",
    "discarded": "dis-\ncarded",
}
"""The headers of counts; those that are zero everywhere are left out, so that twenty datasets fit 80 columns."""
ALWAYS = {"read", "loaded", "quarantined"}


def status(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    since: Since = None,
    failed: Annotated[bool, typer.Option("--failed", help="List the files that were not loaded, and why.")] = False,
    wake_ups: Annotated[
        bool, typer.Option("--wake-ups", help="Show how often loads woke the warehouse, since a day ago by default.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show for each dataset how many files and rows are in each state, and how fresh its table is.

    `loaded` rows are in the table now; `superseded` rows were replaced by newer ones. Once all is loaded,
    read = loaded + superseded + quarantined + duplicate + discarded (`ok`); `staged` rows wait for their dataset's next
    merge.
    A file is late when its rows are not in the table in the time that the contract promises.

    This reads every file's record: with millions of files, `--since` is quicker. `--failed` lists the newest thousand
    files that failed or, if no dataset is named, belong to none. `--wake-ups` counts loads and who shared a wake-up of
    the warehouse, of files that arrived since a day ago; what other people query wakes it too, and is not counted.

    Examples: `headrace status`, `headrace status readings --since 2026-01-31`, `headrace status --failed`
    """
    target = target_of(context)
    if wake_ups:
        emit(collect_wake_ups(target, since or ""), render_wake_ups, as_json=as_json)
    elif failed:
        emit(collect_failed(target, dataset, since or ""), render_failed, as_json=as_json)
    else:
        emit(collect(target, dataset, since or ""), render, as_json=as_json)


def collect(target: Target, dataset: str | None = None, since: str = "") -> Document:
    """`{"datasets": [{"dataset", "late", "files", "rows", "last_load", "freshness_seconds", …}], "unroutable"}`."""
    from headrace.adapters.ledger import UNROUTABLE

    chosen = [target.contract(dataset)] if dataset else list(target.contracts.values())
    tallies = {} if since else target.ledger.counters.totals()
    whole = [contract for contract in chosen if contract.dataset in tallies and tallies[contract.dataset].whole]
    now = datetime.now(UTC)
    counted = {item["dataset"]: item for item in standing(target.ledger, whole, tallies, now)} if whole else {}
    return {
        "datasets": [
            (counted.get(each.dataset) or _account(target, each, since, now))
            | expected_account(each, target.ledger.watches, now)
            for each in chosen
        ],
        "unroutable": target.ledger.files.number(UNROUTABLE, since),
    }


def _account(target: Target, contract: Contract, since: str, now: datetime) -> Document:
    lane = target.ledger.lanes.state(contract.dataset, LIVE)
    return dataset_account(contract, target.ledger.files.of_dataset(contract.dataset, since), lane, now)


def collect_wake_ups(target: Target, since: str) -> Document:
    """What `woken_since` says, of the last day if no time is given."""
    from headrace_cli.cost.account import woken_since

    return woken_since(target, since or written(datetime.now(UTC) - timedelta(days=1)))


def render_wake_ups(document: Document) -> ConsoleRenderable:
    """One line."""
    from headrace_cli.commands.look.cost import woken

    none = f"No load has woken the warehouse since {clock(document['since'])}."
    said = [f"Since {clock(document['since'])}: {line}" for line in woken(document)]
    return lines(*(said or [none]), *(f"\n{remark}" for remark in document["remarks"]))


def collect_failed(target: Target, dataset: str | None, since: str) -> Document:
    """`{"files": [the newest, with their reasons], "more": how many others}`."""
    from headrace.adapters.ledger import UNROUTABLE

    names = [target.contract(dataset).dataset] if dataset else [*target.contracts, UNROUTABLE]
    found = 0

    def not_loaded() -> Iterator[FileRecord]:
        nonlocal found
        tallies = target.ledger.counters.totals()
        known = (files_in(target.ledger, name, tallies.get(name), NOT_LOADED, since) for name in names)
        for file in chain.from_iterable(known):
            found += 1
            yield file

    newest = nlargest(MOST_LISTED, not_loaded(), key=lambda file: file.arrived_at)
    return {"files": [file_account(file) for file in newest], "more": found - len(newest)}


def render_failed(document: Document) -> ConsoleRenderable:
    """A line per file, the newest first."""
    if not document["files"]:
        return lines("There are none.")
    rows = [(clock(item["arrived_at"]), item["key"], item["reason"] or "") for item in document["files"]]
    rest = f"\nand {count(document['more'], 'older file')}: name a dataset to list its own"
    return lines(table(("arrived", "file", "reason"), rows), *([rest] if document["more"] else []))


def render(document: Document) -> ConsoleRenderable:
    """A line per dataset, with what needs attention below."""
    datasets = document["datasets"]
    kinds = [kind for kind in COLUMNS if kind in ALWAYS or any(_number(item, kind) for item in datasets)]
    counts = [COLUMNS[kind] for kind in kinds]
    rows = [_row(item, kinds) for item in datasets]
    headers = ("\ndataset", "\nfiles", *counts, "\nok", "\nlast load")
    return lines(table(headers, rows, numbers=counts, whole=headers[:1]), *_remarks(document))


def _row(item: Document, kinds: list[str]) -> list[Text | str]:
    counts: list[Text | str] = [number(_number(item, kind)) for kind in kinds]
    if item["late"]:
        counts[0] = Text(str(counts[0]), style="bold red")
    return [
        item["dataset"],
        _files(item["files"]),
        *counts,
        tick(balanced(item["rows"])),
        ago(item["freshness_seconds"]),
    ]


def _paused(dataset: str, by: str, since: str, until: str, reason: str) -> str:
    why = f" ({reason})" if reason else ""
    return (
        f"\n{dataset}: paused until {clock(until)} by {by} at {clock(since)}{why}: its files wait."
        f" `headrace resume {dataset}` ends it."
    )


PROBLEMS = {
    "missing": "no file had come",
    "few": "{missing} of {files} had not come",
    "many": "more than {files} had come",
    "small": "one was too small",
}


def _expected(dataset: str, each: Document) -> str:
    """What is missing, and what is due next."""
    wrong = f"{PROBLEMS[each['problem']].format(**each)} by {each['was_due']}; " if each["problem"] else ""
    return f"\n{dataset}: {wrong}next expected: {each['files']} by {each['by'] or 'no time within a year'}."


def _number(item: Document, kind: str) -> int:
    return int(item["late"] if kind == LATE else item["rows"].get(kind, 0))


def _files(counts: dict[str, int]) -> Text:
    """3 loaded, 1 failed: the states that any file is in."""
    said = [Text(f"{number(counts[state])} {state}", style=STYLES[state]) for state in counts if counts[state]]
    return Text(", ").join(said) if said else Text("none", style="dim")


def _remarks(document: Document) -> list[str]:
    stray = document["unroutable"]
    said = [_paused(item["dataset"], **item["paused"]) for item in document["datasets"] if "paused" in item]
    said += [
        f"\n{item['dataset']}: {count(item['rows']['staged'], 'row')} staged, in the table after the next merge."
        for item in document["datasets"]
        if item["rows"].get("staged")
    ]
    said += [
        f"\n{item['dataset']}: {count(item['glue']['runs'], 'run')} of the Glue job,"
        f" {'at most ' if item['glue']['at_most'] else ''}{item['glue']['dpu_seconds']:,} DPU seconds"
        + (f"; the last: {item['glue']['last_run']}" if "last_run" in item["glue"] else ".")
        for item in document["datasets"]
        if "glue" in item
    ]
    said += [
        f"\n{item['dataset']}: {count(item['files']['waiting'], 'file')} without a marker or manifest yet:"
        f" `headrace files {item['dataset']} --waiting` lists them."
        for item in document["datasets"]
        if item["files"]["waiting"]
    ]
    said += [_expected(item["dataset"], each) for item in document["datasets"] for each in item.get("expected", ())]
    failed = sum(item["files"][name] for item in document["datasets"] for name in ("failed", "held"))
    said += [f"\n{count(failed, 'file')} failed or held: `headrace files --failed --held` says why."] if failed else []
    return said + ([f"\n{count(stray, 'file')} of no dataset: `headrace status --failed` says why."] if stray else [])
