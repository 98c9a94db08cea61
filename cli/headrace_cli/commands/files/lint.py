"""`headrace lint`: check contracts and exports as a deployment would."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from headrace_cli.output.console import Document, Json, emit, json_text, lines
from headrace_cli.output.formatting import count
from headrace_cli.stack.home import project

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

MARK = "# decide:"


def lint(
    strict: Annotated[bool, typer.Option("--strict", help="Also fail on decisions that are still open.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of contracts, for editors.")] = False,
    as_json: Json = False,
) -> None:
    """Check all contracts and exports here, as a deployment would, and list the decisions still open.

    Exits with 1 if there is a mistake. `--schema` prints a JSON schema with which editors complete and check contracts.

    Examples: `headrace lint --strict`, `headrace lint --schema > contract.schema.json`
    """
    if schema:
        from headrace_compiler.document.json_schema import contract_schema

        sys.stdout.write(json_text(contract_schema(), indent=2) + "\n")
        return
    document = collect(project())
    emit(document, render, as_json=as_json)
    if document["mistakes"] or (strict and document["open"]):
        raise typer.Exit(1)


def collect(folder: Path) -> Document:
    """`{"contracts", "exports", "mistakes": [{"file", "line", "text"}], "open": [the same]}`."""
    from headrace_compiler import ContractErrors, compile_folder
    from headrace_compiler.compile.exports import compile_exports

    mistakes: list[dict[str, Any]] = []
    for compiled, name in ((compile_folder, "contracts"), (compile_exports, "exports")):
        try:
            compiled(folder / name)
        except ContractErrors as errors:
            mistakes += [_place(error.path, folder, error.line, error.reason) for error in errors.errors]
    files = {name: sorted((folder / name).glob("*.odcs.yaml")) for name in ("contracts", "exports")}
    return {
        **{name: len(found) for name, found in files.items()},
        "mistakes": mistakes,
        "open": [found for path in files["contracts"] for found in _open(path, folder)],
    }


def _open(path: Path, folder: Path) -> list[dict[str, Any]]:
    marked = ((number, line.partition(MARK)) for number, line in enumerate(path.read_text("utf-8").splitlines(), 1))
    return [_place(path, folder, number, text.strip()) for number, (_, mark, text) in marked if mark]


def _place(path: Path, folder: Path, line: int, text: str) -> dict[str, Any]:
    return {"file": str(path.relative_to(folder) if path.is_relative_to(folder) else path), "line": line, "text": text}


def render(document: Document) -> ConsoleRenderable:
    """A line for each, as editors and CI find them: file, line, text."""
    parts = [Text(f"{at['file']}:{at['line']}: {at['text']}", style="red") for at in document["mistakes"]]
    parts += [Text(f"{at['file']}:{at['line']}: to decide: {at['text']}", style="yellow") for at in document["open"]]
    whole = f"{count(document['contracts'], 'contract')}, {count(document['exports'], 'export')}"
    found = f"{count(len(document['mistakes']), 'mistake')}, {count(len(document['open']), 'open decision')}"
    return lines(*parts, Text(f"{whole}: {found}.", style="bold red" if document["mistakes"] else "green"))
