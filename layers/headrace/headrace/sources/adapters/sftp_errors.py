"""The errors of asyncssh in our words."""

from __future__ import annotations

from collections.abc import Callable

import asyncssh

from headrace.adapters.error_text import plain
from headrace.domain.source import Source
from headrace.errors import (
    FileProblemError,
    HeadraceError,
    LoginRefusedError,
    SecretError,
    UnreachableError,
    UntrustedServerError,
)
from headrace.sources.model.listing import decoded

GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
BROKEN = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)


def translated(source: Source, error: Exception, path: str, hidden: tuple[str, ...] = ()) -> Exception:
    """The errors of asyncssh in our words, without what has to stay hidden."""
    for kind, translate in TRANSLATIONS:
        if isinstance(error, kind):
            return translate(source, plain(error, hidden), path)
    return error


def _untrusted(source: Source, *_: object) -> UntrustedServerError:
    return UntrustedServerError(
        f"the host key of {source.host} is not the one in the secret {source.secret}: nothing was sent to it. If its"
        " owner says that it was changed, put the new one into the secret"
    )


Translate = Callable[[Source, str, str], HeadraceError]
TRANSLATIONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Translate], ...] = (
    (asyncssh.HostKeyNotVerifiable, _untrusted),
    (asyncssh.PermissionDenied, lambda _, said, __: LoginRefusedError(f"the login was refused: {said}")),
    (
        (asyncssh.KeyImportError, asyncssh.KeyEncryptionError),
        lambda source, said, _: SecretError(f"a key in the secret {source.secret} cannot be read: {said}"),
    ),
    (BROKEN, lambda source, *_: UnreachableError(f"{source.host} closed the connection")),
    (
        asyncssh.SFTPError,
        lambda _, said, path: FileProblemError(f"the server refuses {decoded(path)}: {said}"),
    ),
    (
        TimeoutError,
        lambda source, *_: UnreachableError(f"{source.host} said nothing for {source.timeout_seconds} s"),
    ),
    (
        (asyncssh.Error, OSError),
        lambda source, said, _: UnreachableError(f"{source.host}: {said}"),
    ),
)
