"""What a server's secret holds: who we are there, and how it proves who it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields

from headrace.domain.source import Protocol, Source
from headrace.errors import LoginRefusedError, UntrustedServerError

NAMES = {"username": "username", "password": "password", "privateKey": "private_key", "passphrase": "passphrase",
         "hostKeys": "host_keys", "ca": "ca"}  # fmt: skip


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


def read_credentials(source: Source, text: str) -> Credentials:
    """A secret's text, JSON. Raises LoginRefusedError or UntrustedServerError that say what it lacks."""
    try:
        value = json.loads(text)
        given = {NAMES[name]: item for name, item in value.items()}
    except (ValueError, AttributeError, KeyError) as error:
        raise LoginRefusedError(f"the secret {source.secret} is not a JSON object of {', '.join(NAMES)}") from error
    keys = given.get("host_keys", ())
    found = Credentials(**given | {"host_keys": tuple([keys] if isinstance(keys, str) else keys)})
    if not all(isinstance(getattr(found, item.name), str) for item in fields(found) if item.name != "host_keys"):
        raise LoginRefusedError(f"the secret {source.secret} has a value that is not text")
    if source.protocol is Protocol.SFTP and not found.host_keys:
        raise UntrustedServerError(
            f"the secret {source.secret} has no hostKeys: an SFTP server that cannot be checked is not asked"
        )
    return found
