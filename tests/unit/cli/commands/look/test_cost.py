"""`headrace cost`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import RUN, BatchRecord, BatchStatus, Event, FileStatus
from headrace_cli.cost import account
from headrace_cli.cost.bill import ON_LAPTOP, bill
from headrace_cli.cost.prices import usd
from headrace_cli.cost.requests import asked_for
from tests.support.fakes import contract, file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

NOON = datetime.fromisoformat("2026-01-01T12:00:00Z")
ARN = "arn:aws:states:us-east-1:000000000000:execution:headrace-ingest:"

PLAN = ("cost", "--plan", "--files-per-day", "144000", "--file-mb", "1.1", "--datasets", "3")


def test_a_plan_adds_up_and_names_how_each_line_is_known(run_json: RunJson) -> None:
    code, document = run_json(*PLAN)
    assert code == 0
    assert document["usd"] == pytest.approx(sum(line["usd"] for line in document["lines"]))
    assert {line["how"] for line in document["lines"]} == {"counted", "estimated", "measured", "given"}
    assert document["remarks"] == []


def test_a_plan_fits_80_columns(run_text: RunText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace_cli.output.console.PIPED_WIDTH", 80)
    code, text = run_text(*PLAN, "--in-region", "eu-central-1")
    assert code == 0
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "together" in text
    assert "eu-central-1" in text  # some of its prices are not known


@pytest.mark.parametrize(
    ("promise", "code"), [("2h", 0), ("none", 0), ("15 min", 0), ("soon", 2), ("15 fortnights", 2)]
)
def test_a_promise_is_a_time_or_none(run_text: RunText, promise: str, code: int) -> None:
    assert run_text("cost", "--plan", "--promise", promise)[0] == code


def at(second: float) -> str:
    return (NOON + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


def load(stack: FakeStack, dataset: str, number: int, second: float, *, states: int = 16, history: bool = True) -> None:
    """A file of 2 MB, loaded within ten seconds from `second` on by an execution that entered so many states."""
    batch = f"{dataset}-{number}"
    name = f"{dataset}/{number}.csv"
    record = file(name, dataset=dataset, status=FileStatus.LOADED, batch=batch, arrived_at=at(second), size=2_000_000)
    stack.ledger.add(record)
    record_ = BatchRecord(batch, dataset, "live", number, BatchStatus.LOADED, (record.file_id,), at(second))
    stack.ledger.add_batch(replace(record_, execution=batch, units=1))
    stack.ledger.stories[batch] = [Event(at(second), "Ready to load"), Event(at(second + 10), "Loaded")]
    if history:
        named = [entered(account.LOADS, second), *(entered("other", second) for _ in range(states - 1))]
        left = {"timestamp": NOON + timedelta(seconds=second + 10)}
        stack.stepfunctions.history[ARN + batch] = [
            *named,
            left | {"stateExitedEventDetails": {"name": "Record the outcome"}},
        ]


def entered(name: str, second: float) -> dict[str, Any]:
    return {"timestamp": NOON + timedelta(seconds=second), "stateEnteredEventDetails": {"name": name}}


def lines_of(document: Any) -> dict[str, Any]:
    return {line["what"]: line for line in document["lines"]}


def test_a_load_is_a_minute_awake_its_transitions_and_what_a_file_asks_for(stack: FakeStack, run_json: RunJson) -> None:
    load(stack, "readings", 1, 0, states=30)
    code, document = run_json("cost", "--since", "2026-01-01", "--dataset", "readings")
    (day,) = document["days"]
    assert (code, day["day"], day["files"], day["loads"], day["awake_seconds"]) == (0, "2026-01-01", 1, 1, 60)
    assert day["warehouse"] == pytest.approx(0.025)
    lines = lines_of(document)
    assert lines["Step Functions"]["quantity"] == 30 + 2  # and those of its one unit, which this history lacks
    kinds = asked_for()
    units = sum(kinds[kind].get("write_unit", 0) for kind in ("file", "unit", "group"))
    assert lines["DynamoDB"]["quantity"] == pytest.approx(units, rel=0.05)
    assert document["usd"] == pytest.approx(sum(line["usd"] for line in document["lines"]))
    assert document["usd"] == pytest.approx(day["usd"])
    assert {line["how"] for line in document["lines"]} <= {"measured", "counted", "estimated"}


def test_datasets_that_load_together_share_the_minute(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.deploy(contract(), replace(contract(), dataset="orders"))
    load(stack, "readings", 1, 0)
    load(stack, "orders", 1, 0)
    load(stack, "orders", 2, 3600)
    document = run_json("cost", "--since", "2026-01-01")[1]
    seconds = {day["dataset"]: day["awake_seconds"] for day in document["days"]}
    assert seconds == {"readings": pytest.approx(30), "orders": pytest.approx(90)}
    woken = {"wake_ups": 2, "loads": 3, "datasets_each": 1.5, "awake_seconds": 120}
    assert document["woken"] == woken
    assert run_json("status", "--wake-ups", "--since", "2026-01-01")[1] == {
        "since": "2026-01-01T00:00:00.000000Z", **woken, "remarks": [],
    }  # fmt: skip
    text = run_text("status", "--wake-ups", "--since", "2026-01-01")[1]
    assert "3 loads of all datasets in 2 wake-ups of the warehouse, 1.5 datasets in each on average" in text
    assert "No load has woken the warehouse since" in run_text("status", "--wake-ups")[1]
    only = run_json("cost", "--since", "2026-01-01", "--dataset", "orders")[1]
    assert [day["awake_seconds"] for day in only["days"]] == [pytest.approx(90)]


def test_the_stack_itself_is_a_line_and_the_forecast_is_thirty_days_like_these(
    stack: FakeStack, run_json: RunJson
) -> None:
    load(stack, "readings", 1, 0)
    document = run_json("cost", "--since", "10d")[1]
    assert document["days"] == []
    own = document["own"]["usd"]
    standing = [usd(asked_for()[kind], "us-east-1") for kind in ("day", "dataset")]
    assert own == pytest.approx(10 * (0.025 + sum(standing)), rel=0.01)
    assert document["month"] == pytest.approx(own * 3, rel=0.01)


def test_a_month_of_a_young_stack_is_thirty_of_the_days_that_it_has(stack: FakeStack, run_json: RunJson) -> None:
    now = datetime.now(UTC)
    load(stack, "readings", 1, (now - NOON).total_seconds() - 3600)
    stack.cloudformation.created = now - timedelta(days=2)
    document = run_json("cost", "--since", "10d")[1]
    assert document["month"] == pytest.approx(document["usd"] * 15, rel=0.01)
    assert document["own"]["awake_seconds"] == pytest.approx(120, rel=0.01)


def test_a_backfill_and_a_second_try_of_older_files_are_counted(stack: FakeStack, run_json: RunJson) -> None:
    """Three files of before: one in the backfill lane, two in two batches of which the first has failed."""
    ledger, old = stack.ledger, {"arrived_at": "2025-12-01T00:00:00.000000Z", "size": 3_000_000}
    records = [file(f"{name}.csv", status=FileStatus.LOADED, **old) for name in "abc"]
    ledger.add(*records)
    ids = [record.file_id for record in records]
    batches = (
        BatchRecord("readings-backfill-2", "readings", "backfill", 2, BatchStatus.LOADED, (ids[0],), at(0)),
        BatchRecord("readings-7", "readings", "live", 7, BatchStatus.FAILED, tuple(ids[1:]), at(3600)),
        BatchRecord("readings-9", "readings", "live", 9, BatchStatus.LOADED, tuple(ids[1:]), at(7200)),
        BatchRecord("readings-6", "readings", "live", 6, BatchStatus.LOADED, tuple(ids), at(-86_400)),
    )
    for batch in batches:
        ledger.add_batch(replace(batch, units=1))
        ledger.records.lanes["readings", batch.lane] = LaneState(generation=10)
        ledger.stories[batch.batch] = [Event(batch.started_at, "Loaded")]
    (day,) = run_json("cost", "--since", "2026-01-01", "--dataset", "readings")[1]["days"]
    assert (day["files"], day["loads"], day["awake_seconds"]) == (3, 3, 180)


def test_a_capacity_that_cannot_be_read_is_said(stack: FakeStack, run_json: RunJson) -> None:
    load(stack, "readings", 1, 0)
    document = run_json("cost", "--since", "2026-01-01")[1]
    assert document["rpu"] == 4
    assert any(remark.startswith("4 RPU are assumed") for remark in document["remarks"])


def test_without_histories_the_story_of_the_batch_counts_and_it_is_said(stack: FakeStack, run_json: RunJson) -> None:
    load(stack, "readings", 1, 0, history=False)
    document = run_json("cost", "--since", "2026-01-01", "--dataset", "readings")[1]
    assert document["days"][0]["awake_seconds"] == 60
    usual = sum(asked_for()[kind]["transition"] for kind in ("group", "unit", "look", "look"))
    assert lines_of(document)["Step Functions"]["quantity"] == pytest.approx(usual)
    assert any("ExecutionDoesNotExist" in remark for remark in document["remarks"])


def test_runs_of_glue_count_once_by_their_dpu_seconds(stack: FakeStack, run_json: RunJson) -> None:
    run = {RUN: {"run": "jr_1", "dpu_seconds": 7200}}
    for name in ("a.csv", "b.csv"):
        stack.ledger.add(file(name, status=FileStatus.LOADED, arrived_at=at(0), detected=run))
    document = run_json("cost", "--since", "2026-01-01", "--dataset", "readings")[1]
    assert (lines_of(document)["Glue"]["quantity"], lines_of(document)["Glue"]["usd"]) == (2, pytest.approx(0.88))


def test_more_loads_than_can_be_read_ask_for_a_later_time(
    stack: FakeStack, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "MOST_BATCHES", 2)
    for number in range(3):
        load(stack, "readings", number, number)
    code, document = run_json("cost", "--since", "2026-01-01")
    assert code == 1
    assert "later --since" in document["error"]


def test_only_the_newest_histories_are_read(
    stack: FakeStack, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "MOST_HISTORIES", 1)
    for number in range(2):
        load(stack, "readings", number, number * 3600)
    document = run_json("cost", "--since", "2026-01-01")[1]
    assert any("1 of 2 executions" in remark for remark in document["remarks"])


def test_an_account_fits_80_columns(stack: FakeStack, run_text: RunText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace_cli.output.console.PIPED_WIDTH", 80)
    load(stack, "readings", 1, 0)
    code, text = run_text("cost", "--since", "2026-01-01")
    assert code == 0
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "A month of thirty days like these" in text


def test_the_bill_of_the_same_days_stands_beside_it(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    load(stack, "readings", 1, 0)
    stack.ce.pages = [{"Amazon Redshift": "2.50", "AWS Lambda": "0"}, {"Amazon Redshift": "0.50", "AWS Glue": "0.1"}]
    document = run_json("cost", "--since", "10d", "--bill", "--tag", "team=data")[1]["bill"]
    assert document["services"] == {"Amazon Redshift": 3.0, "AWS Glue": 0.1}
    assert document["usd"] == pytest.approx(3.1)
    asked = stack.ce.asked[0]
    assert asked["Filter"]["And"][1] == {"Tags": {"Key": "team", "Values": ["data"]}}
    assert asked["TimePeriod"] == {"Start": document["from"], "End": document["to"]}
    text = run_text("cost", "--since", "2026-01-01", "--bill")[1]
    assert "AWS's bill" in text
    assert "of the whole account" in text


def test_a_bill_that_may_not_be_read_is_said_and_fails_nothing(stack: FakeStack, run_json: RunJson) -> None:
    load(stack, "readings", 1, 0)
    stack.ce.refuses = True
    code, document = run_json("cost", "--since", "2026-01-01", "--bill")
    assert code == 0
    assert "ce:GetCostAndUsage" in document["bill"]["why"]
    assert "AccessDeniedException" in document["bill"]["why"]
    assert document["usd"] > 0


def test_a_tag_without_a_value_is_refused(stack: FakeStack, run_json: RunJson) -> None:
    code, document = run_json("cost", "--bill", "--tag", "team")
    assert code == 1
    assert "KEY=VALUE" in document["error"]


def test_the_laptop_has_no_bill(stack: FakeStack) -> None:
    target = stack.target
    target.endpoint_url = "http://127.0.0.1:1"
    assert bill(target, NOON.date(), NOON.date())["why"] == ON_LAPTOP
    assert stack.ce.asked == []
