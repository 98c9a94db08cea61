"""`headrace check`: validate a file against its contract, without AWS."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from headrace_cli.commands.look.quarantine import bad_rows_text
from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.drift import drift_text
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count, money, number, size
from headrace_cli.stack.home import project

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract
    from headrace.transform import BadRow
    from headrace.usecases.check import CheckResult

SHOWN = 10
LONGEST_LINE = 200


def check(  # noqa: PLR0913, PLR0917 - one parameter per option
    file: Annotated[Path, typer.Argument(help="A local file.", exists=True, dir_okay=False)],
    dataset: Annotated[str | None, typer.Option(help="The file's dataset; its contract is in the checkout.")] = None,
    contract: Annotated[
        Path | None, typer.Option(help="Or the path of a contract file.", exists=True, dir_okay=False)
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The key it would land under, for columns that come from it. Default: its own folders."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the good and bad rows.", file_okay=False)] = None,
    cost: Annotated[bool, typer.Option("--cost", help="Say what loading the file would cost, too.")] = False,
    as_json: Json = False,
) -> None:
    """Check a file as the pipeline would: what would be loaded, what would not, and why. Needs no AWS or laptop.

    Exits with 1 if the whole file would be rejected.

    Examples: `headrace check today.jsonl --dataset readings`, `headrace check a.csv --contract new.odcs.yaml`
    """
    if (dataset is None) == (contract is None):
        raise typer.BadParameter("give either --dataset NAME or --contract PATH", param_hint="--dataset")
    chosen = compiled(contract) if contract else known(str(dataset))
    document = collect(chosen, file, out, key)
    if cost and not document["reason"]:
        document["cost"] = file_cost(document)
    emit(document, render, as_json=as_json)
    if document["reason"]:
        raise typer.Exit(1)


def compiled(path: Path) -> Contract:
    """The contract in a file. Raises CommandError, with line and reason, for one with mistakes."""
    from headrace_compiler import ContractErrors, compile_contract

    try:
        return compile_contract(path)
    except ContractErrors as errors:
        raise CommandError(str(errors)) from errors


def known(dataset: str) -> Contract:
    """A contract of the checkout, by its dataset's name."""
    from headrace_compiler import ContractErrors, compile_folder

    folder = project() / "contracts"
    try:
        contracts = {contract.dataset: contract for contract in compile_folder(folder)}
    except ContractErrors as errors:
        raise CommandError(str(errors)) from errors
    if dataset not in contracts:
        raise CommandError(f"no contract in {folder} is for {dataset}; there are: {', '.join(sorted(contracts))}")
    return contracts[dataset]


def collect(contract: Contract, file: Path, out: Path | None, key: str | None = None) -> Document:
    """`{"rows_read", "rows_good", "rows_bad", "parquet", "quarantine", "reason", "line", "broken",
    "first_bad", "detected", "bytes", "seconds"}`.

    `reason` says why the whole file is rejected, and is null when it is not; `line` is the one that it is about.
    """
    from headrace.transform import FileRejected
    from headrace.usecases.check import check_file

    head = {"file": str(file), "dataset": contract.dataset, "bytes": file.stat().st_size}
    start = perf_counter()
    try:
        verdict = _verdict(check_file(contract, file, out, key=key), file)
        return head | verdict | {"seconds": perf_counter() - start}
    except FileRejected as rejected:
        head |= {"seconds": perf_counter() - start, "detected": {}}
        nothing = {"rows_read": 0, "rows_good": 0, "rows_bad": 0, "parquet": None, "quarantine": None}
        return head | nothing | {"reason": rejected.reason, "line": rejected.line, "broken": {}, "first_bad": []}


