"""SFTP, over asyncssh. Each connection has an event loop of its own, run only while something is asked.

Paths are bytes on the wire; here each byte is one character (latin-1), as with FTP.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

import asyncssh

from headrace.domain.credentials import Credentials
from headrace.domain.listing import decoded
from headrace.domain.remote import Entry, Stat
from headrace.domain.source import Source
from headrace.errors import FileProblemError, HeadraceError, LoginRefusedError, UnreachableError, UntrustedServerError

READ_BYTES = 4 << 20
"""Asked for at once, in many requests side by side."""
NAMES_AT_ONCE = 500
T = TypeVar("T")
GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
BROKEN = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)


class SftpRemote:
    """One connection of SFTP, logged in. Used by one thread at a time."""

    hashes = False

    def __init__(self, source: Source, credentials: Credentials) -> None:
        self._source = source
        self._runner = asyncio.Runner()
        # Requests that were under way when a connection broke end with an error that nobody waits for.
        self._runner.get_loop().set_exception_handler(lambda *_: None)
        self._ssh: asyncssh.SSHClientConnection | None = None
        try:
            self._sftp = self._ask(self._connected(credentials))
        except BaseException:
            self.close()
            raise

    def entries(self, folder: str) -> list[Entry]:
        """A folder's listing. Times are seconds since 1970, so no zone is needed."""
        names, found = self._sftp.scandir(_bytes(folder)), list[Entry]()
        while some := self._ask(_next(names), folder):
            found += [_entry(name) for name in some if _is_file_or_folder(name)]
        return found

    def stat(self, path: str) -> Stat | None:
        """Size and time of a file; None when it is gone."""
        try:
            found = self._ask(self._sftp.stat(_bytes(path)), path)
        except FileProblemError as error:
            if isinstance(error.__cause__, GONE):
                return None
            raise
        return Stat(found.size, _moment(found.mtime))

    def read(self, path: str, offset: int) -> Iterator[bytes]:
        """The file's bytes from an offset on."""
        file: asyncssh.SFTPClientFile = self._ask(self._sftp.open(_bytes(path), "rb"), path)
        try:
            while chunk := self._ask(file.read(READ_BYTES, offset), path):
                assert isinstance(chunk, bytes)
                yield chunk
                offset += len(chunk)
        finally:
            with suppress(HeadraceError):
                self._ask(file.close(), path)

    def checksum(self, _path: str) -> dict[str, str]:
        """None: SFTP as it is spoken has no command for that."""
        return {}

    def rename(self, path: str, target: str) -> None:
        """Move a file."""
        self._ask(self._sftp.rename(_bytes(path), _bytes(target)), path)

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._ask(self._sftp.remove(_bytes(path)), path)

    def close(self) -> None:
        """Hang up."""
        if self._ssh is not None:
            self._ssh.abort()
        self._runner.close()

    async def _connected(self, credentials: Credentials) -> asyncssh.SFTPClient:
        source = self._source
        keys = [asyncssh.import_public_key(key) for key in credentials.host_keys]
        own = (
            asyncssh.import_private_key(credentials.private_key, credentials.passphrase or None)
            if (credentials.private_key)
            else None
        )
        self._ssh = await asyncssh.connect(
            source.host,
            source.port,
            username=credentials.username,
            password=credentials.password or None,
            client_keys=[own] if own else None,
            known_hosts=(keys, [], []),
            server_host_key_algs=[algorithm for key in keys for algorithm in _algorithms(key)],
            agent_path=None,
            config=None,
            connect_timeout=source.timeout_seconds,
            login_timeout=source.timeout_seconds,
        )
        return await self._ssh.start_sftp_client(path_encoding=None)

    def _ask(self, question: Awaitable[T], path: str = "") -> T:
        """Wait for an answer, as long as the contract allows."""
        try:
            return self._runner.run(self._within_time(question))
        except Exception as error:
            raise _translated(self._source, error, path) from error

    async def _within_time(self, question: Awaitable[T]) -> T:
        """Not `asyncio.wait_for`: it waits until the question has tidied up, and asyncssh asks the server for that."""
        task = asyncio.ensure_future(question)
        done, _ = await asyncio.wait({task}, timeout=self._source.timeout_seconds)
        if not done:
            if self._ssh is not None:
                self._ssh.abort()
            task.cancel()
            await asyncio.wait({task}, timeout=1)
            raise TimeoutError
        return task.result()


def _algorithms(key: asyncssh.SSHKey) -> list[str]:
    return [name.decode() for name in key.sig_algorithms]


def _bytes(path: str) -> bytes:
    return path.encode("latin-1")


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def _next(names: AsyncIterator[asyncssh.SFTPName]) -> list[asyncssh.SFTPName]:
    """Some more of a listing: a large one must not be held whole, nor have to come within one time-out."""
    some: list[asyncssh.SFTPName] = []
    async for name in names:
        some.append(name)
        if len(some) == NAMES_AT_ONCE:
            break
    return some


def _mode(name: asyncssh.SFTPName) -> int:
    return name.attrs.permissions or stat.S_IFREG


def _is_file_or_folder(name: asyncssh.SFTPName) -> bool:
    return stat.S_ISREG(_mode(name)) or stat.S_ISDIR(_mode(name))


def _entry(name: asyncssh.SFTPName) -> Entry:
    raw = name.filename if isinstance(name.filename, bytes) else name.filename.encode()
    wire = raw.decode("latin-1")
    return Entry(decoded(wire), wire, stat.S_ISDIR(_mode(name)), name.attrs.size, _moment(name.attrs.mtime))


def _translated(source: Source, error: Exception, path: str) -> Exception:
    """The errors of asyncssh in our words."""
    for kind, translate in TRANSLATIONS:
        if isinstance(error, kind):
            return translate(source, error, path)
    return error


def _untrusted(source: Source, *_: object) -> UntrustedServerError:
    return UntrustedServerError(
        f"the host key of {source.host} is not the one in the secret {source.secret}: nothing was sent to it. If its"
        " owner says that it was changed, put the new one into the secret"
    )


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


Translate = Callable[[Source, Exception, str], HeadraceError]
TRANSLATIONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Translate], ...] = (
    (asyncssh.HostKeyNotVerifiable, _untrusted),
    (asyncssh.PermissionDenied, lambda _, error, __: LoginRefusedError(f"the login was refused: {_said(error)}")),
    (
        asyncssh.KeyImportError,
        lambda source, error, _: LoginRefusedError(f"a key in the secret {source.secret} cannot be read: {error}"),
    ),
    (BROKEN, lambda source, *_: UnreachableError(f"{source.host} closed the connection")),
    (
        asyncssh.SFTPError,
        lambda _, error, path: FileProblemError(f"the server refuses {decoded(path)}: {_said(error)}"),
    ),
    (
        TimeoutError,
        lambda source, *_: UnreachableError(f"{source.host} said nothing for {source.timeout_seconds} s"),
    ),
    ((asyncssh.Error, OSError), lambda source, error, _: UnreachableError(f"{source.host}: {_said(error)}")),
)
