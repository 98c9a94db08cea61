"""The runs' ledger: its promises, kept by the table in DynamoDB and by the fake that other tests use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from headrace.errors import OvertakenError
from headrace.exports.adapters.ledger import DynamoExports
from headrace.exports.model.run import Answer, CategoryState, FileResult, Request, Run, RunStatus, UnloadStatus
from headrace_local import laptop
from tests.support.export_fakes import MemoryExportLedger

TABLE = "ledger"
DATE = "2026-01-31"
FOLDER = "exports/notes/1/"
RUN = Run("notes", DATE, 1, RunStatus.RUNNING, "2026-01-31T05:00:00Z", "2026-01-31T05:00:00Z", seconds=1.5)


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("exports") / "home"
    state = laptop.up(home)
    yield boto3.client("dynamodb", **state.client_arguments())
    laptop.down(home)


@pytest.fixture(params=["memory", "table"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryExportLedger()
        return
    dynamodb = request.getfixturevalue("dynamodb")
    keys = {"pk": "HASH", "sk": "RANGE"}
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    yield DynamoExports(dynamodb, TABLE)
    dynamodb.delete_table(TableName=TABLE)


def request(*accounts: str, category: str = "c/1", part: int = 0, alone: bool = False) -> Request:
    return Request("notes", DATE, category, part, accounts, ("key",), alone, FOLDER)


def result(account: str, rows: int = 1) -> FileResult:
    return FileResult(account, f"notes/{account}.csv", rows, 10 * rows, "ab")


def test_a_run_is_opened_once(ledger: Any) -> None:
    assert ledger.open_run(RUN, None)
    assert not ledger.open_run(RUN, None)
    assert ledger.find_run("notes", DATE) == RUN
    assert ledger.find_run("notes", "2026-02-01") is None


def test_only_one_opens_the_next_attempt_and_the_last_one_saves_nothing_more(ledger: Any) -> None:
    ledger.open_run(RUN, None)
    second = replace(RUN, attempt=2, account="a")
    assert ledger.open_run(second, RUN)
    assert not ledger.open_run(replace(second, account="b"), RUN)
    opened = ledger.find_run("notes", DATE)
    assert opened == replace(second, turn=1)
    assert not ledger.end_run(replace(RUN, status=RunStatus.COMPLETE))
    with pytest.raises(OvertakenError):
        ledger.change_run(replace(RUN, accounts=9))
    assert ledger.find_run("notes", DATE) == opened


def test_a_run_is_changed_by_who_knows_what_it_is(ledger: Any) -> None:
    ledger.open_run(RUN, None)
    planned = ledger.change_run(replace(RUN, accounts=3, parts=1))
    assert ledger.find_run("notes", DATE) == planned
    with pytest.raises(OvertakenError):  # a second plan, of a function that has read it before the first
        ledger.change_run(replace(RUN, accounts=4, parts=2))
    assert ledger.change_run(replace(planned, answered=1)).turn == planned.turn + 1
    assert ledger.find_run("notes", DATE).parts == 1


def test_a_run_that_has_ended_stays_as_it_ended(ledger: Any) -> None:
    ledger.open_run(RUN, None)
    ended = replace(RUN, status=RunStatus.COMPLETE, seconds=2.0)
    late = ledger.change_run(replace(RUN, answered=1))
    assert ledger.end_run(ended)  # whatever a late function has noted beside
    assert not ledger.end_run(replace(ended, status=RunStatus.INCOMPLETE))
    with pytest.raises(OvertakenError):
        ledger.change_run(late)
    with pytest.raises(OvertakenError):
        ledger.change_category(RUN, CategoryState("c/1"))
    assert ledger.find_run("notes", DATE).status is RunStatus.COMPLETE
    assert not ledger.open_run(replace(RUN, attempt=2), late)
    assert ledger.open_run(replace(RUN, attempt=2), ledger.find_run("notes", DATE))


def test_the_newest_runs_come_first(ledger: Any) -> None:
    for date in ("2026-01-30", "2026-02-01", "2026-01-31"):
        ledger.open_run(replace(RUN, date=date), None)
    assert [run.date for run in ledger.runs("notes", 2)] == ["2026-02-01", "2026-01-31"]


def test_categories_keep_all_they_are(ledger: Any) -> None:
    state = CategoryState("c/1", UnloadStatus.UNLOADED, "f/", "id", 1, 2, 1, 30, narrowed=True, only=("a", "b"))
    ledger.open_run(RUN, None)
    written = ledger.change_category(RUN, state)
    long = ledger.change_category(RUN, CategoryState("ü" * 1000))
    found = {each.category: each for each in ledger.categories("notes", DATE)}
    assert found == {"c/1": replace(state, turn=1), "ü" * 1000: long}
    moved = ledger.change_category(RUN, replace(written, asked=9))
    with pytest.raises(OvertakenError):
        ledger.change_category(RUN, replace(written, status=UnloadStatus.FAILED))
    with pytest.raises(OvertakenError):  # a plan that is made a second time
        ledger.change_category(RUN, CategoryState("c/1"))
    assert moved in ledger.categories("notes", DATE)


@pytest.fixture
def running(ledger: Any) -> Any:
    """The ledger of a run that waits for answers."""
    ledger.open_run(RUN, None)
    for category in ("c/1", "other"):
        ledger.change_category(RUN, CategoryState(category, UnloadStatus.UNLOADED, FOLDER))
    return ledger


def test_nobody_waits_for_an_answer_of_an_unload_that_was_made_again(running: Any) -> None:
    old = replace(request("a", alone=True), folder="exports/notes/0/")
    assert running.answered(old) == {"a"}
    running.record(Answer(old, failure="no"))
    assert running.tallies("notes", DATE) == {}


def test_nobody_waits_for_an_answer_once_the_run_has_ended(running: Any) -> None:
    running.end_run(replace(RUN, status=RunStatus.COMPLETE))
    assert running.answered(request("a")) == {"a"}
    running.record(Answer(request("a", alone=True), failure="no"))
    assert running.tallies("notes", DATE) == {}


def test_an_answer_is_for_all_accounts_of_its_request(running: Any) -> None:
    ledger = running
    asked = request("a", "b", "c")
    assert ledger.answered(asked) == set()
    ledger.record(Answer(asked, (result("a"), result("b", 5)), seconds=0.25))
    assert ledger.answered(asked) == {"a", "b", "c"}
    assert ledger.answered(request("a", "x")) == {"a"}
    assert ledger.answered(request("a", category="other")) == set()
    tally = ledger.tallies("notes", DATE)["c/1"]
    assert (tally.done, tally.rows, tally.bytes, tally.failed, tally.answers, tally.seconds) == (2, 6, 60, 0, 1, 0.25)
    assert list(ledger.files("notes", DATE)) == [("c/1", result("a")), ("c/1", result("b", 5))]
    assert list(ledger.files("notes", DATE, "c/1")) == list(ledger.files("notes", DATE))
    assert list(ledger.files("notes", DATE, "c")) == []


def test_answers_expire_and_runs_stay(dynamodb: Any, ledger: Any) -> None:
    if isinstance(ledger, MemoryExportLedger):
        return
    kept = DynamoExports(dynamodb, TABLE, keep_days=30)
    kept.open_run(RUN, None)
    kept.change_category(RUN, CategoryState("c/1", UnloadStatus.UNLOADED, FOLDER))
    kept.record(Answer(request("a"), (result("a"),)))
    items = dynamodb.scan(TableName=TABLE)["Items"]
    by_kind = {item["sk"]["S"].partition("#")[0]: "expires" in item for item in items}
    assert by_kind == {"RUN": False, "CATEGORY": False, "DONE": True, "FILES": True}
    assert kept.answered(request("a")) == {"a"}


def test_an_answer_that_has_expired_counts_no_more_and_gives_way(dynamodb: Any, ledger: Any) -> None:
    """DynamoDB removes it days later, and its two items one after the other."""
    if isinstance(ledger, MemoryExportLedger):
        return
    past = DynamoExports(dynamodb, TABLE, keep_days=-1)
    past.open_run(RUN, None)
    past.change_category(RUN, CategoryState("c/1", UnloadStatus.UNLOADED, FOLDER))
    past.record(Answer(request("a"), (result("a"),)))
    assert (past.tallies("notes", DATE), list(past.files("notes", DATE))) == ({}, [])
    assert past.answered(request("a")) == set()
    ledger.record(Answer(request("a"), (result("a", 7),)))
    assert ledger.tallies("notes", DATE)["c/1"].rows == 7


def test_the_first_answer_stays(ledger: Any) -> None:
    asked = request("a", "b")
    ledger.record(Answer(asked, (result("a"), result("b"))))
    ledger.record(Answer(asked, (result("a"),)))
    assert ledger.tallies("notes", DATE)["c/1"].done == 2


def test_a_failure_gives_way_to_an_answer_and_never_replaces_one(running: Any) -> None:
    ledger = running
    alone = request("a", alone=True)
    ledger.record(Answer(alone, failure="no"))
    assert ledger.tallies("notes", DATE)["c/1"].failures == {"a": "no"}
    assert ledger.answered(alone) == set()
    ledger.record(Answer(alone, (result("a"),)))
    ledger.record(Answer(alone, failure="no"))
    tally = ledger.tallies("notes", DATE)["c/1"]
    assert (tally.done, tally.failed, tally.failures) == (1, 0, {})


def test_failures_are_forgotten_by_name_and_answers_never(running: Any) -> None:
    ledger = running
    for account in ("a", "b"):
        ledger.record(Answer(request(account, alone=True), failure="no"))
    ledger.record(Answer(request("c", alone=True), (result("c"),)))
    ledger.forget_failures(RUN, "c/1", ["a", "c"])
    tally = ledger.tallies("notes", DATE)["c/1"]
    assert (tally.failures, tally.done) == ({"b": "no"}, 1)
    ledger.end_run(replace(RUN, status=RunStatus.INCOMPLETE))
    with pytest.raises(OvertakenError):
        ledger.forget_failures(RUN, "c/1", ["b"])
    assert ledger.tallies("notes", DATE)["c/1"].failures == {"b": "no"}


def test_many_failures_are_forgotten(running: Any) -> None:
    names = [f"a{number}" for number in range(120)]
    for name in names:
        running.record(Answer(request(name, alone=True), failure="no"))
    running.forget_failures(RUN, "c/1", names)
    assert running.tallies("notes", DATE) == {}


def test_a_day_that_is_exported_again_starts_with_nothing(ledger: Any) -> None:
    ledger.open_run(RUN, None)
    for number in range(130):
        ledger.change_category(RUN, CategoryState(f"c{number}", folder=FOLDER))
        ledger.record(Answer(request("a", category=f"c{number}"), (result("a"),), seconds=0.1))
    other = replace(RUN, date="2026-02-01")
    ledger.open_run(other, None)
    ledger.change_category(other, CategoryState("c1"))
    ended = replace(ledger.find_run("notes", DATE), status=RunStatus.COMPLETE)
    ledger.end_run(ended)
    with pytest.raises(OvertakenError):
        ledger.forget_day(ended)
    again = replace(ended, attempt=2, status=RunStatus.RUNNING)
    assert ledger.open_run(again, ledger.find_run("notes", DATE))
    with pytest.raises(OvertakenError):
        ledger.forget_day(again)  # as it was before it was opened
    again = ledger.find_run("notes", DATE)
    ledger.forget_day(again)
    assert ledger.categories("notes", DATE) == []
    assert ledger.tallies("notes", DATE) == {}
    assert list(ledger.files("notes", DATE)) == []
    assert len(ledger.categories("notes", "2026-02-01")) == 1


def test_answers_are_found_under_their_category_however_long_it_is(ledger: Any) -> None:
    """A key of S3 takes 1,024 bytes, of which a Chinese letter takes nine: the table's key, cut, names no category."""
    longest = "\u8d27" * 89
    categories = [longest, longest + "1", longest + "2", "\u8d27" * 88, "", "%"]
    ledger.open_run(RUN, None)
    for number, category in enumerate(categories):
        ledger.change_category(RUN, CategoryState(category, folder=FOLDER))
        account, failing = f"account-{number}", f"failing-{number}"
        ledger.record(Answer(request(account, category=category), (result(account),)))
        ledger.record(Answer(request(failing, category=category, alone=True), failure="it is too large"))
    tallies = ledger.tallies("notes", DATE)
    assert {category: list(tally.failures) for category, tally in tallies.items()} == {
        category: [f"failing-{number}"] for number, category in enumerate(categories)
    }
    found = {category: file.account for category, file in ledger.files("notes", DATE)}
    assert found == {category: f"account-{number}" for number, category in enumerate(categories)}
    assert [file.account for _, file in ledger.files("notes", DATE, longest)] == ["account-0"]
