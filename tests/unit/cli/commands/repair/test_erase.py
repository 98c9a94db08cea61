"""What `headrace erase` says about landed files that it could not look into."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from rich.console import Console

from headrace.usecases.recovery.erase import Report
from headrace_cli.commands.repair.erase import SHOWN, render


@pytest.mark.parametrize("rows", [0, 1])
def test_what_could_not_be_looked_into_is_said_whatever_was_found(rows: int) -> None:
    report = Report(lake_rows=rows, unread=[f"readings/{number:02}.gz" for number in range(SHOWN + 2)])
    document = {"dataset": "readings", "column": "meter", "dry_run": False, "found": report.found, **asdict(report)}
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render(document))
    assert "no plain text and brought no rows: readings/00.gz" in shown.get()
    assert (f"readings/{SHOWN:02}.gz" in shown.get(), "and 2 more" in shown.get()) == (False, True)
    assert ("nothing was changed" in shown.get()) is (rows == 0)
