"""Connecting to a server with what its secret holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.domain.credentials import Credentials, read_credentials
from headrace.domain.source import Protocol, Source
from headrace.errors import LoginRefusedError

if TYPE_CHECKING:
    from headrace.adapters.remote_ftp import FtpRemote
    from headrace.adapters.remote_sftp import SftpRemote


class Connector:
    """Connects. `secrets` is a boto3 Secrets Manager client; a secret is read anew for each connection.

    So a password or host key that was put right works at the next try, with no deployment.
    """

    def __init__(self, secrets: Any) -> None:
        self._secrets = secrets

    def __call__(self, source: Source) -> FtpRemote | SftpRemote:
        """A connection, logged in. Raises UnreachableError, LoginRefusedError, UntrustedServerError."""
        credentials = self._credentials(source)
        if source.protocol is Protocol.SFTP:
            from headrace.adapters.remote_sftp import SftpRemote  # noqa: PLC0415 - a third of a second to import

            return SftpRemote(source, credentials)
        from headrace.adapters.remote_ftp import FtpRemote  # noqa: PLC0415 - only the poller needs it

        return FtpRemote(source, credentials)

    def _credentials(self, source: Source) -> Credentials:
        if source.secret is None:
            return Credentials(password="anonymous@")  # noqa: S106 - what anonymous FTP asks for
        try:
            answer = self._secrets.get_secret_value(SecretId=source.secret)
        except self._secrets.exceptions.ResourceNotFoundException as error:
            raise LoginRefusedError(f"there is no secret {source.secret} in Secrets Manager") from error
        return read_credentials(source, answer["SecretString"])
