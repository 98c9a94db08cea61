"""Who logs in to the laptop's warehouse with a secret: its user, read again after some seconds."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from headrace_local.redshift.errors import SqlError
from headrace_local.warehouse import KNOWN_SECONDS, user_of_secret

SECRET = "arn:secret"


class Secrets:
    """Secrets Manager with one secret, None while there is none."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self.answer = answer

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert SecretId == SECRET
        if self.answer is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return self.answer


def test_a_secret_that_changes_changes_who_logs_in() -> None:
    secrets, times = Secrets({"SecretString": '{"username": "loader"}'}), [0.0]
    user = user_of_secret(secrets, lambda: times[0])
    assert user(SECRET) == "loader"
    secrets.answer = {"SecretString": '{"username": "another"}'}
    assert user(SECRET) == "loader"
    times[0] += KNOWN_SECONDS
    assert user(SECRET) == "another"


@pytest.mark.parametrize(
    "answer", [None, {"SecretBinary": b"x"}, {"SecretString": "x"}, {"SecretString": "[]"}, {"SecretString": "{}"}]
)
def test_nobody_logs_in_with_a_secret_that_names_no_user(answer: dict[str, Any] | None) -> None:
    with pytest.raises(SqlError, match="password authentication failed"):
        user_of_secret(Secrets(answer))(SECRET)
