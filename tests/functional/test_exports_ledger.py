"""The runs' ledger: its promises, kept by the table in DynamoDB and by the fake that other tests use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from headrace.adapters.exports import DynamoExports
from headrace.domain.exportrun import Answer, CategoryState, FileResult, Request, Run, RunStatus, UnloadStatus
from headrace_local import laptop
from tests.unit.usecases.exportfakes import MemoryExportLedger

TABLE = "ledger"
DATE = "2026-01-31"
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
    return Request("notes", DATE, category, part, accounts, ("key",), alone)


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
    ledger.save_run(replace(RUN, status=RunStatus.COMPLETE))
    assert ledger.find_run("notes", DATE) == second


def test_the_newest_runs_come_first(ledger: Any) -> None:
    for date in ("2026-01-30", "2026-02-01", "2026-01-31"):
        ledger.open_run(replace(RUN, date=date), None)
    assert [run.date for run in ledger.runs("notes", 2)] == ["2026-02-01", "2026-01-31"]


def test_categories_keep_all_they_are(ledger: Any) -> None:
    state = CategoryState("c/1", UnloadStatus.UNLOADED, "f/", "id", 1, 2, 1, 30, narrowed=True, only=("a", "b"))
    ledger.save_category("notes", DATE, state)
    ledger.save_category("notes", DATE, CategoryState("c 2"))
    found = {each.category: each for each in ledger.categories("notes", DATE)}
    assert found == {"c/1": state, "c 2": CategoryState("c 2")}


def test_an_answer_is_for_all_accounts_of_its_request(ledger: Any) -> None:
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
    kept.record(Answer(request("a"), (result("a"),)))
    items = dynamodb.scan(TableName=TABLE)["Items"]
    by_kind = {item["sk"]["S"].partition("#")[0]: "expires" in item for item in items}
    assert by_kind == {"RUN": False, "DONE": True, "FILES": True}
    assert kept.answered(request("a")) == {"a"}


def test_the_first_answer_stays(ledger: Any) -> None:
    asked = request("a", "b")
    ledger.record(Answer(asked, (result("a"), result("b"))))
    ledger.record(Answer(asked, (result("a"),)))
    assert ledger.tallies("notes", DATE)["c/1"].done == 2


def test_a_failure_gives_way_to_an_answer_and_never_replaces_one(ledger: Any) -> None:
    alone = request("a", alone=True)
    ledger.record(Answer(alone, failure="no"))
    assert ledger.tallies("notes", DATE)["c/1"].failures == {"a": "no"}
    assert ledger.answered(alone) == set()
    ledger.record(Answer(alone, (result("a"),)))
    ledger.record(Answer(alone, failure="no"))
    tally = ledger.tallies("notes", DATE)["c/1"]
    assert (tally.done, tally.failed, tally.failures) == (1, 0, {})


def test_failures_are_forgotten_by_name(ledger: Any) -> None:
    for account in ("a", "b"):
        ledger.record(Answer(request(account, alone=True), failure="no"))
    ledger.forget_failures("notes", DATE, "c/1", ["a"])
    assert ledger.tallies("notes", DATE)["c/1"].failures == {"b": "no"}
