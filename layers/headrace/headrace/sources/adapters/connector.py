"""Connecting to a server with what its secret holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from headrace.domain.source import Protocol, Source
from headrace.errors import SecretError
from headrace.sources.model.credentials import Credentials, read_credentials

if TYPE_CHECKING:
    from headrace.sources.adapters.ftp import FtpRemote
    from headrace.sources.adapters.sftp import SftpRemote


UNREADABLE_SECRET = frozenset({"AccessDeniedException", "InvalidRequestException", "DecryptionFailure"})
"""Not allowed, marked for deletion, its key of KMS gone: a person has to act."""


class Connector:
    """Connects. `secrets` is a boto3 Secrets Manager client; each connection reads the secret again.

    A contract names what follows `folder` in a secret's name, so each stack reads its own secrets.

    So a corrected password or host key works at the next try, with no deployment.
    """

    def __init__(self, secrets: Any, folder: str) -> None:
        self._secrets = secrets
        self._folder = folder

    def __call__(self, source: Source, check: Callable[[], None]) -> FtpRemote | SftpRemote:
        """A connection, logged in. Raises UnreachableError, LoginRefusedError, SecretError, UntrustedServerError.

        `check` is called while the server talks, and raises what it will when that has to end.
        """
        if source.secret is not None:
            source = replace(source, secret=f"{self._folder}{source.secret}")
        credentials = self._credentials(source)
        if source.protocol is Protocol.SFTP:
            from headrace.sources.adapters.sftp import SftpRemote  # noqa: PLC0415 - a third of a second to import

            return SftpRemote(source, credentials, check)
        from headrace.sources.adapters.ftp import FtpRemote  # noqa: PLC0415 - only the poller needs it

        return FtpRemote(source, credentials, check)

    def _credentials(self, source: Source) -> Credentials:
        if source.secret is None:
            return Credentials(password="anonymous@")  # noqa: S106 - what anonymous FTP asks for
        try:
            answer = self._secrets.get_secret_value(SecretId=source.secret)
        except self._secrets.exceptions.ResourceNotFoundException as error:
            raise SecretError(f"there is no secret {source.secret} in Secrets Manager") from error
        except ClientError as error:
            refusal = error.response["Error"]
            if refusal["Code"] not in UNREADABLE_SECRET:
                raise
            raise SecretError(f"the secret {source.secret} cannot be read: {refusal['Message']}") from error
        if "SecretString" not in answer:
            raise SecretError(f"the secret {source.secret} is binary, and should be JSON")
        return read_credentials(source, answer["SecretString"])
