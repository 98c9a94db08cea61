"""What goes to stdout and stderr: one JSON document, or text for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich import box
from rich.console import Console, ConsoleRenderable, Group
from rich.table import Table
from rich.text import Text

from headrace.domain.clock import written
from headrace_cli.words import moment

PIPED_WIDTH = 200
"""Columns when nobody's terminal sets a width, so that a pipe gets whole lines."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def _as_the_ledger_writes_it(text: str | None) -> str | None:
    try:
        return text and written(moment(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time: write it as 2026-01-31 or 2026-01-31T13:45:00Z") from error


Since = Annotated[
    str | None,
    typer.Option(
        help="Only files that arrived since: 2026-01-31, or longer; in UTC.", callback=_as_the_ledger_writes_it
    ),
]
Document = dict[str, Any]
D = TypeVar("D")


def stdout() -> Console:
    """Where results go. Colours only on a terminal."""
    return _console(stderr=False)


def messages() -> Console:
    """Where everything goes that is not the result: progress, warnings, errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def emit(document: D, render: Callable[[D], ConsoleRenderable], *, as_json: bool) -> None:
    """Print a command's result: as JSON, or as its `render` shows it."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        show(render(document))


def show(what: ConsoleRenderable) -> None:
    """Print on stdout; a pipe gets no spaces at the ends of lines."""
    console = stdout()
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as captured:
        console.print(what)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def warn(text: str) -> None:
    """A remark that is no error, on stderr."""
    messages().print(text, style="yellow", markup=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> Table:
    """An aligned table; cells are shown as they are, never as markup.

    Columns named in `numbers` are right-aligned and stay whole; on a narrow terminal the others are folded.
    """
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for header in headers:
        is_number = header in numbers
        shown.add_column(header, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return shown


def lines(*items: ConsoleRenderable | str) -> Group:
    """Several things below each other; text is shown as it is, never as markup."""
    return Group(*(Text(item) if isinstance(item, str) else item for item in items))
