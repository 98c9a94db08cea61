"""What goes to stdout and stderr: one JSON document, or text for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich import box
from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from headrace.domain.files.names import printable
from headrace_cli.output import times

PIPED_WIDTH = 200
"""Columns when no terminal sets a width, so that a pipe gets whole lines."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]
Reason = Annotated[str, typer.Option(help="Why, for the record: `headrace history --audit` shows it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, without doing it.")]


def _as_the_ledger_writes_it(text: str | None) -> str | None:
    try:
        return text and times.since(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Since = Annotated[
    str | None,
    typer.Option(
        help="Only files that arrived since then, in UTC: 2026-01-31, yesterday, 2h.",
        callback=_as_the_ledger_writes_it,
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


class PlainConsole(Console):
    """A console to which only Rich gives commands: keys, reasons and rows are the words of whoever sent a file."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What `renderable` looks like, with whatever a terminal would take as a command shown as an escape."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_words(segment.text), segment.style)


def cell(item: object) -> Text:
    """A text as it is, never as markup or a command; a name that would be one loses its colours for it."""
    if not isinstance(item, Text):
        return Text(_words(str(item)))
    words = _words(item.plain)
    return item if words == item.plain else Text(words, style=item.style)


def _words(text: str) -> str:
    return printable(text, keep="\n\t")


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return PlainConsole(file=stream, width=width, highlight=False, emoji=False)


def json_text(document: object, *, indent: int | None = None) -> str:
    """A document as JSON, readable, with escapes for what does not print."""
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=str)
    return text if text.replace("\n", "").isprintable() else "".join(map(_in_json, text))


def _in_json(sign: str) -> str:
    return sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1]


def emit(document: D, render: Callable[[D], ConsoleRenderable], *, as_json: bool) -> None:
    """Print a command's result: as JSON, or as its `render` shows it."""
    if as_json:
        sys.stdout.write(json_text(document, indent=2) + "\n")
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
    """A remark, not an error, on stderr."""
    messages().print(text, style="yellow", markup=False)


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = (), whole: Sequence[str] = ()
) -> Table:
    """An aligned table; cells are shown as they are, never as markup.

    Columns named in `numbers` are right-aligned; they and those in `whole` are never folded on a narrow terminal.
    """
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for header in headers:
        is_number = header in numbers
        shown.add_column(
            header, justify="right" if is_number else "left", no_wrap=is_number or header in whole, overflow="fold"
        )
    for row in rows:
        shown.add_row(*map(cell, row))
    return shown


def lines(*items: ConsoleRenderable | str) -> Group:
    """Several things below each other; text is shown as it is, never as markup."""
    return Group(*(cell(item) if isinstance(item, str | Text) else item for item in items))
