"""`headrace quarantine`: rows that could not be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.text import Text

from headrace.domain.files.names import printable
from headrace_cli.output.console import Document, DryRun, Json, emit, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count, number
from headrace_cli.output.highlight import fault_span
from headrace_cli.stack.audited import audited, who
from headrace_cli.stack.bad_rows import bad_rows
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

LONGEST_RAW = 160


def quarantine(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A deployed dataset; `headrace contracts` lists them.")],
    limit: Annotated[int, typer.Option(help="Rows to show.", min=1)] = 20,
    file: Annotated[str | None, typer.Option(help="Only this file's rows: its key, or the end of it.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only this batch's rows.")] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only rows that broke this rule: `minimum`, or `value: minimum`.")
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Count the rows of each broken rule instead.")] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Give these rows up: preview with --dry-run, confirm with --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why they are given up, for the record.")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Show a dataset's bad rows, newest batch first: where each was, what was wrong, and its raw text.

    With `--discard` the rows leave quarantine: they count as discarded, and are neither shown nor replayed any more.
    Who did so, when and why is in the history of each file (`headrace trace FILE`). The lake keeps the rows.

    Examples: `headrace quarantine readings --summary`,
    `headrace quarantine readings --rule minimum --discard --reason "known fault of meter 7"`
    """
    target = target_of(context)
    if discard:
        if not dry_run and not reason.strip():
            raise CommandError("say why with --reason; --dry-run shows which rows it would be")
        wanted = {"rule": rule, "batch": batch, "file": file}
        emit(discarded(target, dataset, wanted, reason, dry_run=dry_run), render_discarded, as_json=as_json)
        return
    name = target.contract(dataset).dataset
    rows = (row for row in bad_rows(target, name, batch=batch, file=file) if rule is None or rule in _rules(row))
    if summary:
        emit(summed(name, rows), render_summary, as_json=as_json)
    else:
        emit(collect(name, rows, limit), render, as_json=as_json)


def collect(dataset: str, rows: Iterator[dict[str, Any]], limit: int) -> Document:
    """`{"dataset", "rows": [{"file", "row_number", "column", "rule", "reason", "raw", "errors", …}], "more"}`."""
    found = list(islice(rows, limit + 1))
    return {"dataset": dataset, "rows": found[:limit], "more": len(found) > limit}


def summed(dataset: str, rows: Iterator[dict[str, Any]]) -> Document:
    """`{"dataset", "rows", "rules": [{"rule", "rows", "files", "example"}]}`, the most frequent rule first.

    A row that broke several rules counts for each. `example` is the newest file with one.
    """
    counts: Counter[str] = Counter()
    files: dict[str, dict[str, None]] = {}
    total = 0
    for row in rows:
        total += 1
        for name in {rule_name(error) for error in row["errors"]}:
            counts[name] += 1
            files.setdefault(name, {})[row["file"]] = None
    rules = [
        {"rule": name, "rows": number, "files": len(files[name]), "example": next(iter(files[name]))}
        for name, number in counts.most_common()
    ]
    return {"dataset": dataset, "rows": total, "rules": rules}


def _rules(row: dict[str, Any]) -> set[str]:
    """The rules that a row broke, with and without their columns."""
    return {name for error in row["errors"] for name in (error["rule"], rule_name(error))}


def rule_name(error: dict[str, Any]) -> str:
    """A broken rule with its column: `value: minimum`."""
    return f"{error['column'] or 'row'}: {error['rule']}"


def discarded(target: Target, dataset: str, wanted: dict[str, str | None], reason: str, *, dry_run: bool) -> Document:
    """`{"dataset", "dry_run", "rows", "files": [{"key", "file_id", "rows", "why"}]}`; with a `why`, they were not."""
    from headrace.usecases.recovery import discard as use_case
    from headrace.usecases.recovery.replay import Wanted

    contract = target.contract(dataset)
    decision = use_case.Decision("" if dry_run else who(target), reason.strip())
    chosen, about = Wanted(**wanted), [f"{name} {text}" for name, text in wanted.items() if text]
    with audited(target, "discard", about, reason=reason, dataset=contract.dataset, dry_run=dry_run) as act:
        answers = use_case.discard(contract, chosen, decision, target.landing, target.services, dry_run=dry_run)
        act.about = [answer.file_id for answer in answers if not answer.why]
        act.outcome = f"{count(sum(answer.rows for answer in answers if not answer.why), 'row')} discarded"
    files = [asdict(answer) for answer in answers]
    rows = sum(item["rows"] for item in files if not item["why"])
    return {"dataset": dataset, "dry_run": dry_run, "rows": rows, "files": files}


def render_discarded(document: Document) -> ConsoleRenderable:
    """A line per file, and the sum."""
    if not document["files"]:
        return lines(f"No matching row of {document['dataset']} is in quarantine.")
    rows = [
        (item["key"], number(item["rows"]), "no" if item["why"] else "yes", item["why"]) for item in document["files"]
    ]
    verb = "would be discarded" if document["dry_run"] else "discarded"
    found = table(("file", "rows", "discard", "why not"), rows, numbers=("rows",))
    return lines(found, f"\n{count(document['rows'], 'row')} {verb}.")


def render_summary(document: Document) -> ConsoleRenderable:
    """A line per rule."""
    if not document["rules"]:
        return lines(f"No row of {document['dataset']} is in quarantine.")
    rows = [(i["rule"], number(i["rows"]), number(i["files"]), i["example"]) for i in document["rules"]]
    found = table(("rule", "rows", "files", "newest file"), rows, numbers=("rows", "files"))
    return lines(found, f"\n{count(document['rows'], 'row')} in quarantine. `--rule RULE` shows those of one rule.")


def render(document: Document) -> ConsoleRenderable:
    """The rows below each other."""
    if not document["rows"]:
        return lines(f"No row of {document['dataset']} is in quarantine.")
    more = ["There are more: --limit shows them."] if document["more"] else []
    return lines(*bad_rows_text(document["rows"]), *more)


def bad_rows_text(rows: Iterable[dict[str, Any]]) -> list[ConsoleRenderable]:
    """Bad rows, each with its place, every rule that it broke, and its raw text."""
    return [part for row in rows for part in (_place(row), *map(_broken, row["errors"]), _raw(row))]


def _place(row: dict[str, Any]) -> Text:
    return Text(f"{row['file']}, row {row['row_number']:,}", style="bold")


def _broken(error: dict[str, Any]) -> Text:
    column = error["column"] or "the row"
    return Text.assemble("  ", column, " ", (error["rule"], "yellow"), f": {error['reason']}")


def _raw(row: dict[str, Any]) -> Text:
    """The raw text on one line, with carets under the first fault where that is certain."""
    raw = row["raw"]
    text = f"  │ {printable(raw[:LONGEST_RAW])}{'…' if len(raw) > LONGEST_RAW else ''}\n"
    span = fault_span(raw, row["rule"], row["reason"])
    if span and span[1] <= LONGEST_RAW:
        before, fault = cell_len(printable(raw[: span[0]])), cell_len(printable(raw[slice(*span)]))
        text += f"  │ {' ' * before}{'^' * max(fault, 1)}\n"
    return Text(text, style="dim", no_wrap=True, overflow="ellipsis")
