"""Secrets Manager's answers on the way to a server."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from headrace.adapters.remote import Connector
from headrace.domain.source import Protocol
from headrace.errors import SecretError, UnreachableError
from tests.sources import source

FTPS = source(Protocol.FTPS, 1, secret="carrier")
FOLDER = "headrace/sources/"


class Secrets:
    """Gives one answer, or raises it."""

    exceptions = boto3.client("secretsmanager", region_name="us-east-1").exceptions

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803
        assert SecretId == "headrace/sources/carrier"
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def refused(code: str) -> ClientError:
    kind = Secrets.exceptions.ResourceNotFoundException if code == "ResourceNotFoundException" else ClientError
    return kind({"Error": {"Code": code, "Message": "no, no"}}, "GetSecretValue")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refused("ResourceNotFoundException"), "there is no secret headrace/sources/carrier in Secrets Manager"),
        (refused("AccessDeniedException"), "cannot be read: no, no"),
        (refused("InvalidRequestException"), "cannot be read: no, no"),
        ({"SecretBinary": b"x"}, "is binary, and should be JSON"),
        ({"SecretString": json.dumps({"username": "u", "ca": "no certificate"})}, "is no certificate in PEM"),
    ],
)
def test_a_secret_that_is_not_in_order_is_no_trouble_of_the_server(answer: Any, says: str) -> None:
    with pytest.raises(SecretError, match=says):
        Connector(Secrets(answer), FOLDER)(FTPS, lambda: None)


def test_what_may_be_better_in_a_moment_is_not_the_secrets_trouble() -> None:
    with pytest.raises(ClientError):
        Connector(Secrets(refused("InternalServiceError")), FOLDER)(FTPS, lambda: None)


def test_a_secret_in_order_leads_to_the_server() -> None:
    with pytest.raises(UnreachableError, match="refused"):
        Connector(Secrets({"SecretString": json.dumps({"username": "u"})}), FOLDER)(FTPS, lambda: None)
