"""The verdict: bounds that the contract sets, figures of the past, categories that come and go, and how it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.ledger import BACKFILL, LIVE, BatchRecord, BatchStatus
from headrace.domain.statistics.baseline import Figure
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Finding, Measured, Scope, Verdict, anomalous, judge, scope_of
from tests.support.fakes import contract, file

TODAY = 1000


def measured(metric: Metric, value: float, rows: int = 1, column: str = "c", category: str = "") -> Measured:
    return Measured(metric, column, Figure(TODAY, value, rows), category)


def before(metric: Metric, value: float, days: int = 30, rows: int = 1, category: str = "") -> list[Measured]:
    return [Measured(metric, "c", Figure(TODAY - back, value, rows), category) for back in range(1, days + 1)]


def one(check: Check, now: list[Measured], past: list[Measured] | None = None, scope: Scope = Scope.BATCH) -> Finding:
    (finding,) = judge([check], now, past or [], scope)
    return finding


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (9, Verdict.SURPRISING), (10, Verdict.GOOD), (15, Verdict.GOOD), (20, Verdict.GOOD), (21, Verdict.SURPRISING),
    ],
)  # fmt: skip
def test_bounds_of_the_contract_are_inclusive(value: float, verdict: Verdict) -> None:
    check = Check(Metric.MEAN, "c", lowest=10, highest=20)
    found = one(check, [measured(Metric.MEAN, value)])
    assert (found.verdict, found.value, found.low, found.high) == (verdict, value, 10, 20)
    assert one(replace(check, lowest=None), [measured(Metric.MEAN, 9)]).verdict is Verdict.GOOD
    assert one(replace(check, highest=None), [measured(Metric.MEAN, 21)]).verdict is Verdict.GOOD


@pytest.mark.parametrize(("rows", "share"), [(20, 0.25), (1, 5.0), (0, 5.0)])
def test_a_share_is_of_the_rows_and_nothing_else_is(rows: int, share: float) -> None:
    check = Check(Metric.NULL_SHARE, "c", highest=0.1)
    assert one(check, [measured(Metric.NULL_SHARE, 5, rows)]).value == share
    assert one(Check(Metric.MEAN, "c", highest=1), [measured(Metric.MEAN, 5, rows)]).value == 5


def test_what_is_not_measured_is_not_judged_and_what_is_of_another_column_neither() -> None:
    check = Check(Metric.MEAN, "c")
    assert judge([check], [measured(Metric.MEAN, 1, column="d"), measured(Metric.SPREAD, 1)], [], Scope.BATCH) == []
    assert judge([Check(Metric.CATEGORIES, "c")], [], [], Scope.BATCH) == []


def test_without_a_past_it_learns_and_with_one_it_compares() -> None:
    check = Check(Metric.ROW_COUNT, "c")
    assert one(check, [measured(Metric.ROW_COUNT, 9)]).verdict is Verdict.LEARNING
    past = [*before(Metric.ROW_COUNT, 100), *before(Metric.MEAN, 5)]
    for value, verdict in ((100, Verdict.GOOD), (5, Verdict.SURPRISING), (900, Verdict.SURPRISING)):
        found = one(check, [measured(Metric.ROW_COUNT, value), measured(Metric.ROW_COUNT, 1)], past)
        assert (found.verdict, found.value) == (verdict, value)
        assert found.expected == pytest.approx(100)
        assert found.low is not None and found.high is not None  # noqa: PT018 - for mypy
        assert found.low < 100 < found.high


def test_fresher_than_usual_is_no_news_and_staler_is() -> None:
    check, past = Check(Metric.FRESHNESS, "c"), before(Metric.FRESHNESS, 3600)
    fresh, stale = (one(check, [measured(Metric.FRESHNESS, value)], past) for value in (1, 10**6))
    assert (fresh.verdict, fresh.low) == (Verdict.GOOD, None)
    assert (stale.verdict, stale.low is None) == (Verdict.SURPRISING, False)
    short = one(Check(Metric.ROW_COUNT, "c"), [measured(Metric.ROW_COUNT, 1)], before(Metric.ROW_COUNT, 100))
    assert (short.verdict, short.low is None) == (Verdict.SURPRISING, False)


@pytest.mark.parametrize("metric", Metric)
def test_of_a_part_only_what_does_not_depend_on_the_whole_is_judged(metric: Metric) -> None:
    now = [measured(metric, 1)]
    said = not metric.traits.of_whole_batches
    assert bool(judge([Check(metric, "c")], now, [], Scope.PART)) is said
    assert judge([Check(metric, "c", highest=5)], now, [], Scope.PART)
    assert judge([Check(metric, "c")], now, [], Scope.BATCH)
    assert judge([Check(metric, "c")], now, [], Scope.DAY)


def test_a_key_may_come_twice_in_a_batch_but_not_be_in_the_table_twice() -> None:
    check, now = Check(Metric.DUPLICATE_KEYS, "c"), [measured(Metric.DUPLICATE_KEYS, 1)]
    assert one(check, now, scope=Scope.BATCH).verdict is Verdict.LEARNING
    assert one(check, now, scope=Scope.DAY).verdict is Verdict.SURPRISING
    assert one(replace(check, highest=3), now, scope=Scope.DAY).verdict is Verdict.GOOD
    assert one(check, [measured(Metric.DUPLICATE_KEYS, 0)], scope=Scope.DAY).verdict is Verdict.GOOD
    assert one(Check(Metric.ROW_COUNT, "c"), [measured(Metric.ROW_COUNT, 1)], scope=Scope.DAY).high is None


def categories(*names: str, value: float = 400, rows: int = 1000) -> list[Measured]:
    return [measured(Metric.CATEGORIES, value, rows, category=name) for name in names]


def test_categories_that_are_new_or_gone_are_named() -> None:
    check = Check(Metric.CATEGORIES, "c", show_values=True)
    past = [item for name in "ab" for item in before(Metric.CATEGORIES, 400, rows=1000, category=name)]
    same = one(check, categories("a", "b"), past)
    assert (same.verdict, same.value, same.expected, same.remark) == (Verdict.GOOD, 2, 2, "")
    other = one(check, [*categories("a", "n"), *categories("zero", value=0)], past)
    assert (other.verdict, other.value, other.expected) == (Verdict.SURPRISING, 2, 2)
    assert other.sentence == "c: categories: new: n; gone: b"
    assert one(check, categories("a", "n"), past[:13]).verdict is Verdict.LEARNING
    assert one(check, categories("a"), past[:14]).verdict is Verdict.GOOD


def test_a_category_that_is_rare_or_of_which_few_rows_came_is_not_missed() -> None:
    check = Check(Metric.CATEGORIES, "c", show_values=True)
    often = before(Metric.CATEGORIES, 900, rows=1000, category="a")
    rare = before(Metric.CATEGORIES, 1, rows=1000, category="b")[:2]
    assert one(check, categories("a", value=1000), often + rare).verdict is Verdict.GOOD
    half = before(Metric.CATEGORIES, 100, rows=1000, category="b")
    assert one(check, categories("a", value=5, rows=5), often + half).verdict is Verdict.GOOD
    assert one(check, categories("a", value=1000), often + half).remark == "gone: b"


@pytest.mark.parametrize(("number", "said"), [(5, "n0, n1, n2, n3, n4"), (7, "n0, n1, n2, n3, n4 and 2 more")])
def test_of_many_new_ones_five_are_named(number: int, said: str) -> None:
    past = before(Metric.CATEGORIES, 1000, rows=1000, category="a")
    now = categories("a", *(f"n{place}" for place in range(number)))
    assert one(Check(Metric.CATEGORIES, "c", show_values=True), now, past).remark == f"new: {said}"


def test_values_are_counted_where_the_contract_does_not_show_them() -> None:
    past = before(Metric.CATEGORIES, 1000, rows=1000, category="a")
    assert one(Check(Metric.CATEGORIES, "c"), categories("b", "n"), past).remark == "new: 2 values; gone: 1 value"


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        (Metric.NULL_SHARE, 0.12345, "12.3 %"),
        (Metric.FRESHNESS, 5400, "1.5 h"),
        (Metric.ROW_COUNT, 1234.4, "1,234"),
        (Metric.MEAN, 1000, "1,000"),
        (Metric.MEAN, -1000.7, "-1,001"),
        (Metric.MEAN, 999.25, "999.2"),
        (Metric.MEAN, 12, "12"),
        (Metric.SPREAD, 1.23456, "1.235"),
    ],
)
def test_a_figure_is_written_in_its_unit(metric: Metric, value: float, said: str) -> None:
    check = Check(metric, "c")
    found = Finding(check, Verdict.SURPRISING, value, value, value, value)
    assert found.sentence == f"c: {metric} is {said}; usual for the day is {said} (at least {said} and at most {said})"
    assert Finding(check, Verdict.SURPRISING, value, 0, None, value).sentence.endswith(f" (at most {said})")
    nothing = "0.0 h" if metric is Metric.FRESHNESS else "0 %" if metric is Metric.NULL_SHARE else "0"
    assert f"usual for the day is {nothing} (" in Finding(check, Verdict.SURPRISING, value, None, 1.0).sentence


def test_what_the_contract_wants_is_said_so_and_a_remark_stands_for_itself() -> None:
    check = Check(Metric.ROW_COUNT, lowest=5.0)
    found = Finding(check, Verdict.SURPRISING, 3, None, 5.0)
    assert found.sentence == "rowCount is 3; the contract wants at least 5"
    assert replace(found, remark="as it is").sentence == "rowCount: as it is"
    assert anomalous([found, replace(found, verdict=Verdict.GOOD), replace(found, verdict=Verdict.LEARNING)]) == [found]


def test_a_batch_is_as_usual_when_one_of_its_files_is_and_it_came_live() -> None:
    batch = BatchRecord("b", "readings", LIVE, 1, BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z")
    odd = [file(reload=True), file(suspects="h"), file(key=f"readings/replay/{'a' * 24}-{'b' * 16}.csv")]
    assert scope_of(batch, odd, contract()) is Scope.PART
    assert scope_of(batch, [*odd, file()], contract()) is Scope.BATCH
    assert scope_of(replace(batch, lane=BACKFILL), [file()], contract()) is Scope.PART
