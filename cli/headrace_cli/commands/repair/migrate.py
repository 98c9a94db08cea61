"""`headrace migrate`: change the warehouse to match the contracts of this project; `--plan` previews it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace_cli.output.console import Document, Json, Reason, emit, lines, table
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Progress
from headrace_cli.stack.application import packaged
from headrace_cli.stack.audited import audited
from headrace_cli.stack.home import project
from headrace_cli.stack.target import target_of
from headrace_cli.stack.warehouse import reader_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.usecases.migrate import Plan


def migrate(
    context: typer.Context,
    only_plan: Annotated[
        bool, typer.Option("--plan", "--dry-run", help="Show the changes without making them.")
    ] = False,
    contracts: Annotated[
        Path | None, typer.Option(help="The folder of contracts. Default: the project's.", file_okay=False)
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Change the warehouse to match the contracts and migrations here. A deployment does the same.

    Additions are made: tables, columns, longer VARCHARs. A change that could lose data is refused, with the reason and
    the way out; nothing is then changed, and the exit code is 1. Columns removed from a contract keep their values.

    Examples: `headrace migrate --plan`, `headrace migrate`
    """
    from headrace.usecases.let_read import let_read
    from headrace.usecases.migrate import apply, plan

    target = target_of(context)
    from headrace_cli.stack.checkout import CheckoutServices

    services = CheckoutServices(target, contracts or project() / "contracts", packaged() / "sql")
    with Progress() as progress:
        progress.show("comparing the warehouse with the contracts")
        planned = plan(services, target.output("Database"))
        applied = []
        if not (only_plan or planned.refused):
            about = [change.name for change in planned.changes]
            with audited(target, "migrate", about, reason=reason, dry_run=not about) as act:
                for change in apply(planned, services):
                    applied.append(change.name)
                    progress.show(f"{len(applied)} of {count(len(planned.changes), 'change')} done")
                act.outcome = f"{count(len(applied), 'change')} made"
            if reader := reader_of(target):
                let_read(services, reader)
    emit(document_of(planned, applied), render, as_json=as_json)
    if planned.refused:
        raise typer.Exit(1)


def document_of(planned: Plan, applied: list[str]) -> Document:
    """`{"changes": [{"name", "what", "statements", "done"}], "kept": […], "refused": […]}`."""
    changes = [
        {"name": item.name, "what": item.what, "statements": item.statements, "done": item.name in applied}
        for item in planned.changes
    ]
    return {"changes": changes, "kept": list(planned.kept), "refused": list(planned.refused)}


def render(document: Document) -> ConsoleRenderable:
    """The plan, and whether it was carried out."""
    changes = document["changes"]
    rows = [(item["name"], item["what"], "done" if item["done"] else "") for item in changes]
    parts: list[ConsoleRenderable | str] = [table(("change", "what", ""), rows), ""] if rows else []
    parts += [Text(f"kept: {line}") for line in document["kept"]]
    parts += [Text(f"refused: {reason}", style="bold red") for reason in document["refused"]]
    return lines(*parts, _closing(document))


def _closing(document: Document) -> str:
    changes = document["changes"]
    if document["refused"]:
        return "Nothing was changed. A deployment of these contracts would be stopped for the same reason."
    if not changes:
        return "The warehouse matches the contracts."
    if all(item["done"] for item in changes):
        return f"{count(len(changes), 'change')} made."
    return f"{count(len(changes), 'change')} would be made; nothing was changed."
