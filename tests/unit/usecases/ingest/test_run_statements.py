"""A batch's transaction: submitted once however often it is asked for; failures come without anybody's data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from headrace.adapters.warehouse import Connection, Warehouse
from headrace.domain.ingest.failure import Place, Treatment, catalogue, classify
from headrace.domain.statement import StatementState
from headrace.usecases.ingest.run_statements import look, submit
from tests.support.fakes import contract

BEGAN = "2026-01-31T23:59:59.123456Z"
MARK = "jane.doe@example.org"


class Client:
    """The Data API: keeps what it is sent, and describes its one statement."""

    exceptions = boto3.client("redshift-data", region_name="us-east-1").exceptions

    def __init__(self, **described: Any) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.described = described

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        self.submitted.append(request)
        return {"Id": "s-1"}

    def describe_statement(self, **_request: Any) -> dict[str, Any]:
        if not self.described:
            raise self.exceptions.ResourceNotFoundException({"Error": {"Message": "Query does not exist."}}, "Describe")
        return self.described


def warehouse(client: Client) -> Warehouse:
    return Warehouse(client, Connection("workgroup", "database", "secret"))


def looked(**described: Any) -> dict[str, str]:
    return look("s-1", contract(), warehouse(Client(**described)))


def test_a_transaction_is_visible_under_its_batch_and_submitted_once_per_try() -> None:
    client = Client()
    for purpose, load_try in (("load", 1), ("load", 1), ("load", 2), ("figures", 1)):
        assert submit(["LOCK a", "COPY b"], "readings-7", purpose, BEGAN, load_try, warehouse(client)) == "s-1"
    same, again, later, figures = client.submitted
    assert same == again
    assert same["Sqls"] == ["LOCK a", "COPY b"]
    assert (same["WorkgroupName"], same["Database"], same["SecretArn"]) == ("workgroup", "database", "secret")
    assert [request["StatementName"] for request in client.submitted[1:]] == [
        "readings-7", "readings-7", "readings-7 figures",
    ]  # fmt: skip
    assert len({request["ClientToken"] for request in (same, later, figures)}) == 3


def test_a_provisioned_cluster_is_named_instead_of_a_workgroup() -> None:
    assert Connection("w", "d", "s").arguments() == {"WorkgroupName": "w", "Database": "d", "SecretArn": "s"}
    assert Connection("w", "d", "", "c", "u").arguments() == {"ClusterIdentifier": "c", "Database": "d", "DbUser": "u"}
    assert Connection("w", "d", "s", "c").arguments() == {"ClusterIdentifier": "c", "Database": "d", "SecretArn": "s"}


def test_a_token_is_never_longer_than_the_data_api_takes() -> None:
    """https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html"""
    client = Client()
    submit(["SELECT 1"], "d" * 60 + "-1234567", "figures", BEGAN, 4, warehouse(client))
    token = client.submitted[0]["ClientToken"]
    assert len(token) == 64
    assert token.endswith(f"{BEGAN}.4")


@pytest.mark.parametrize("status", ["SUBMITTED", "PICKED", "STARTED"])
def test_a_transaction_that_has_not_ended_runs(status: str) -> None:
    assert looked(Status=status) == {"status": "running"}


def test_a_transaction_that_has_ended_well_is_finished() -> None:
    assert looked(Status="FINISHED") == {"status": "finished"}


def test_a_transaction_that_was_ended_from_outside_says_so() -> None:
    assert looked(Status="ABORTED") == {"status": "failed", "error": "LoadAborted", "cause": "ABORTED"}


def test_a_statement_that_is_no_longer_known_is_submitted_again_by_the_next_execution() -> None:
    told = looked()
    assert told["status"] == "failed"
    assert classify(f"{told['error']}: {told['cause']}").treatment is Treatment.WAIT


LOADS = [failure for failure in catalogue() if failure.place is Place.LOAD and not failure.text.startswith("Load")]


@pytest.mark.parametrize("failure", LOADS, ids=lambda failure: failure.name)
def test_the_catalogue_says_what_is_submitted_again_at_once(failure: Any) -> None:
    said = failure.text.removeprefix("ERROR: ")
    for text in (failure.text, f"error:\n{said}", f"Query #10 failed with ERROR: {said}"):
        told = looked(Status="FAILED", Error=text)
        assert told["status"] == ("conflict" if failure.treatment is Treatment.AGAIN else "failed")
        assert classify(f"{told['error']}: {told['cause']}") is failure


@pytest.mark.parametrize(
    "text",
    [
        f"Invalid digit, Value '{MARK}', Pos 0, Type: Integer code: 1207 context: {MARK} it's",
        f"Invalid digit, Value 'ERROR: 1023 {MARK}', Pos 0, Type: Integer",
        f'JSON parsing error DETAIL: code: 8001 context: Error while parsing json string {{"a":{MARK}}}: twice',
        f"a sentence that nobody has read yet about ({MARK})=({MARK}): {MARK}",
        f"{MARK} " * 5000,
        MARK,
    ],
)
def test_no_value_of_a_row_leaves_the_warehouse(text: str) -> None:
    told = looked(Status="FAILED", Error=text)
    assert (told["status"], told["error"]) == ("failed", "LoadRefused")
    assert MARK not in json.dumps(told)
    assert len(told["cause"]) <= 1100


def test_the_names_of_the_contract_stay() -> None:
    told = looked(Status="FAILED", Error="ERROR: Cannot insert a NULL value into column meter of readings: row jane")
    assert "meter" in told["cause"]
    assert "readings" in told["cause"]
    assert "jane" not in told["cause"]


@pytest.mark.parametrize(("status", "seconds"), [("FINISHED", 1.5), ("FAILED", 1.5), ("STARTED", None)])
def test_the_warehouses_time_is_measured_once_a_statement_has_ended(
    status: str, seconds: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    looked(Status=status, Duration=1_500_000_000, Error="ERROR: disk full")
    measured = [json.loads(line)["WarehouseSeconds"] for line in capsys.readouterr().out.splitlines()]
    assert measured == ([[seconds]] if seconds else [])


def test_a_statement_that_never_ran_took_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    looked(Status="ABORTED", Duration=-1)
    assert '"WarehouseSeconds":[0.0]' in capsys.readouterr().out


def test_whoever_wants_to_know_is_told_of_the_end_and_when_it_was() -> None:
    ended: list[StatementState] = []
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    for status in ("STARTED", "FINISHED"):
        client = Client(Status=status, Duration=1_500_000_000, UpdatedAt=at)
        look("s-1", contract(), warehouse(client), ended.append)
    assert ended == [StatementState(ended=True, seconds=1.5, ended_at=at.timestamp())]
