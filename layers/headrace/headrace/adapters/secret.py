"""Secrets that hold one text, and the form that an address in one must have. What is in them is never quoted."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from headrace.errors import TerminalError

LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"((?i:https)://({LABEL}\.)*{LABEL}(:[0-9]{{1,5}})?|http://127\.0\.0\.1:[0-9]{{1,5}})/[!-~]*")
"""Signs that urllib sends as they are: its errors about others quote the address, path and all."""
LONGEST_ADDRESS = 2_048


def read_secret(client: Any, name: str, parameter: str) -> str:
    """A secret's text. `client` is a boto3 Secrets Manager client. Raises TerminalError that names it."""
    try:
        answer = client.get_secret_value(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        raise TerminalError(
            f"there is no secret {name} in Secrets Manager: create it, or name another in the parameter {parameter}"
        ) from None
    if "SecretString" not in answer:
        raise TerminalError(f"the secret {name} (parameter {parameter}) is binary: put it in as text")
    return str(answer["SecretString"])


def read_login(client: Any, name: str) -> tuple[str, str]:
    """Username and password of a secret that the stack has made, or an operator. Raises TerminalError that names it."""
    try:
        login = json.loads(read_secret(client, name, "ExistingWarehouseSecretArn"))
        return str(login["username"]), str(login["password"])
    except (ValueError, KeyError, TypeError):
        raise TerminalError(f"the secret {name} should be JSON with username and password") from None


def address(text: str, what: str, form: str) -> str:
    """An address of https, or of this machine, without blanks around it. Raises TerminalError that says its form."""
    url = text.strip()
    if len(url) > LONGEST_ADDRESS or not ADDRESS.fullmatch(url) or not _has_port(url):
        raise TerminalError(f"{what} should be {form} alone: https, and no blank, quote or line end in it")
    return url


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
