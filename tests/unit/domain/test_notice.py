"""What people read: which level a message has, which lines, and where a list ends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult
from headrace.domain.ingest.outcome import Verdict as Outcome
from headrace.domain.ingest.storm import Counted, Group
from headrace.domain.notice import (
    Incident,
    Next,
    Notice,
    arrival_notice,
    batch_notice,
    brief_record_notice,
    failure_notice,
    fresh_notice,
    group_notice,
    hold_notice,
    lateness_notice,
    message_notice,
    recovery_notice,
    stale_notice,
    surprise_notice,
)
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Finding, Verdict
from tests.support.fakes import contract, file

BATCH = BatchRecord("readings-1", "readings", "live", 1, BatchStatus.LOADED, ("1",), "2026-01-01T00:00:00Z")
FINDING = Finding(Check(Metric.ROW_COUNT), Verdict.SURPRISING, 5, expected=10.0)


def loaded(name: str = "a.csv", read: int = 3, **changes: Any) -> FileRecord:
    return file(name, **{"status": FileStatus.LOADED, "rows": RowCounts(read, read)} | changes)


def notice(files: list[FileRecord], results: list[FileResult] | None = None, **changes: Any) -> Notice:
    return batch_notice(BATCH, files, results or [], "#meters", **changes)


def test_a_batch_without_trouble_is_ok_and_says_how_much() -> None:
    told = notice([loaded("a.csv", 1), loaded("b.csv", 2000)])
    wanted = Notice("ok", "readings: 2,001 rows loaded from 2 files", (), "readings", "readings-1", "#meters")
    assert told == replace(wanted, cause="loaded", key="headrace/loaded/readings")
    assert notice([loaded("a.csv", 1)]).title == "readings: 1 row loaded from 1 file"


def test_nothing_loaded_and_rows_that_are_staged_are_said_so() -> None:
    assert notice([file(status=FileStatus.FAILED, reason="why")]).title == "readings: nothing was loaded"
    staged = file(status=FileStatus.STAGED, rows=RowCounts(4, staged=4))
    assert notice([staged]).title == "readings: 4 rows staged from 1 file, until the next merge"


@pytest.mark.parametrize(
    ("given", "level", "line"),
    [
        (loaded(rows=RowCounts(3, 2, quarantined=1)), "warning", "1 row quarantined ()"),
        (loaded(rows=RowCounts(3, 1, 2)), "ok", "2 rows superseded by newer ones"),
        (
            loaded(rows=RowCounts(3, 2), reason="they do not balance"),
            "error",
            "out of balance: readings/a.csv: they do",
        ),
        (loaded(reason="it stays as it was"), "error", "not loaded again: readings/a.csv: it stays as it was"),
        (file(status=FileStatus.FAILED, reason="no header"), "error", "failed: readings/a.csv: no header"),
        (file(status=FileStatus.DUPLICATE, reason="as b.csv"), "ok", "duplicate: readings/a.csv: as b.csv"),
    ],
)
def test_each_trouble_has_its_line_and_its_level(given: FileRecord, level: str, line: str) -> None:
    told = notice([given])
    assert told.level == level
    assert len(told.lines) == 1
    assert told.lines[0].startswith(line)


def test_quarantined_rows_are_told_with_the_five_rules_that_most_of_them_broke() -> None:
    broken = {f"c{number}: pattern": 1000 * number for number in range(1, 7)}
    results = [
        FileResult("1", Outcome.GOOD, broken=broken),
        FileResult("2", Outcome.GOOD, broken={"c1: pattern": 5500}),
    ]
    results.append(FileResult("3", Outcome.FAILED, broken={"of a failed file": 10**6}))
    (line,) = notice([loaded(rows=RowCounts(1200, quarantined=1200))], results).lines
    rules = "c1: pattern x6,500, c6: pattern x6,000, c5: pattern x5,000, c4: pattern x4,000, c3: pattern x3,000"
    assert line == f"1,200 rows quarantined ({rules})"


@pytest.mark.parametrize(("number", "rest"), [(1, ""), (5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_of_columns_that_the_contract_does_not_know_five_are_named(number: int, rest: str) -> None:
    columns = [{"name": f"c{place}", "type": "text"} for place in range(number)]
    results = [FileResult(name, Outcome.GOOD, detected={"drift": {"columns": columns}}) for name in "12"]
    told = notice([loaded()], [*results, FileResult("3", Outcome.GOOD)])
    named = ", ".join(f"c{place} (text)" for place in range(min(number, 5)))
    assert told.level == "warning"
    assert told.lines[0].startswith(f"drift in 2 files: the contract does not know {named}{rest}: kept in ")


@pytest.mark.parametrize(
    ("columns", "said"), [(0, "5 fields: kept"), (2, "c0 (text), c1 (text) and 5 more: kept"), (6, " and 6 more: kept")]
)
def test_fields_that_were_not_named_are_counted_among_the_others(columns: int, said: str) -> None:
    named = [{"name": f"c{place}", "type": "text"} for place in range(columns)]
    results = [
        FileResult("1", Outcome.GOOD, detected={"drift": {"columns": named, "others": 3}}),
        FileResult("2", Outcome.GOOD, detected={"drift": {"columns": named, "others": 2}}),
    ]
    assert said in notice([loaded()], results).lines[0]


def test_a_drift_without_columns_is_none() -> None:
    told = notice([loaded()], [FileResult("1", Outcome.GOOD, detected={"drift": {"columns": []}})])
    assert (told.level, told.lines) == ("ok", ())


@pytest.mark.parametrize(("number", "rest"), [(5, []), (6, ["and 1 more such files"]), (8, ["and 3 more such files"])])
def test_files_that_have_fewer_rows_than_before_are_told(number: int, rest: list[str]) -> None:
    before, now = loaded(read=2000), loaded(rows=RowCounts(1, 0, 1))
    told = notice([now], corrected=[(now, before)] * number)
    line = "readings/a.csv has 1 row now, its previous version had 2,000"
    assert told.level == "warning"
    assert list(told.lines[1:]) == [line] * 5 + rest
    assert notice([now], corrected=[(before, before), (before, now)]).level == "ok"


@pytest.mark.parametrize(("number", "rest"), [(5, []), (6, ["and 1 more such copies"])])
def test_copies_of_what_was_replaced_are_told(number: int, rest: list[str]) -> None:
    told = notice([loaded()], bereft=[file(status=FileStatus.DUPLICATE)] * number)
    assert told.level == "warning"
    assert "`headrace reload readings/a.csv --force`" in told.lines[0]
    assert [*told.lines[5:]] == rest


@pytest.mark.parametrize(("number", "rest"), [(5, []), (6, ["and 1 more failed"]), (12, ["and 7 more failed"])])
def test_of_files_five_are_listed(number: int, rest: list[str]) -> None:
    told = notice([file(f"{place}.csv", status=FileStatus.FAILED, reason="r") for place in range(number)])
    assert list(told.lines) == [f"failed: readings/{place}.csv: r" for place in range(5)] + rest


def test_an_object_that_is_not_loaded_is_told_when_it_comes() -> None:
    group = Group("2026-01-31T23", "empty", "readings", channel="#m", since="2026-01-31T22:00Z")
    told = arrival_notice(file(reason="the file is empty"), group)
    listing = "`headrace status readings --failed --since 2026-01-31T22:00Z` lists them now."
    others = f"Others like it are reported together after 00:00 UTC; {listing}"
    assert told == Notice(
        "error",
        "readings: readings/a.csv is not loaded",
        ("the file is empty", others),
        "readings",
        channel="#m",
        cause="file-not-loaded",
        key="headrace/file-not-loaded/readings",
    )
    lost = arrival_notice(file(dataset="", reason="no contract"), replace(group, dataset=""))
    assert (lost.level, lost.title) == ("warning", "Unroutable: readings/a.csv is not loaded")
    assert "`headrace status --failed --since" in lost.lines[1]


@pytest.mark.parametrize(
    ("folder", "more", "title"),
    [
        ("stray/", False, "Unroutable: 1 more object in stray/ not loaded since 23:00 UTC"),
        ("/", False, "Unroutable: 1 more object not loaded since 23:00 UTC"),
        ("*", True, "Unroutable: more than 1 more object not loaded since 23:00 UTC"),
    ],
)
def test_the_others_of_a_group_are_a_number_and_examples(folder: str, more: bool, title: str) -> None:
    group = Group("2026-01-31T23", "no dataset", folder=folder, since="2026-01-31T23:00Z")
    told = group_notice(group, Counted(1, ("stray/x",), more=more))
    assert (told.level, told.title) == ("warning", title)
    assert told.lines == (
        "No contract has a prefix of their keys.",
        "for example stray/x",
        "`headrace status --failed --since 2026-01-31T23:00Z` lists them.",
    )


@pytest.mark.parametrize("then", Next)
def test_a_failed_batch_says_what_happens_next(then: Next) -> None:
    told = failure_notice(BATCH, "disk full", "#m", then)
    levels = {Next.AGAIN: "warning", Next.SPLIT: "warning", Next.KEPT: "critical", Next.STUCK: "critical"}
    assert told.level == levels.get(then, "error")
    assert (told.incident is not None) is (then not in {Next.AGAIN, Next.SPLIT})
    assert told.key.endswith("/readings/readings-1" if then is Next.HELD else "/readings/live")
    assert (told.title, told.dataset, told.batch) == (
        "readings: batch readings-1 did not load", "readings", "readings-1",
    )  # fmt: skip
    assert told.lines[0] == "disk full"
    assert told.lines[-1] == then.replace("{batch}", "readings-1")


def test_a_batch_that_could_be_recorded_only_in_short_is_an_error() -> None:
    told = brief_record_notice(BATCH, "throttled", "#m")
    assert (told.level, told.batch, told.channel, told.lines[0]) == ("error", "readings-1", "#m", "throttled")
    assert "`headrace unblock readings-1`" in told.lines[1]


@pytest.mark.parametrize(
    ("wait", "last"), [(True, "Later batches wait for the decision."), (False, "Later batches go on.")]
)
def test_a_held_batch_says_what_to_type_and_whether_others_wait(wait: bool, last: str) -> None:
    told = hold_notice(BATCH, [FINDING], "#m", wait=wait)
    assert told.level == "error"
    assert told.lines[0] == FINDING.sentence
    assert "`headrace release readings-1`" in told.lines[1]
    assert told.lines[-1] == last


def test_a_surprise_a_lateness_and_its_end() -> None:
    wanted = Notice("warning", "readings: the figures of it are unusual", (FINDING.sentence,), "readings", "", "#m")
    wanted = replace(wanted, cause="figures-unusual", key="headrace/figures-unusual/readings")
    assert surprise_notice("readings", "it", [FINDING], "#m") == wanted
    promise = contract(freshness_seconds=60, channel="#m")
    late, over = lateness_notice(promise, file()), recovery_notice(promise, "2026-01-31")
    assert (late.level, late.title, late.channel) == ("critical", "readings: data is late", "#m")
    assert "is pending; the promise is 60 s" in late.lines[0]
    key = "headrace/promise-broken/readings"
    assert late.incident == Incident(key, "trigger", "readings")
    assert over == Notice(
        "ok",
        "readings: nothing is late any more",
        ("Nothing has been late since 2026-01-31.",),
        "readings",
        channel="#m",
        incident=Incident(key, "resolve", "readings"),
        cause="promise-broken",
        key=key,
    )
    assert (late.over, over.over) == (False, True)


INCIDENT = {"key": "k", "action": "trigger", "source": "s"}


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("no json", Notice("warning", "no json")),
        ("[1]", Notice("warning", "[1]")),
        ('{"a": 1}', Notice("warning", '{"a": 1}')),
        ('{"title": "t"}', Notice("warning", '{"title": "t"}')),
        (
            {"AlarmName": "a", "NewStateValue": "OK"},
            Notice("ok", "a is OK", ("",), cause="alarm", key="headrace/alarm/a"),
        ),
        (
            {"AlarmName": "a", "NewStateValue": "ALARM", "AlarmDescription": "d"},
            Notice("error", "a is ALARM", ("d",), cause="alarm", key="headrace/alarm/a"),
        ),
        ({"title": "t", "lines": None, "level": "ok"}, Notice("ok", "t")),
        ({"title": "t", "lines": "one", "level": "?"}, Notice("warning", "t", ("one",))),
        ({"title": 1, "lines": [1, 2], "level": "error", "dataset": "d"}, Notice("error", "1", ("1", "2"), "d")),
        ({"title": "t", "lines": [], "batch": "b", "channel": "c"}, Notice("warning", "t", (), "", "b", "c")),
        (
            {"title": "t", "lines": [], "incident": INCIDENT | {"more": 1}},
            Notice("warning", "t", incident=Incident("k", "trigger", "s")),
        ),
        ({"title": "t", "lines": [], "incident": {"key": "k", "action": 5, "source": "s"}}, Notice("warning", "t")),
        ({"title": "t", "lines": [], "incident": "k"}, Notice("warning", "t")),
        (
            {"title": "t", "lines": [], "cause": "load-failed", "key": "k"},
            Notice("warning", "t", cause="load-failed", key="k"),
        ),
        ({"title": "t", "lines": [], "cause": "another", "key": None}, Notice("warning", "t")),
        ({"title": "t", "lines": [], "cause": ["load-failed"], "level": "critical"}, Notice("critical", "t")),
    ],
)
def test_whatever_is_published_becomes_a_notice(message: Any, wanted: Notice) -> None:
    assert message_notice(message if isinstance(message, str) else json.dumps(message)) == wanted


def test_a_notice_comes_back_as_it_was() -> None:
    told = replace(notice([loaded()]), incident=Incident("k", "resolve", "s"), lines=("a", "b"))
    assert message_notice(json.dumps(told.to_json())) == told


def test_a_view_that_is_stale_and_refreshed_again() -> None:
    stale, fresh = stale_notice(contract(channel="#m"), "public.v", "why"), fresh_notice(contract(), "public.v", "then")
    assert (stale.level, stale.title, stale.channel) == (
        "warning",
        "readings: the materialized view public.v is stale",
        "#m",
    )
    assert stale.lines[0] == "why"
    assert (fresh.level, fresh.title, fresh.lines) == (
        "ok", "readings: public.v is refreshed again", ("It had not been since then.",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "asks"), [(Metric.CATEGORIES, "SELECT category, MIN(day)"), (Metric.MEAN, "SELECT point, figure")]
)
def test_where_values_stay_in_the_warehouse_it_is_said_how_to_see_them(metric: Metric, asks: str) -> None:
    finding = Finding(Check(metric, "meter"), Verdict.SURPRISING, 5, remark="2 values are new")
    lines = " ".join(hold_notice(BATCH, [finding], "#meters", wait=False).lines)
    assert asks in lines
    assert "dataset = 'readings'" in lines
    shown = replace(finding, check=replace(finding.check, show_values=True))
    assert asks not in " ".join(hold_notice(BATCH, [shown], "#meters", wait=False).lines)