def file_cost(document: Document) -> Document:
    """What loading a checked file would cost: the fields of `LoadCost` and `usd`. A compressed one is taken to grow."""
    from dataclasses import asdict

    from headrace.domain.ingest.packing import GROWS
    from headrace_cli.cost.load import load_cost

    grown = document["bytes"] * (GROWS if "compression" in document["detected"] else 1)
    found = load_cost(1, grown / 1e6)
    return asdict(found) | {"usd": found.usd}


def _verdict(result: CheckResult, file: Path) -> Document:
    return {
        "rows_read": result.rows_read,
        "rows_good": result.rows_good,
        "rows_bad": result.rows_bad,
        "parquet": str(result.parquet) if result.parquet else None,
        "quarantine": str(result.quarantine) if result.quarantine else None,
        "reason": result.held,
        "line": "",
        "detected": result.report.detected,
        "broken": result.broken,
        "first_bad": [_bad_row(row, file) for row in result.first_bad],
    }


def _bad_row(row: BadRow, file: Path) -> dict[str, Any]:
    errors = [{"column": error.column, "rule": error.rule, "reason": error.reason} for error in row.errors]
    raw = row.raw.decode("utf-8", "backslashreplace")
    return {"file": file.name, "row_number": row.row_number, **errors[0], "raw": raw, "errors": errors}


def render(document: Document) -> ConsoleRenderable:
    """The verdict first, then what is wrong and where."""
    parts: list[ConsoleRenderable | str] = [_headline(document), _reading(document)]
    if document["line"]:
        parts += [Text(f"The line is: {document['line'][:LONGEST_LINE]}")]
    if document["broken"]:
        rules = sorted(document["broken"].items(), key=lambda item: -item[1])
        parts += ["", table(("rule", "rows"), [(rule, number(rows)) for rule, rows in rules], numbers=("rows",))]
        parts += ["", *bad_rows_text(document["first_bad"][:SHOWN])]
    if "drift" in document["detected"]:
        parts += ["", *drift_text(document["detected"]["drift"])]
    if "cost" in document:
        parts += ["", _cost(document["cost"])]
    written = [document[name] for name in ("parquet", "quarantine") if document[name]]
    return lines(*parts, *([f"\nWritten: {', '.join(written)}"] if written else []))


def _cost(cost: Document) -> str:
    """Alone it wakes the warehouse; among others it costs what it asks for itself."""
    return (
        f"Loading it would cost about {money(cost['usd'])} USD alone, {money(cost['warehouse'])} of it the warehouse at"
        f" {cost['rpu']:g} RPU; {money(cost['together'])} in a group that loads anyway. Prices of {cost['region']};"
        " docs/cost.md says what is assumed."
    )


def _reading(document: Document) -> Text:
    """What the file showed of itself, and how long it took to read."""
    seconds = document["seconds"]
    facts = [f"{size(document['bytes'])} read in {seconds:.2f} s ({size(int(document['bytes'] / seconds))}/s)"]
    simple = ("compression", "encoding", "newline")
    facts += [f"{name} {document['detected'][name]}" for name in simple if name in document["detected"]]
    for column, changed in document["detected"].get("changed_values", {}).items():
        facts += [f"{count(rows, 'value')} of {column} {how}" for how, rows in changed.items()]
    for name, what in (("absent_columns", "without the optional"), ("unknown_columns", "unknown")):
        facts += [f"{what} {', '.join(document['detected'][name])}"] if name in document["detected"] else []
    return Text("; ".join(facts), style="dim")


def _headline(document: Document) -> Text:
    if document["reason"]:
        return Text(f"Rejected as a whole: {document['reason']}", style="bold red")
    read, good, bad = document["rows_read"], document["rows_good"], document["rows_bad"]
    if not read:
        return Text("Good, but it has no rows.", style="yellow")
    if not bad:
        all_rows = f"all {number(read)} rows" if read > 1 else "its one row"
        return Text(f"Good: {all_rows} would be loaded.", style="green")
    return Text(f"{good:,} of {count(read, 'row')} would be loaded, {bad:,} quarantined.", style="yellow")
