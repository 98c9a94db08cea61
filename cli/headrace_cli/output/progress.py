"""Progress for a person, on stderr: a moving line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from headrace_cli.output.console import messages
from headrace_cli.output.formatting import duration


class Progress:
    """One moving line while something lasts, with its time. Nothing is written where there is no terminal."""

    def __init__(self, head: str = "") -> None:
        console = messages()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(escape(head))
        self._head = head
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Show the line from now on."""
        self._bar.start()
        return self

    def stop(self) -> None:
        """Take the line away."""
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._start

    def show(self, text: str) -> None:
        """Replace what the line says."""
        head = f"{self._head}: " if self._head else ""
        self._bar.update(self._task, description=escape(head + text))


class Stages:
    """A piece of work in numbered stages, each with its time and result.

    A pipe gets a line when a stage begins as well, so that a log shows what takes its time. The object itself is the
    callback `(stage, detail)` that work of others reports to: a new name ends one stage and begins the next.
    """

    def __init__(self, total: int) -> None:
        self._console = messages()
        self._total = total
        self._begun = 0
        self._title = ""
        self._result = ""
        self._line: Progress | None = None

    def __call__(self, stage: str, detail: str = "") -> None:
        """Show what is going on in a stage."""
        if self._line is None or stage != self._title:
            self._next(stage)
        if self._line and detail:
            self._line.show(detail)

    def show(self, result: str) -> None:
        """Show how far the stage has come; what is shown last is its result."""
        self._result = result
        self(self._title, result)

    @contextmanager
    def stage(self, title: str) -> Iterator[Self]:
        """One stage that lasts as long as the block, and is named when the block fails."""
        self._next(title)
        with self.until_done():
            yield self

    @contextmanager
    def until_done(self) -> Iterator[Self]:
        """A block in which others report stages; the last one ends with it."""
        try:
            yield self
        except BaseException:
            self._end(failed=True)
            raise
        self._end()

    def _next(self, title: str) -> None:
        self._end()
        self._begun += 1
        self._title, self._result = title, ""
        if not self._console.is_terminal:
            self._say(f"{self._head} …")
        self._line = Progress(self._head).start()

    def _end(self, *, failed: bool = False) -> None:
        if self._line is None:
            return
        line, self._line = self._line, None
        line.stop()
        ending = "failed after " if failed else ""
        result = f", {self._result}" if self._result else ""
        self._say(f"{self._head}: {ending}{duration(line.seconds)}{result}")

    @property
    def _head(self) -> str:
        return f"[{self._begun}/{self._total}] {self._title}"

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)
