"""Runs, requests and answers: what is written of them comes back as it was, and counts add up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.export import Export
from headrace.exports.model.run import (
    CategoryState,
    FileResult,
    Request,
    Run,
    RunStatus,
    Tally,
    UnloadStatus,
    deliveries,
    total,
)
from tests.support.export_fakes import declared

RUN = Run("notes", "2026-01-31", 2, RunStatus.RUNNING, "a", "b")
REQUEST = Request("notes", "2026-01-31", "c", 3, ("a", "b"), ("k",))


def again(kind: Any, value: Any) -> Any:
    return kind.from_json(json.loads(json.dumps(value.to_json())))


@pytest.mark.parametrize(
    "value",
    [
        RUN,
        replace(RUN, status=RunStatus.PARTIAL, category="", account="x", parts=4, nudged=7),
        CategoryState("c"),
        CategoryState("c", UnloadStatus.FAILED, only=("a", "b"), narrowed=True, rows=5),
        REQUEST,
        REQUEST.for_alone("b"),
        declared(),
        declared(order_by=("note",), write_empty=False, channel="#c"),
    ],
)
def test_what_is_written_comes_back_as_it_was(value: Run | CategoryState | Request | Export) -> None:
    found = again(type(value), value)
    assert found == value
    assert hash(found) == hash(value)  # tuples, not the lists that JSON has
    assert all(type(mine) is type(theirs) for mine, theirs in zip(fields(found), fields(value), strict=True))


def fields(value: Any) -> list[Any]:
    return [getattr(value, name) for name in value.__slots__]


def test_a_category_that_an_earlier_version_wrote_has_no_narrowing() -> None:
    written = CategoryState("c").to_json()
    del written["only"]
    assert CategoryState.from_json(written) == CategoryState("c")


def test_a_run_is_named_after_its_attempt_and_may_be_narrowed() -> None:
    assert RUN.name == "notes-2026-01-31-2"
    assert [replace(RUN, category=c, account=a).narrowed for c in (None, "") for a in (None, "")] == [
        False, True, True, True,
    ]  # fmt: skip


def test_a_new_run_and_a_new_category_have_counted_nothing() -> None:
    assert not any((RUN.accounts, RUN.parts, RUN.stray_rows, RUN.answered, RUN.nudged, RUN.statements))
    assert (RUN.usual_seconds, RUN.seconds) == (0.0, 0.0)
    new = CategoryState("c")
    assert not any((new.tries, new.asked, new.unloaded_by, new.rows, new.narrowed))
    assert new.status is UnloadStatus.WAITING


def test_an_account_alone_is_of_the_same_part() -> None:
    alone = REQUEST.for_alone("b")
    assert (alone.accounts, alone.alone, REQUEST.alone) == (("b",), True, False)
    assert (alone.part, alone.files, alone.category) == (3, ("k",), "c")


def test_tallies_are_summed_and_failures_counted_not_named() -> None:
    one, other = Tally(1, 2, 3, 4, 5.5, 6, {"a": "x"}), Tally(10, 20, 30, 40, 50.0, 60, {"b": "y"})
    assert total([one, other]) == Tally(11, 22, 33, 44, 55.5, 66)
    assert total([]) == Tally(0, 0, 0, 0, 0.0, 0)
    one.add(other)
    assert one == Tally(11, 22, 33, 44, 55.5, 66, {"a": "x", "b": "y"})


def test_a_result_is_a_short_list_and_a_message_knows_how_often_it_came() -> None:
    assert FileResult("a", "k", 1, 2, "s").to_list() == ["a", "k", 1, 2, "s"]
    assert deliveries({"attributes": {"ApproximateReceiveCount": "3"}}) == 3
