"""What a server's secret holds: who we are there, and how it proves who it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from headrace.domain.source import Protocol, Source
from headrace.errors import SecretError, UntrustedServerError

NAMES = {"username": "username", "password": "password", "privateKey": "private_key", "passphrase": "passphrase",
         "hostKeys": "host_keys", "ca": "ca"}  # fmt: skip


KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


@dataclass(frozen=True, slots=True)
class Credentials:
    """`host_keys` are an SFTP server's public keys as `ssh-keyscan` prints them, without the host's name.

    `ca` is the certificate (PEM) that an FTPS server's is signed with, for those that no public authority knows.
    """

    username: str = "anonymous"
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    host_keys: tuple[str, ...] = ()
    ca: str = ""

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no message may repeat, even if the server does."""
        return (self.password, self.passphrase, self.private_key)


def read_credentials(source: Source, text: str) -> Credentials:
    """A secret's text, JSON. Raises SecretError or UntrustedServerError that say what it lacks."""
    try:
        value = json.loads(text)
        given = {NAMES[name]: item for name, item in value.items()}
    except (ValueError, AttributeError, KeyError):
        raise SecretError(f"the secret {source.secret} is not a JSON object of {', '.join(NAMES)}") from None
    keys = given.pop("host_keys", [])
    lines = keys.splitlines() if isinstance(keys, str) else keys
    if not isinstance(lines, list) or not all(map(_is_text, (*given.values(), *lines))):
        raise SecretError(f"the secret {source.secret} has a value that is not text")
    found = Credentials(**given, host_keys=tuple(filter(None, map(_bare_key, lines))))
    if not given.get("username") or any(mark in found.username + found.password for mark in "\r\n\0"):
        raise SecretError(f"the secret {source.secret} has no username, or one or a password with a line end in it")
    if source.protocol is Protocol.SFTP and not found.host_keys:
        raise UntrustedServerError(
            f"the secret {source.secret} has no hostKeys: an SFTP server that cannot be checked is not asked"
        )
    return found


def _is_text(value: Any) -> bool:
    """JSON also has halves of characters, which no server can be sent."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _bare_key(line: str) -> str:
    """Type and key of a line as `ssh-keyscan` prints it, with the host's name before it or without; "" of a comment."""
    words = line.partition("#")[0].split()
    return " ".join(words[1:3] if len(words) > 2 and words[1].startswith(KEY_TYPES) else words)
