"""`headrace new`: draft a contract from sample files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from headrace_cli.commands.files.check import collect as check_file
from headrace_cli.commands.files.check import compiled
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.stack.home import project

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract

MARK = "# decide:"


def new(
    name: Annotated[str, typer.Argument(help="The dataset's name: lower-case letters, digits and underscores.")],
    samples: Annotated[
        list[Path], typer.Argument(help="Sample files, exactly as they will land.", exists=True, dir_okay=False)
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where to write it. Default: contracts/NAME.odcs.yaml.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Draft a contract from sample files, inferring format, types, key and allowed values.

    What only you can know is marked `# decide:` in the contract. The samples are then checked against it.

    Exits with 1 if a whole sample would be rejected, as in `headrace check`; the contract is written even so.

    Example: `headrace new parcels today.csv yesterday.csv.gz`
    """
    document = collect(name, samples, out or project() / "contracts" / f"{name}.odcs.yaml")
    emit(document, render, as_json=as_json)
    if any(checked["reason"] for checked in document["samples"]):
        raise typer.Exit(1)


def collect(name: str, samples: list[Path], path: Path) -> Document:
    """`{"contract", "dataset", "columns", "decide": [{"line", "text"}], "samples": [what `headrace check` says]}`."""
    from headrace.transform import FileRejected
    from headrace_compiler.draft.contract import draft

    if path.exists():
        raise CommandError(f"{path} already exists: remove it first, or choose another path with --out")
    try:
        text = draft(name, samples)
    except (FileRejected, ValueError) as error:
        raise CommandError(str(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    contract = _compiled_or_removed(path)
    return {
        "contract": str(path),
        "dataset": name,
        "columns": len(contract.named_columns),
        "decide": _decisions(text),
        "samples": [check_file(contract, sample, None) for sample in samples],
    }


def _compiled_or_removed(path: Path) -> Contract:
    """The contract in the file. One with mistakes does not stay: it would stop the next deployment."""
    try:
        return compiled(path)
    except CommandError as error:
        path.unlink()
        raise CommandError(f"the draft had mistakes and was not kept: write the contract by hand. {error}") from error


def _decisions(text: str) -> list[dict[str, Any]]:
    marked = ((number, line.partition(MARK)) for number, line in enumerate(text.splitlines(), start=1))
    return [{"line": number, "text": rest.strip()} for number, (_, mark, rest) in marked if mark]


def render(document: Document) -> ConsoleRenderable:
    """Where the contract is, what to decide, and the verdict on each sample."""
    head = Text(f"Written: {document['contract']}, {count(document['columns'], 'column')}.", style="green")
    decide = [f"  line {item['line']}: {item['text']}" for item in document["decide"]]
    found = lines(head, "", "To decide:", *decide, "", *map(_sample, document["samples"]))
    bad = next((checked for checked in document["samples"] if checked["reason"] or checked["rows_bad"]), None)
    if bad is None:
        return found
    return lines(found, "", f"To see what is wrong: headrace check {bad['file']} --contract {document['contract']}")


def _sample(checked: Document) -> Text:
    if checked["reason"]:
        return Text(f"{checked['file']}: rejected: {checked['reason']}", style="red")
    good, read = checked["rows_good"], checked["rows_read"]
    return Text(
        f"{checked['file']}: {good:,} of {count(read, 'row')} good", style="green" if good == read else "yellow"
    )
