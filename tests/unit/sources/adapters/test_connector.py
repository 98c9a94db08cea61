"""Secrets Manager's answers on the way to a server."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh
import boto3
import pytest
from botocore.exceptions import ClientError

from headrace.domain.source import Protocol
from headrace.errors import HeadraceError, SecretError, UnreachableError
from headrace.sources.adapters.connector import Connector
from headrace.sources.adapters.sftp_errors import translated
from tests.support.sources import source

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


@pytest.mark.parametrize("change", [{"password": "\ud800"}, {"username": "\udfff"}, {"ca": "ü"}])
def test_what_no_server_can_be_sent_is_the_secrets_trouble(change: dict[str, str]) -> None:
    secret = {"username": "u", "password": "p"} | change
    with pytest.raises(SecretError):
        Connector(Secrets({"SecretString": json.dumps(secret)}), FOLDER)(FTPS, lambda: None)


@pytest.mark.parametrize("code", [530, 500, 421, 550, 120])
@pytest.mark.parametrize("password", ["hunter2 of  mine", "pässword"])
def test_a_password_that_a_server_repeats_is_not_passed_on(code: int, password: str) -> None:
    secret = {"SecretString": json.dumps({"username": "u", "password": password})}
    with echoing(code) as port, pytest.raises(HeadraceError) as caught:
        Connector(Secrets(secret), FOLDER)(source(Protocol.FTP, port, secret="carrier"), lambda: None)
    said = "".join(traceback.format_exception(caught.value))
    assert "***" in said
    assert "hunter2" not in said
    assert not any(form in said for form in ("pässword", "pässword".encode().decode("latin-1")))


@contextmanager
def echoing(code: int) -> Iterator[int]:
    """An FTP server that refuses a password with the whole command; its port."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rwb", buffering=0) as line:
            line.write(b"220 hello\r\n")
            line.readline()
            line.write(b"331 password\r\n")
            line.write(b"%d I do not know " % code + line.readline().strip() + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve)
        server.start()
        yield listening.getsockname()[1]
        server.join(10)


def test_a_key_under_a_wrong_passphrase_is_the_secrets_trouble() -> None:
    said = translated(FTPS, asyncssh.KeyEncryptionError("Incorrect passphrase"), "")
    assert isinstance(said, SecretError)
    assert "cannot be read: Incorrect passphrase" in str(said)


def test_what_an_sftp_server_repeats_is_hidden_too() -> None:
    error = asyncssh.ConnectionLost("bye, hunter2, bye")
    assert str(translated(FTPS, error, "", ("hunter2",))).endswith(": bye, ***, bye")
