"""The end of a run: complete or not, the manifest, the event, and what people are told of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain.clock import written
from headrace.exports.model.run import Answer, CategoryState, FileResult, Request, Run, RunStatus, Tally, UnloadStatus
from headrace.exports.steps.finish import close, finish, manifest_lines, measures, notice_of, unknown
from tests.support.export_fakes import MemoryExportServices, declared

DATE = "2026-01-31"
RUN = Run(
    "notes",
    DATE,
    1,
    RunStatus.RUNNING,
    "2026-02-01T00:00:00Z",
    "2026-02-01T00:00:00Z",
    accounts=2,
    parts=1,
    statements=5,
)
ONE = CategoryState("c", UnloadStatus.UNLOADED, unloaded_by=1, rows=7)
GOOD = Tally(2, 0, 7, 900, 3.0, 1)
BAD = Tally(1, 1, 4, 500, 3.0, 1, {"b": "too long"})


def run_of(minutes: float = 10, **changes: Any) -> Run:
    at = written(datetime.now(UTC) - timedelta(minutes=minutes))
    return replace(RUN, **{"started_at": at, "attempt_at": at} | changes)


def ended(
    run: Run, tally: Tally = GOOD, *states: CategoryState, given: MemoryExportServices | None = None
) -> dict[str, Any]:
    services = given or MemoryExportServices({})
    return finish(run, declared(channel="#e"), list(states or (ONE,)), {"c": tally}, services)


def test_a_complete_run_is_told_with_its_event_and_manifest() -> None:
    services = MemoryExportServices({})
    for account, key in (("a", "notes/a.csv"), ("b", "")):
        request = Request("notes", DATE, "c", 0, (account,), ())
        services.exports.record(Answer(request, (FileResult(account, key, 3, 450, "s"),)))
    running = run_of()
    services.exports.open_run(running, None)
    over = ended(running, given=services)
    assert (over["over"], over["tell"], over["status"]) == (True, True, RunStatus.COMPLETE)
    assert over["seconds"] == pytest.approx(600, abs=5)
    assert over["detail_type"] == "ExportCompleted"
    event = over["event"]
    digest = event.pop("manifest_sha256")
    assert len(digest) == 64
    assert event == {
        "run": f"notes-{DATE}-1", "export": "notes", "date": DATE, "bucket": "exports",
        "manifest": f"notes/{DATE}/manifest.json", "files": 2, "failed": 0, "rows": 7, "bytes": 900,
        "seconds": over["seconds"],
    }  # fmt: skip
    manifest = json.loads(services.bucket.objects[f"notes/{DATE}/manifest.json"])
    assert manifest["files"] == [
        {"category": "c", "account": "a", "key": "notes/a.csv", "rows": 3, "bytes": 450, "sha256": "s"}
    ]
    files = manifest.pop("files")
    assert manifest == {
        "export": "notes", "date": DATE, "complete": True, "version": "1.0.0", "bucket": "exports", "done": 2,
        "failed": 0, "rows": 7, "bytes": 900, "failures": [],
    }  # fmt: skip
    assert len(files) == 1
    written_run = Run.from_json(over["run"])
    assert (written_run.status, written_run.seconds) == (RunStatus.COMPLETE, over["seconds"])
    assert services.exports.find_run("notes", DATE) == running
    assert close(over["run"], services) == written_run
    assert services.exports.runs("notes", 9) == [written_run]


@pytest.mark.parametrize(
    ("changes", "tally", "state", "status"),
    [
        ({}, GOOD, ONE, RunStatus.COMPLETE),
        ({"category": "c"}, GOOD, ONE, RunStatus.COMPLETE),
        ({}, BAD, ONE, RunStatus.INCOMPLETE),
        ({"account": "b"}, BAD, ONE, RunStatus.INCOMPLETE),
        ({}, replace(GOOD, done=1), ONE, RunStatus.INCOMPLETE),
        ({"account": "a"}, replace(GOOD, done=1), ONE, RunStatus.PARTIAL),
        ({"account": "a"}, replace(GOOD, done=1), replace(ONE, status=UnloadStatus.FAILED), RunStatus.INCOMPLETE),
        ({}, replace(GOOD, rows=6), ONE, RunStatus.INCOMPLETE),
        ({}, replace(GOOD, rows=6), replace(ONE, unloaded_by=2), RunStatus.COMPLETE),
        ({}, replace(GOOD, rows=6), replace(ONE, only=("a",)), RunStatus.COMPLETE),
        ({}, replace(GOOD, failed=1), ONE, RunStatus.INCOMPLETE),
    ],
)  # fmt: skip
def test_complete_is_the_whole_day(
    changes: dict[str, Any], tally: Tally, state: CategoryState, status: RunStatus
) -> None:
    over = ended(run_of(**changes), tally, state)
    assert over["status"] is status
    assert over["tell"] is (status is not RunStatus.PARTIAL)
    assert ("notice" in over) is (status is not RunStatus.PARTIAL)
    if status is RunStatus.INCOMPLETE:
        assert over["detail_type"] == "ExportIncomplete"


def test_what_is_usual_is_the_middle_of_the_last_complete_first_attempts() -> None:
    services = MemoryExportServices({})
    for day, seconds in enumerate((100, 200, 900, 300, 250, 240, 230, 10, 20), start=1):
        past = replace(RUN, date=f"2026-01-{30 - day:02}", status=RunStatus.COMPLETE, seconds=float(seconds))
        past = replace(past, attempt=2) if seconds == 900 else past
        past = replace(past, status=RunStatus.INCOMPLETE) if seconds == 300 else past
        services.exports.open_run(past, None)
    assert ended(run_of(), given=services)["run"]["usual_seconds"] == 215.0
    services.exports._runs["notes", DATE] = replace(run_of(), status=RunStatus.COMPLETE, seconds=9999.0)
    assert ended(run_of(), given=services)["run"]["usual_seconds"] == 230.0
    assert ended(run_of(attempt=2), given=services)["run"]["usual_seconds"] == 0.0
    assert ended(run_of())["run"]["usual_seconds"] == 0.0


@pytest.mark.parametrize(
    ("status", "usual", "found"),
    [
        (RunStatus.PARTIAL, 10.0, {}),
        (RunStatus.COMPLETE, 0.0, {"ExportSeconds": 25.0, "ExportIncomplete": 0.0, "ExportCompleted": 1.0}),
        (
            RunStatus.INCOMPLETE, 10.0,
            {"ExportSeconds": 25.0, "ExportIncomplete": 1.0, "ExportCompleted": 0.0, "ExportSlowness": 250.0},
        ),
    ],
)  # fmt: skip
def test_a_run_as_metrics(status: RunStatus, usual: float, found: dict[str, float]) -> None:
    assert measures(replace(RUN, status=status, seconds=25.0, usual_seconds=usual)) == found


@pytest.mark.parametrize("there", ["first", "second", "neither"])
def test_of_two_answers_that_differ_the_one_counts_that_says_what_the_bucket_has(there: str) -> None:
    services = MemoryExportServices({})
    key = f"notes/{DATE}/c/a.csv"
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("first", "second")}
    services.bucket.put(key, there.encode(), b"")
    for number, name in enumerate(sums):
        request = Request("notes", DATE, "c", number, ("a",), ())
        services.exports.record(Answer(request, (FileResult("a", key, number + 1, 9, sums[name]),)))
    manifest = "".join(manifest_lines(RUN, declared(), ["c"], {"c": GOOD}, services))
    (file,) = json.loads(manifest)["files"]
    assert file["sha256"] == sums["second" if there == "second" else "first"]


def test_an_attempt_for_what_is_not_there_ends_without_a_word() -> None:
    over = unknown(RUN, "no such account")
    assert (over["over"], over["tell"]) == (True, False)
    run = Run.from_json(over["run"])
    assert (run.status, run.reason) == (RunStatus.PARTIAL, "no such account")
    assert run.ended_at


DONE = replace(RUN, status=RunStatus.COMPLETE, seconds=1234.0)


def test_people_read_how_much_was_exported() -> None:
    told = notice_of(
        DONE, declared(channel="#e"), [ONE, replace(ONE, category="d")], {"c": GOOD, "d": replace(GOOD, rows=2000)}
    )
    assert (told.level, told.title) == ("ok", f"notes of {DATE}: 4 files exported")
    assert told.lines[0] == "2,007 rows, 1,800 bytes, 1,234 s, 5 statements"
    assert (told.channel, told.dataset, told.batch) == ("#e", "notes", DONE.name)
    stray = notice_of(replace(DONE, stray_rows=1000), declared(), [ONE], {"c": GOOD})
    assert (stray.level, stray.lines[1:]) == ("warning", ("1,000 rows without a category are in no file",))


@pytest.mark.parametrize(("number", "rest"), [(5, []), (6, ["and 1 more failed"]), (2005, ["and 2,000 more failed"])])
def test_people_read_what_failed_and_what_to_type(number: int, rest: list[str]) -> None:
    run = replace(DONE, status=RunStatus.INCOMPLETE, accounts=3000)
    failures = {f"{place:04}": "too long" for place in range(number)}
    broken = [replace(ONE, category=f"x{place}", status=UnloadStatus.FAILED, reason="denied") for place in range(7)]
    tally = Tally(3000 - number, number, 1, 2, 3.0, 4, failures)
    told = notice_of(run, declared(), [ONE, *broken], {"c": tally})
    assert (told.level, told.title) == ("error", f"notes of {DATE}: only {3000 - number:,} of 24,000 files exported")
    assert list(told.lines[1:]) == [
        *(f"x{place}: denied" for place in range(5)), *(f"c / {place:04}: too long" for place in range(5)), *rest,
        f"`headrace export retry notes --date {DATE}` exports what is missing",
    ]  # fmt: skip


def test_files_with_other_rows_than_the_unload_are_told() -> None:
    run = replace(DONE, status=RunStatus.INCOMPLETE)
    other = replace(GOOD, rows=2000)
    states = [replace(ONE, category=f"c{place}") for place in range(6)]
    told = notice_of(run, declared(), [*states, replace(ONE, category="half")], {
        **{state.category: other for state in states}, "half": replace(other, done=1),
    })  # fmt: skip
    assert list(told.lines[1:-1]) == [f"c{place}: the files have 2,000 rows, UNLOAD had 7" for place in range(5)]
