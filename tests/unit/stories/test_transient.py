"""A throttle or an outage where an exception is caught: nothing fails for good, and nothing counts as an attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError, ResponseStreamingError
from botocore.retries import standard
from urllib3.exceptions import SSLError

from headrace.adapters import lake as lakes
from headrace.adapters.aws import is_transient as is_transient_call
from headrace.domain.clock import written
from headrace.domain.ingest.failure import is_transient
from headrace.domain.ingest.ledger import LIVE, BatchRecord
from headrace.domain.statement import StatementState
from headrace.errors import TransientError
from headrace.exports.model.run import MOST_PUT_OFF, RUNNER_TRIES, CategoryState, Request, Run, RunStatus, UnloadStatus
from headrace.exports.steps import advance, runner
from headrace.usecases.ingest import record_briefly
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery import unblock
from tests.support.export_fakes import MemoryExportServices
from tests.support.fakes import MemoryServices, file


def answer_of(code: str, status: int = 400, operation: str = "Call") -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


OUTAGES = [
    answer_of("SlowDown", 503, "GetObject"),
    answer_of("503", 503, "HeadObject"),
    answer_of("InternalError", 500, "PutObject"),
    answer_of("ProvisionedThroughputExceededException", operation="PutItem"),
    answer_of("ThrottlingException", operation="StartExecution"),
    answer_of("InternalServerException", 500, "ExecuteStatement"),
    answer_of("ActiveStatementsExceededException", operation="ExecuteStatement"),
    answer_of("TooManyRequestsException", 429, "Invoke"),
    answer_of("InternalServiceError", 500, "GetSecretValue"),
    EndpointConnectionError(endpoint_url="https://x"),
    HTTPClientError(error="broken"),
    ResponseStreamingError(error="Connection broken"),
    ConnectionResetError(104, "Connection reset by peer"),
    TransientError("the lake did not answer"),
]
FAULTS = [ValueError("ours"), KeyError("SlowDown"), answer_of("ValidationException"), answer_of("AccessDenied", 403)]


@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_an_outage_is_known_by_its_words(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", FAULTS, ids=repr)
def test_a_fault_is_no_outage(error: Exception) -> None:
    assert not is_transient(error)


def test_the_catalogue_is_the_one_list_of_codes_that_pass() -> None:
    codes = {
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
        "ActiveWaitingRequestsExceededException", "InternalFailure", "LimitExceededException", "ServiceUnavailable",
        "TransactionConflictException", "ReplicatedWriteConflictException", "BadDigest", "IDPCommunicationError",
    }  # fmt: skip
    assert [code for code in sorted(codes) if not is_transient_call(answer_of(code))] == []


def test_a_broken_encryption_while_s3_is_read_is_no_fault_of_the_file() -> None:
    with pytest.raises(TransientError), lakes._s3_errors("readings/a.csv"):
        raise SSLError("decryption failed or bad record mac")


REQUEST = Request("notes", "2026-01-01", "c", 0, ("a", "b"), ("work/part",))


def exporting(monkeypatch: pytest.MonkeyPatch, error: Exception) -> MemoryExportServices:
    services = MemoryExportServices({})
    run = Run("notes", "2026-01-01", 1, RunStatus.RUNNING, "t", "t")
    services.exports.open_run(run, None)
    services.exports.change_category(run, CategoryState("c"))
    monkeypatch.setattr(services.lake, "read", raising(error))
    return services


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_arguments: Any, **_named: Any) -> Any:
        raise error

    return call


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_an_export_waits_for_a_service_and_no_delivery_counts(
    error: Exception, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = exporting(monkeypatch, error)
    request = replace(REQUEST, accounts=("a",), alone=True) if alone else REQUEST
    runner.answer(request, RUNNER_TRIES, services, raising(AssertionError("it has failed")))
    again, times = services.requests.take(0)
    assert (again, times) == (replace(request, put_off=1), 1)
    assert not services.exports.answered(again)


def test_an_export_that_waited_for_hours_fails_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    services = exporting(monkeypatch, OUTAGES[0])
    late = replace(REQUEST, accounts=("a",), alone=True, put_off=MOST_PUT_OFF)
    with pytest.raises(ClientError):
        runner.answer(late, RUNNER_TRIES, services, raising(AssertionError()))
    tallies = services.exports.tallies(REQUEST.export, REQUEST.date)
    assert list(tallies["c"].failures) == ["a"]


@pytest.mark.parametrize(("hours", "wanted"), [(0.5, UnloadStatus.WAITING), (7, UnloadStatus.FAILED)])
def test_an_unload_is_tried_again_for_hours(
    hours: float, wanted: UnloadStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = MemoryExportServices({})
    at = written(datetime.now(UTC) - timedelta(hours=hours))
    run = Run("notes", "2026-01-01", 1, RunStatus.RUNNING, at, at)
    services.exports.open_run(run, None)
    unloading = CategoryState("c", UnloadStatus.UNLOADING, statement="s", tries=20)
    state = services.exports.change_category(run, unloading)
    busy = StatementState(ended=True, error="Query cancelled.", transient=True)
    monkeypatch.setattr(services.unloader, "look", lambda _statement: busy)
    look = advance.Look(run, services.export_, services, [])
    assert advance._ended(state, look).status is wanted


def committed() -> tuple[MemoryServices, BatchRecord]:
    services = MemoryServices()
    services.ledger.files.record_arrival(file("a"))
    batch = services.ledger.batches.get(record_batch("readings", LIVE, 1, "readings-1", services)["batch"])
    services.warehouse.answers["SELECT status"] = [["loaded"]]
    services.warehouse.answers["etl.load_files"] = [[file("a").file_id, batch.batch, 2, 2, 0]]
    return services, batch


def test_the_least_form_of_a_record_waits_for_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    services, batch = committed()
    monkeypatch.setattr(record_briefly, "file_results", raising(OUTAGES[0]))
    with pytest.raises(ClientError):
        record_briefly.record_briefly(batch, "it is too large", services)
    assert services.ledger.files.get(file("a").file_id).status == "running"


def test_unblocking_in_an_outage_records_nothing_in_its_least_form(monkeypatch: pytest.MonkeyPatch) -> None:
    services, batch = committed()
    hand_over("readings", LIVE, 1, services)
    monkeypatch.setattr(unblock, "record_outcome", raising(OUTAGES[0]))
    monkeypatch.setattr(unblock, "file_results", lambda *_: [])
    with pytest.raises(ClientError):
        unblock.unblock(batch.batch, "me", services)
    assert services.ledger.files.get(file("a").file_id).status == "running"
