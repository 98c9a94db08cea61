"""What a server's secret may hold, and what is said when it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.domain.source import Protocol
from headrace.errors import SecretError, UntrustedServerError
from headrace.sources.model.credentials import Credentials, read_credentials
from tests.support.sources import source

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
SFTP = source(Protocol.SFTP, 22)


def read(**secret: Any) -> Credentials:
    return read_credentials(SFTP, json.dumps({"username": "u", "password": "p"} | secret))


@pytest.mark.parametrize(
    "keys",
    [
        KEY,
        [KEY],
        f"{KEY} root@files",
        f"files.example.com {KEY}",
        f"# files.example.com:22 SSH-2.0-OpenSSH\n[files.example.com]:2222 {KEY}\n\n",
    ],
)
def test_a_host_key_as_people_paste_it(keys: Any) -> None:
    (found,) = read(hostKeys=keys).host_keys
    assert found.startswith(KEY)


def test_a_line_of_ssh_keyscan_has_its_host_before_the_key_and_a_name_behind_it() -> None:
    assert read(hostKeys=f"files.example.com {KEY} root@files").host_keys == (KEY,)


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ({"hostKeys": KEY, "user": "u"}, "is not a JSON object of username"),
        ({"hostKeys": 5}, "has a value that is not text"),
        ({"hostKeys": [5]}, "has a value that is not text"),
        ({"hostKeys": None}, "has a value that is not text"),
        ({"hostKeys": KEY, "password": 5}, "has a value that is not text"),
        ({"hostKeys": KEY, "username": ""}, "has no username"),
        ({"hostKeys": KEY, "password": "p\r\nQUIT"}, "with a line end in it"),
    ],
)
def test_what_a_secret_lacks_is_said(secret: dict[str, Any], says: str) -> None:
    with pytest.raises(SecretError, match=says) as caught:
        read(**secret)
    assert "headrace/sources/carrier" in str(caught.value)


@pytest.mark.parametrize("text", ["", "password", "[]", "null", '"u:p"', "{"])
def test_a_secret_that_is_no_object(text: str) -> None:
    with pytest.raises(SecretError, match="is not a JSON object"):
        read_credentials(SFTP, text)


@pytest.mark.parametrize("keys", ["", [], "# only a remark"])
def test_an_sftp_server_without_a_known_key_is_not_asked(keys: Any) -> None:
    with pytest.raises(UntrustedServerError, match="has no hostKeys"):
        read(hostKeys=keys)


def test_no_secret_is_shown() -> None:
    words = {"password": "first word", "passphrase": "second word", "privateKey": "third word"}
    read_one = read(hostKeys=KEY, **words)
    assert "word" not in repr(read_one).replace("password", "")
    assert sorted(read_one.hidden) == sorted(words.values())
