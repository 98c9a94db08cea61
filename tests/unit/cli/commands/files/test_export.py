"""What `headrace export` shows, compares and refuses."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from rich.console import Console

from headrace.exports.model.run import CategoryState, Run, RunStatus, Tally
from headrace_cli.exports.run import NAMED_FAILURES, Ask, checked_date, last_date, standing, today
from headrace_cli.exports.verify import _against_bucket, _against_warehouse
from headrace_cli.exports.view import bar, pace, render, render_check
from headrace_cli.main import run
from headrace_cli.output.failures import CommandError

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

DOCUMENT: dict[str, Any] = {
    "export": "statements", "date": "2026-01-31", "attempt": 1, "status": "running", "expected": 20, "done": 9,
    "failed": 1, "rows": 1234, "bytes": 5000, "statements": 22, "stray_rows": 3, "seconds": 4.0, "reason": None,
    "files_per_second": 2.2, "seconds_left": 4.5,
    "failures": [{"category": "fees", "account": "a/b", "reason": "row 1 has …"}],
    "categories": [
        {"category": "fees", "unload": "unloaded", "expected": 10, "done": 9, "failed": 1, "rows": 1234,
         "bytes": 5000, "reason": None},
        {"category": "[b]tax", "unload": "unloading", "expected": 10, "done": 0, "failed": 0, "rows": 0, "bytes": 0,
         "reason": None},
    ],
}  # fmt: skip
AT = "2026-01-31T05:00:00Z"
LISTED = {
    "files": [
        {"category": "fees", "account": "a", "key": "s/d/fees/a.csv", "rows": 2, "bytes": 20},
        {"category": "fees", "account": "b", "key": "s/d/fees/b.csv", "rows": 0, "bytes": 5},
    ]
}


def shown(what: Any) -> str:
    console = Console(width=150)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def test_a_run_has_a_bar_for_each_category_and_says_what_failed() -> None:
    said = shown(render(DOCUMENT))
    assert "9 of 20 files" in said
    assert "4.5 s to go" in said
    assert "fees / a/b: row 1 has …" in said
    assert "[b]tax" in said
    assert "UNLOAD runs" in said
    assert "3 rows have no category" in said
    assert "headrace export retry statements --date 2026-01-31" in said


def test_of_failures_without_number_some_are_named_and_all_are_counted() -> None:
    failures = {f"account-{number:05}": "no" for number in range(NAMED_FAILURES + 5)}
    tally = Tally(failed=len(failures), answers=len(failures), failures=failures)
    run_of_it = Run("statements", "2026-01-31", 1, RunStatus.RUNNING, AT, AT, accounts=len(failures))
    ledger = SimpleNamespace(
        find_run=lambda *_: run_of_it, tallies=lambda *_: {"fees": tally}, categories=lambda *_: [CategoryState("fees")]
    )
    document = standing(cast("Target", SimpleNamespace(export_runs=ledger)), "statements", "2026-01-31")
    assert (document["failed"], len(document["failures"])) == (NAMED_FAILURES + 5, NAMED_FAILURES)
    assert f"and {NAMED_FAILURES - 5:,} more" in shown(render(document))


def test_the_pace_is_a_line() -> None:
    assert pace(DOCUMENT) == "9 of 20 files, 1 failed (2.2 a second, 4.5 s to go)"


@pytest.mark.parametrize(
    ("done", "failed", "expected", "drawn"),
    [(0, 0, 10, 0), (10, 0, 10, 24), (9, 1, 10, 24), (5, 0, 10, 12), (0, 1, 1000, 1), (0, 0, 0, 0)],
)
def test_a_bar_is_as_long_as_what_is_answered(done: int, failed: int, expected: int, drawn: int) -> None:
    made = bar(done, failed, expected)
    assert len(made.plain) == 24
    assert made.plain.count("━") == drawn


def test_the_bucket_is_what_the_manifest_says() -> None:
    sizes = {"s/d/fees/a.csv": 20, "s/d/fees/b.csv": 5, "s/d/manifest.json": 99}
    assert list(_against_bucket(LISTED, dict(sizes), "s/d/manifest.json")) == []
    changed = {"s/d/fees/a.csv": 21, "s/d/fees/c.csv": 5}
    said = [item["what"] for item in _against_bucket(LISTED, changed, "s/d/manifest.json")]
    assert said == [
        "s/d/fees/a.csv has 21 bytes, 20 by the manifest",
        "s/d/fees/b.csv is missing",
        "s/d/fees/c.csv is not in the manifest",
    ]


def test_the_warehouse_has_the_rows_of_the_files() -> None:
    assert list(_against_warehouse(LISTED, [["fees", "a", 2]])) == []
    counted: list[list[Any]] = [["fees", "a", 3], ["tax", "a", 1], [None, "a", 4], ["fees", None, 1]]
    said = [item["what"] for item in _against_warehouse(LISTED, counted)]
    assert said == [
        "5 rows have no category or no account, and are in no file",
        "s/d/fees/a.csv has 2 rows, the warehouse 3 now",
        "1 rows of tax / a are in no file",
    ]


def test_a_check_without_a_difference_says_how_it_looked() -> None:
    document = {"export": "statements", "date": "2026-01-31"} | {
        "differences": [],
        "files": 2,
        "rows": 3,
        "bytes": 25,
        "digests_computed": False,
        "complete": False,
    }
    said = shown(render_check(document))
    assert "No difference. 2 files" in said
    assert "--deep" in said
    assert "incomplete" in said


def test_late_rows_of_a_complete_day_are_exported_again() -> None:
    found = {"export": "statements", "date": "2026-01-31", "complete": True, "digests_computed": False}
    found |= {
        "files": 1,
        "rows": 1,
        "bytes": 1,
        "differences": [{"where": "warehouse", "what": "1 rows are in no file"}],
    }
    assert "headrace export run statements --date 2026-01-31 --again" in shown(render_check(found))
    assert "--again" not in shown(render_check(found | {"differences": []}))
    assert "--again" not in shown(render_check(found | {"complete": False}))


def stack_in(zone: str) -> Target:
    return cast("Target", SimpleNamespace(output=lambda _: zone))


def test_a_date_is_a_date() -> None:
    assert checked_date(stack_in("UTC"), None) == today(stack_in("UTC"))
    assert checked_date(stack_in("UTC"), "2026-01-31") == "2026-01-31"
    with pytest.raises(CommandError, match="write it as"):
        checked_date(stack_in("UTC"), "31.01.2026")


def test_today_is_that_of_the_stack() -> None:
    assert today(stack_in("Pacific/Kiritimati")) > today(stack_in("Pacific/Pago_Pago"))


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("2026-01-31", ["2026-02-02"], "2026-01-31"),
        (None, ["2026-02-02"], "2026-02-02"),
        (None, [], today(stack_in("UTC"))),
    ],
)
def test_without_a_date_the_last_run_is_meant(given: str | None, known: list[str], meant: str) -> None:
    runs = SimpleNamespace(runs=lambda _export, limit: [SimpleNamespace(date=date) for date in known][:limit])
    target = cast("Target", SimpleNamespace(export_runs=runs, output=lambda _: "UTC"))
    assert last_date(target, "statements", given) == meant


def test_only_what_was_given_is_asked_for() -> None:
    assert Ask("statements", "2026-01-31", account="a").event() == {
        "export": "statements",
        "date": "2026-01-31",
        "account": "a",
    }


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "status", "retry", "verify"):
        assert run(["export", command, "--help"]) == 0
        assert f"headrace export {command} statements" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_date_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "status", "--date", "yesterday", "--endpoint-url", "x", "--json"]) == 2
    assert "error" in json.loads(capsys.readouterr().out)
