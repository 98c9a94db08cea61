"""Secrets of one text: what is said of one that is not there, or not as it should be."""

from __future__ import annotations

import traceback
from typing import Any

import boto3
import pytest

from headrace.adapters.secret import read_login, read_secret
from headrace.errors import TerminalError

NAME = "headrace/slack-webhook"


class Secrets:
    """Gives one answer; None is a secret that is not there."""

    exceptions = boto3.client("secretsmanager", region_name="us-east-1").exceptions

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self._answer = answer

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        assert SecretId == NAME
        if self._answer is None:
            raise self.exceptions.ResourceNotFoundException({"Error": {"Code": "ResourceNotFoundException"}}, "Get")
        return self._answer


@pytest.mark.parametrize(("answer", "says"), [(None, "there is no secret"), ({"SecretBinary": b"x"}, "is binary")])
def test_a_secret_without_text_is_named_with_its_parameter(answer: dict[str, Any] | None, says: str) -> None:
    with pytest.raises(TerminalError, match=says) as caught:
        read_secret(Secrets(answer), NAME, "SlackWebhookSecret")
    assert NAME in str(caught.value)
    assert "SlackWebhookSecret" in str(caught.value)


def test_a_login_is_json() -> None:
    assert read_login(Secrets({"SecretString": '{"username": "u", "password": "p"}'}), NAME) == ("u", "p")


@pytest.mark.parametrize("text", ["hunter2", '"hunter2"', '{"hunter2": 1}', '["hunter2"]', '{"username": "hunter2"}'])
def test_a_login_that_is_none_is_not_quoted(text: str) -> None:
    with pytest.raises(TerminalError, match="should be JSON with username and password") as caught:
        read_login(Secrets({"SecretString": text}), NAME)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert NAME in str(caught.value)
