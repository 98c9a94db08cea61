"""Which errors are worth another try, and what they are called when a function raises them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from headrace.adapters.aws import is_transient
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
        ConnectTimeoutError(endpoint_url="https://x"),
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


class Context:
    function_name = "f"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn"
    aws_request_id = "id"


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
