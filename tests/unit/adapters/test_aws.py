"""Which errors are worth another try, and what they are called when a function raises them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    FlexibleChecksumError,
    IncompleteReadError,
    NoCredentialsError,
)
from botocore.retries import standard
from botocore.stub import Stubber

from headrace.adapters.aws import is_transient
from headrace.adapters.lake import S3Lake
from headrace.entrypoint import entrypoint
from headrace.errors import TransientError


def client_error(code: str, status: int = 400, **more: Any) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}} | more
    return ClientError(answer, "Call")


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),  # a 400 on AWS
        client_error("SlowDown", 503),
        client_error("WhateverItIs", 500),
        client_error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}]),
        client_error("ActiveStatementsExceededException"),
        client_error("ActiveSessionsExceededException"),
        client_error("ActiveWaitingRequestsExceededException"),
        ConnectTimeoutError(endpoint_url="https://x"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        FlexibleChecksumError(error_msg="the bytes are not those that were sent"),
    ],
)
def test_what_may_pass_is_transient(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDenied", 403),
        client_error("ValidationException"),
        client_error("TransactionCanceledException", CancellationReasons=[{"Code": "ConditionalCheckFailed"}]),
        NoCredentialsError(),
        ValueError("ours"),
    ],
)
def test_what_stays_is_not(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize(("code", "passes"), [("SlowDown", True), ("AccessDenied", False)])
def test_an_upload_fails_as_the_call_in_it(code: str, passes: bool, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"rows")
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_client_error("put_object", code)
        with pytest.raises(ClientError) as failed:
            S3Lake(client, "lake").upload("part", part)
    assert is_transient(failed.value) is passes


class Context:
    function_name = "f"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn"
    aws_request_id = "id"

    def get_remaining_time_in_millis(self) -> int:
        return 3000


def test_a_function_raises_transient_errors_under_the_name_that_is_retried() -> None:
    @entrypoint
    def throttled(_event: dict[str, Any]) -> None:
        raise client_error("ThrottlingException")

    @entrypoint
    def refused(_event: dict[str, Any]) -> None:
        raise client_error("AccessDenied", 403)

    with pytest.raises(TransientError):
        throttled({}, Context())
    with pytest.raises(ClientError):
        refused({}, Context())


def test_what_boto3_itself_tries_again_is_transient() -> None:
    """Its standard mode is what the clients use, its older one knows some codes more."""
    codes = {
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
    }
    assert all(is_transient(client_error(code)) for code in codes)


@pytest.mark.parametrize("operation", ["BatchExecuteStatement", "DescribeStatement"])
def test_of_the_data_apis_own_errors_only_a_wrong_request_stays(operation: str) -> None:
    shapes = botocore.session.get_session().get_service_model("redshift-data").operation_model(operation).error_shapes
    stay = {shape.name for shape in shapes if not is_transient(client_error(shape.name))}
    assert stay
    assert stay <= {"ValidationException", "ResourceNotFoundException"}
