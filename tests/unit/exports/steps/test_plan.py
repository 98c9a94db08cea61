"""The plan of a day: what the warehouse has, what is kept of it, and the requests that follow from an UNLOAD."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain import export as domain
from headrace.domain.export import part_of
from headrace.errors import TerminalError
from headrace.exports.model.run import Answer, CategoryState, FileResult, Request, Run, RunStatus, UnloadStatus
from headrace.exports.steps import plan as module
from headrace.exports.steps.plan import (
    NothingToExportError,
    TooManyError,
    accounts_of,
    gone,
    narrowed,
    plan,
    requests,
    scope,
    waiting_for,
)
from tests.support.export_fakes import MemoryExportServices, declared

DATE = "2026-01-31"
RUN = Run("notes", DATE, 1, RunStatus.RUNNING, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z")
UNLOADED = CategoryState("c", UnloadStatus.UNLOADED, folder="f/", rows=7)


def services_with(categories: list[list[Any]], accounts: list[Any]) -> MemoryExportServices:
    """Services whose warehouse answers so."""
    services = MemoryExportServices({})
    answers: dict[bool, list[list[Any]]] = {True: categories, False: [[account] for account in accounts]}
    services.unloader.query = lambda sql: answers["SUM(n)" in sql]  # type: ignore[method-assign]
    services.exports.open_run(RUN, None)
    return services


def opened(services: MemoryExportServices) -> Run:
    run = services.exports.find_run("notes", DATE)
    assert run is not None
    return run


# -- what the warehouse has ----------------------------------------------------------------------------------------


def test_a_day_is_its_categories_and_accounts_as_the_warehouse_has_them() -> None:
    services = services_with([["c1", 3], ["c2", "4"], [None, 5]], ["b", "a", None])
    planned = plan(opened(services), declared(), services)
    assert (planned.accounts, planned.parts, planned.stray_rows, planned.statements) == (2, 1, 5, 2)
    assert accounts_of(planned, services) == ["a", "b"]
    states = services.exports.categories("notes", DATE)
    assert [(state.category, state.rows, state.status) for state in states] == [
        ("c1", 3, UnloadStatus.WAITING), ("c2", 4, UnloadStatus.WAITING),
    ]  # fmt: skip
    assert opened(services) == planned


def test_a_day_without_anything_has_a_plan_too() -> None:
    services = services_with([], [])
    planned = plan(opened(services), declared(), services)
    assert (planned.accounts, planned.parts, planned.stray_rows) == (0, 1, 0)
    assert accounts_of(planned, services) == []


@pytest.mark.parametrize(("accounts", "rows", "parts"), [(7, 10, 3), (2, 41, 5), (2, 40, 4)])
def test_parts_follow_the_accounts_or_the_rows_of_the_largest_category(
    accounts: int, rows: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "ACCOUNTS_PER_PART", 3)
    monkeypatch.setattr(domain, "ROWS_PER_PART", 10)
    services = services_with([["c1", 1], ["c2", rows]], [f"a{number}" for number in range(accounts)])
    assert plan(opened(services), declared(), services).parts == parts


def test_planned_again_a_day_keeps_its_parts_its_categories_and_the_accounts_that_have_files() -> None:
    """What was unloaded is cut by these parts, and the files that are there stay."""
    services = services_with([["c1", 3], ["c2", 4]], ["a", "b"])
    first = plan(opened(services), declared(), services)
    first = services.exports.change_run(replace(first, parts=9))
    (one, _) = services.exports.categories("notes", DATE)
    services.exports.change_category(first, replace(one, status=UnloadStatus.FAILED))
    request = Request("notes", DATE, "c1", 0, ("gone",), ())
    services.exports.record(Answer(request, (FileResult("gone", "k", 1, 2, "s"),)))
    later = services_with([["c1", 30], ["c3", 1]], ["b", "c"])
    services.unloader = later.unloader
    second = plan(first, declared(), services)
    assert (second.parts, second.accounts, second.statements) == (9, 3, 4)
    assert accounts_of(second, services) == ["b", "c", "gone"]
    assert accounts_of(first, services) == ["a", "b"], "a late function reads its own"
    assert [(state.category, state.rows, state.status) for state in services.exports.categories("notes", DATE)] == [
        ("c1", 3, UnloadStatus.FAILED), ("c2", 4, UnloadStatus.WAITING), ("c3", 1, UnloadStatus.WAITING),
    ]  # fmt: skip


def test_files_of_a_day_that_was_never_planned_do_not_count() -> None:
    services = services_with([["c1", 3]], ["a"])
    request = Request("notes", DATE, "c1", 0, ("gone",), ())
    services.exports.record(Answer(request, (FileResult("gone", "k", 1, 2, "s"),)))
    assert plan(opened(services), declared(), services).accounts == 1


def test_a_plan_of_an_earlier_version_is_found_and_one_that_expired_is_none() -> None:
    services = services_with([], [])
    assert accounts_of(RUN, services) is None
    services.lake.write_json(f"exports/notes/{DATE}/accounts.json", ["a"])
    assert accounts_of(RUN, services) == ["a"]


@pytest.mark.parametrize(("what", "number"), [("ACCOUNTS", 3), ("CATEGORIES", 2)])
def test_there_are_as_many_as_a_run_can_have_and_no_more(
    what: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_with([["c1", 1], ["c2", 1]], ["a", "b", "c"])
    monkeypatch.setattr(module, f"MOST_{what}", number)
    assert plan(opened(services), declared(), services).accounts == 3
    monkeypatch.setattr(module, f"MOST_{what}", number - 1)
    sentence = f"notes of {DATE} has {number} {what.lower()}: no more than {number - 1} are exported"
    with pytest.raises(TooManyError, match=sentence):
        plan(opened(services), declared(), services)


# -- a part of the day ---------------------------------------------------------------------------------------------


def test_an_attempt_is_about_everything_or_about_what_it_was_narrowed_to() -> None:
    states = [CategoryState("c1"), CategoryState("c2")]
    assert narrowed(RUN, ["a", "b"]) == ["a", "b"]
    assert narrowed(replace(RUN, account="b"), ["a", "b"]) == ["b"]
    assert scope(RUN, states) == states
    assert scope(replace(RUN, category="c2"), states) == states[1:]
    assert scope(RUN, []) == []


def test_what_the_day_does_not_have_is_said_shortly() -> None:
    states = [CategoryState(f"c{number:02}") for number in range(30)]
    with pytest.raises(NothingToExportError, match=f"no account 'x' for notes of {DATE}"):
        narrowed(replace(RUN, account="x"), ["a"])
    with pytest.raises(NothingToExportError) as caught:
        scope(replace(RUN, category="x"), states)
    assert str(caught.value).startswith(f"notes of {DATE} has no category 'x'; it has c00, c01")
    assert str(caught.value).endswith("c19")
    with pytest.raises(NothingToExportError) as long:
        scope(replace(RUN, category="x"), [CategoryState("c" * 5000)])
    assert len(str(long.value).encode()) <= 2000


# -- requests ------------------------------------------------------------------------------------------------------


def manifest_of(services: MemoryExportServices, *files: tuple[int, int]) -> None:
    """An UNLOAD has ended: files of these parts with so many rows."""
    entries = []
    for number, (part, rows) in enumerate(files):
        key = f"f/_part={part}/{number:04}_part_00.parquet"
        services.lake.objects[key] = b""
        entries.append({"url": f"s3://lake/{key}", "meta": {"record_count": rows}})
    services.lake.write_json("f/manifest", {"entries": entries})


def test_the_accounts_of_a_part_share_a_request_with_the_files_of_that_part() -> None:
    services = services_with([], [])
    run = replace(RUN, parts=3)
    manifest_of(services, (0, 2), (1, 3), (0, 4))
    names = [f"a{number}" for number in range(12)]
    made, rows = requests(run, UNLOADED, names, services)
    assert rows == 9
    assert [request.part for request in made] == sorted({part_of(name, 3) for name in names})
    for request in made:
        assert (request.export, request.date, request.category, request.folder) == ("notes", DATE, "c", "f/")
        assert set(request.accounts) == {name for name in names if part_of(name, 3) == request.part}
        assert not request.alone
    files = {request.part: request.files for request in made}
    assert files == {
        0: ("f/_part=0/0000_part_00.parquet", "f/_part=0/0002_part_00.parquet"),
        1: ("f/_part=1/0001_part_00.parquet",),
        2: (),
    }
    alone, _ = requests(run, UNLOADED, names, services, alone=True)
    assert all(request.alone for request in alone)
    assert sorted(request.accounts for request in alone) == sorted((name,) for name in names)


def test_a_file_that_is_in_no_part_is_counted_and_given_to_nobody() -> None:
    services = services_with([], [])
    services.lake.write_json("f/manifest", {"entries": [{"url": "s3://lake/f/x", "meta": {"record_count": 3}}]})
    made, rows = requests(replace(RUN, parts=1), UNLOADED, ["a"], services)
    assert (rows, [request.files for request in made]) == (3, [()])


@pytest.mark.parametrize(
    ("state", "raises"),
    [
        (replace(UNLOADED, folder=""), False),
        (replace(UNLOADED, rows=0), False),
        (replace(UNLOADED, only=("a",)), False),
        (UNLOADED, True),
    ],
)
def test_an_unload_of_rows_has_a_manifest(state: CategoryState, raises: bool) -> None:
    """One of nothing, or of some accounts that may have no rows, may have none."""
    services = services_with([], [])
    run = replace(RUN, parts=1)
    if raises:
        with pytest.raises(TerminalError, match="UNLOAD has ended without a manifest in f/"):
            requests(run, state, ["a"], services)
    else:
        (request,), rows = requests(run, state, ["a"], services)
        assert (request.files, rows) == ((), 0)


def test_what_was_not_unloaded_to_a_folder_is_not_looked_for_there() -> None:
    services = services_with([], [])
    services.lake.write_json("manifest", {"entries": [{"url": "s3://lake/x", "meta": {"record_count": 3}}]})
    assert requests(replace(RUN, parts=1), replace(UNLOADED, folder=""), ["a"], services)[1] == 0


@given(st.lists(st.text(max_size=40), unique=True, min_size=1, max_size=60), st.integers(300, 900))
def test_every_account_is_in_one_message_and_every_message_fits(names: list[str], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MESSAGE_BYTES", most)
        services = services_with([], [])
        manifest_of(services, (0, 1))
        made, _ = requests(replace(RUN, parts=1), UNLOADED, names, services)
        assert [name for request in made for name in request.accounts] == names
        for request in made:
            assert len(json.dumps(request.to_json())) <= most or len(request.accounts) == 1
        for one, following in itertools.pairwise(made):
            more = replace(one, accounts=(*one.accounts, following.accounts[0]))
            assert len(json.dumps(more.to_json())) > most - 2, "messages are as full as they can be"


@pytest.mark.parametrize(("less", "fits"), [(0, True), (1, False)])
def test_a_part_with_more_files_than_a_message_holds_ends_the_run(
    less: int, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_with([], [])
    manifest_of(services, (0, 1), (0, 1))
    (request,), _ = requests(replace(RUN, parts=1), UNLOADED, ["a"], services)
    base = len(json.dumps(replace(request, accounts=()).to_json()))
    monkeypatch.setattr(module, "MOST_BYTES_OF_FILES", base - less)
    if fits:
        assert requests(replace(RUN, parts=1), UNLOADED, ["a"], services)[0] == [request]
    else:
        with pytest.raises(TerminalError, match="part 0 of 'c' has 2 files: too many"):
            requests(replace(RUN, parts=1), UNLOADED, ["a"], services)


# -- what has expired ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "lost", "is_gone"),
    [
        (UNLOADED, (), False),
        (UNLOADED, ("f/manifest",), True),
        (UNLOADED, ("f/_part=1/0001_part_00.parquet",), True),
        (UNLOADED, ("f/other",), False),
        (replace(UNLOADED, rows=0), ("f/manifest",), False),
        (replace(UNLOADED, folder=""), ("f/manifest",), False),
    ],
)
def test_what_was_unloaded_is_gone_if_any_of_it_is(state: CategoryState, lost: tuple[str, ...], is_gone: bool) -> None:
    services = services_with([], [])
    manifest_of(services, (0, 1), (1, 2))
    services.lake.objects["f/other"] = b""
    for key in lost:
        del services.lake.objects[key]
    assert gone(state, services) is is_gone


def test_a_category_that_waits_for_another_unload_keeps_what_it_has_counted() -> None:
    failed = replace(UNLOADED, status=UnloadStatus.FAILED, tries=3, reason="denied", statement="s", asked=2, turn=5)
    assert waiting_for(failed, ("a",)) == replace(
        failed, status=UnloadStatus.WAITING, only=("a",), tries=0, reason="", statement="", folder=""
    )
    assert waiting_for(replace(failed, only=("a",))).only == ()
