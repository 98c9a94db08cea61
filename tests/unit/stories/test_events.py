"""Functions that take events from a bus or a queue: a wrong one is told or left, and is never an error that repeats."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.export_advance import app as advance
from functions.export_runner import app as runner
from functions.export_trigger import app as trigger
from functions.recover import app as recover
from headrace.domain.executions import order_of
from headrace.domain.ingest.failure import named
from headrace.errors import TerminalError, TransientError
from tests.support.export_fakes import MemoryExportServices
from tests.unit.stories.test_export_protocol import DATE, rows

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="a", aws_request_id="r",
    get_remaining_time_in_millis=lambda: 60_000,
)  # fmt: skip


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> MemoryExportServices:
    made = MemoryExportServices(rows())
    for app in (trigger, runner):
        monkeypatch.setattr(app, "services", made)
    return made


def test_a_wrong_order_is_told_once_and_is_no_error(services: MemoryExportServices) -> None:
    answer = trigger.lambda_handler({"detail-type": "Export Due", "detail": {"date": "x/y"}}, CONTEXT)
    assert answer == {"outcome": "refused: 'x/y' is no date: it is written as 2026-01-31"}
    (notice,) = services.topic.published
    assert notice.level == "error"
    assert services.exports._runs == {}


def test_a_right_order_is_done(services: MemoryExportServices) -> None:
    (done,) = trigger.lambda_handler({"detail": {"date": DATE}}, CONTEXT)["outcome"]
    assert done == {"export": "notes", "date": DATE, "outcome": f"started notes-{DATE}-1"}
    services.export_workflow.executions.clear()
    (again,) = trigger.lambda_handler({"detail-type": "Export Look", "detail": {}}, CONTEXT)["outcome"]
    assert again["outcome"] == f"started notes-{DATE}-1"


STRANGE = [None, "", "not JSON", "[]", "{}", '{"export": 1, "date": 2, "attempt": "x"}', '{"dataset": ["readings"]}']


@pytest.mark.parametrize("given", STRANGE)
def test_an_execution_that_a_person_started_is_left_to_them(services: MemoryExportServices, given: str | None) -> None:
    detail = {"executionArn": "arn", "name": "by-hand", "status": "FAILED", "input": given}
    assert trigger.lambda_handler({"detail": detail}, CONTEXT)["outcome"] == "an execution that Headrace did not start"
    assert recover.lambda_handler({"detail": detail}, CONTEXT) == {"more": False}


def test_an_order_has_its_fields() -> None:
    fields = {"dataset": str, "generation": int}
    assert order_of({"input": '{"dataset": "a", "generation": 1, "more": 2}'}, fields) is not None
    assert order_of({"input": '{"dataset": "a", "generation": true}'}, fields) is None
    assert order_of({}, fields) is None


def test_a_message_that_is_no_request_holds_up_no_other(
    services: MemoryExportServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger.lambda_handler({"detail": {"date": DATE}}, CONTEXT)
    back: list[str] = []
    monkeypatch.setattr(services.requests, "give_back", lambda receipt, _: back.append(receipt))
    good = {"export": "notes", "date": DATE, "category": "c0", "part": 0, "accounts": ["a0"], "files": []}
    bodies = ["no JSON", "{}", "[1]", json.dumps(good)]
    records: list[dict[str, Any]] = [
        {"messageId": str(n), "receiptHandle": str(n), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        for n, body in enumerate(bodies)
    ]
    answer = runner.lambda_handler({"Records": records}, CONTEXT)
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["0", "1", "2"] == back


def aws_error(code: str, operation: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


GONE = aws_error("AWS.SimpleQueueService.NonExistentQueue", "SendMessageBatch", "The specified queue does not exist.")


@pytest.mark.parametrize(
    ("error", "raised", "says"),
    [
        (GONE, TerminalError, named("sqs-no-queue").advice),
        (
            TerminalError("ERROR: permission denied for relation readings"),
            TerminalError,
            f"readings. {named('redshift-permission').advice}",
        ),
        (aws_error("ThrottlingException", "PutItem", "Rate exceeded"), TransientError, "Rate exceeded"),
        (TransientError("S3 is busy"), TransientError, "S3 is busy"),
        (KeyError("unheard of"), KeyError, "unheard of"),
    ],
)
def test_what_ends_an_attempt_comes_with_cause_and_remedy(
    monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[Exception], says: str
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(advance, "advance", fail)
    with pytest.raises(raised) as stopped:
        advance.lambda_handler({"export": "notes", "date": DATE, "attempt": 1}, CONTEXT)
    assert says in str(stopped.value)
    assert str(stopped.value).count(says) == 1
