"""`headrace doctor`: check, line by line, what a deployment needs and what a deployed stack needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace_cli.doctor import account, build, secrets, storage, warehouse
from headrace_cli.doctor.examination import Examination, parsed
from headrace_cli.doctor.findings import Check, Level, findings_of
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Progress
from headrace_cli.stack.home import project
from headrace_cli.stack.target import target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

CHECKS: tuple[Check, ...] = (
    *account.CHECKS, *build.CHECKS, *secrets.CHECKS, *storage.CHECKS, *warehouse.CHECKS,
)  # fmt: skip
SIGNS = {
    Level.OK: ("✓", "green"),
    Level.WARNING: ("!", "yellow"),
    Level.FAULT: ("✗", "bold red"),
    Level.UNKNOWN: ("?", "dim"),
}


def doctor(
    context: typer.Context,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="A parameter of the coming deployment, as Name=value; repeatable."),
    ] = None,
    warehouse: Annotated[
        bool, typer.Option("--warehouse/--no-warehouse", help="Query the warehouse too, which wakes it.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Check account, region and stack, before and after a deployment; each fault comes with the command that fixes it.

    Nothing is changed. Without a stack, it checks what a deployment needs: quotas, network, capacity, names already
    taken, secrets, the build. With a stack, it also checks buckets, permissions, the warehouse and alarms.
    Exits with 1 if there is a fault.

    Examples: `headrace doctor`, `headrace --profile prod doctor -p WorkgroupBaseCapacity=8`
    """
    examination = Examination(target_of(context), project(), parsed(parameter or ()), warehouse)
    examination.refuse_wrong_parameters()
    with Progress() as progress:
        found = [item for check in CHECKS for item in _looked_at(check, examination, progress)]
    document = document_of(found)
    emit(document, render, as_json=as_json)
    if document["faults"]:
        raise typer.Exit(1)


def _looked_at(check: Check, examination: Examination, progress: Progress) -> Iterator[Document]:
    progress.show(f"{check.area}: {check.name}")
    for finding in findings_of(check, examination):
        yield {
            "area": check.area,
            "check": check.name,
            "level": finding.level.value,
            "text": finding.text,
            "remedy": finding.remedy,
        }


def document_of(found: list[Document]) -> Document:
    """`{"findings": [{"area", "check", "level", "text", "remedy"}], "faults", "warnings"}`."""
    levels = [item["level"] for item in found]
    return {"findings": found, "faults": levels.count(Level.FAULT), "warnings": levels.count(Level.WARNING)}


def render(document: Document) -> ConsoleRenderable:
    """The findings by area, each fault and warning with what to do below it."""
    parts: list[ConsoleRenderable | str] = []
    for area in dict.fromkeys(item["area"] for item in document["findings"]):
        parts += ["", Text(area, style="bold")] if parts else [Text(area, style="bold")]
        parts += [line for item in document["findings"] if item["area"] == area for line in _said(item)]
    return lines(*parts, "", _closing(document))


def _said(item: Document) -> list[Text]:
    sign, style = SIGNS[Level(item["level"])]
    line = Text.assemble(("  " + sign + " ", style), item["text"])
    return [line, Text(f"      {item['remedy']}", style="cyan")] if item["remedy"] else [line]


def _closing(document: Document) -> Text:
    faults, warnings = document["faults"], document["warnings"]
    if faults:
        return Text(f"{count(faults, 'fault')}, {count(warnings, 'warning')}.", style="bold red")
    return Text(f"No fault, {count(warnings, 'warning')}." if warnings else "No fault.", style="green")
