"""SFTP, over asyncssh. Each connection has its own event loop, run only while something is asked.

Paths are bytes on the wire; here each byte is one character (latin-1), as with FTP.
"""

from __future__ import annotations

import asyncio
import stat
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

import asyncssh

from headrace.domain.source import Source
from headrace.errors import FileProblemError, HeadraceError
from headrace.sources.adapters.patience import LISTING_BYTES, Patience
from headrace.sources.adapters.sftp_errors import GONE, translated
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.listing import decoded
from headrace.sources.model.remote_file import Entry, Stat, in_utc, size_of

BLOCK_BYTES = 256 << 10
LEAST_BLOCK_BYTES = 32 << 10
"""A server must give so much at once; more where it says that it does."""
AHEAD_BYTES = 4 << 20
"""Asked for before it is needed, so that the server need not wait for the next question."""
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""What asyncssh offers by itself, quickest first: AES in GCM takes two thirds of ChaCha20's CPU."""
SIGNATURES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-512", "rsa-sha2-256")
NAMES_AT_ONCE = 500
ATTRIBUTES_BYTES = 32
T = TypeVar("T")


class SftpRemote:
    """One connection of SFTP, logged in. Used by one thread at a time."""

    hashes = False

    def __init__(self, source: Source, credentials: Credentials, check: Callable[[], None]) -> None:
        self._source = source
        self._patience = Patience(source, check)
        self._hidden = credentials.hidden
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
        self._patience.begin("listing", LISTING_BYTES)
        while some := self._ask(_next(names, self._source.timeout_seconds / 10), folder):
            self._patience.heard(sum(map(_size, some)))
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
        return Stat(_known_size(found.size), _moment(found.mtime))

    def read(self, path: str, offset: int, room: Callable[[], memoryview]) -> Iterator[int]:
        """The file's bytes from an offset on."""
        file: asyncssh.SFTPClientFile = self._ask(self._sftp.open(_bytes(path), "rb", block_size=0), path)
        try:
            for block in self._blocks(file, offset, path):
                yield from _put(block, room)
        finally:
            with suppress(HeadraceError):
                self._ask(file.close(), path)

    def _blocks(self, file: asyncssh.SFTPClientFile, offset: int, path: str) -> Iterator[bytes]:
        """The file's blocks, asked for one ahead at first and then twice as many: most files are small."""
        size = min(BLOCK_BYTES, max(LEAST_BLOCK_BYTES, self._sftp.limits.max_read_len))
        loop, asked, ahead = self._runner.get_loop(), deque[asyncio.Task[bytes]](), 1
        try:
            while True:
                for _ in range(ahead - len(asked)):
                    asked.append(loop.create_task(_block(file, offset, size)))
                    offset += size
                block = self._ask(asked.popleft(), path)
                yield block
                if len(block) < size:
                    return
                ahead = min(2 * ahead, AHEAD_BYTES // size)
        finally:
            for task in asked:
                task.cancel()

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
            self._runner.run(_hung_up(self._ssh))
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
            server_host_key_algs=_signatures(keys),
            encryption_algs=CIPHERS,
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
            raise translated(self._source, error, path, self._hidden) from (error if isinstance(error, GONE) else None)

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


async def _hung_up(ssh: asyncssh.SSHClientConnection) -> None:
    """Hang up, until it is so: a listing in its middle would ask for its folder to be closed, and wait for ever."""
    ssh.abort()
    with suppress(TimeoutError):
        await asyncio.wait_for(ssh.wait_closed(), 1)


def _signatures(keys: list[asyncssh.SSHKey]) -> list[str]:
    """Those of the keys that are known first: a server has several kinds.

    The others follow, so that a server whose key is now of another kind shows it, and is reported as changed.
    """
    known = (name.decode() for key in keys for name in key.sig_algorithms)
    return list(dict.fromkeys((*known, *SIGNATURES)))


def _bytes(path: str) -> bytes:
    return path.encode("latin-1")


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else in_utc(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):  # a year that the calendar does not have
        return None


def _known_size(size: int | None) -> int | None:
    return None if size is None else size_of(str(size))


async def _block(file: asyncssh.SFTPClientFile, offset: int, size: int) -> bytes:
    """All of a block that the file has: a server may give it in pieces."""
    block = b""
    while len(block) < size and (piece := await file.read(size - len(block), offset + len(block))):
        assert isinstance(piece, bytes)
        block += piece
    return block


def _put(block: bytes, room: Callable[[], memoryview]) -> Iterator[int]:
    left = memoryview(block)
    while left:
        place = room()
        size = min(len(place), len(left))
        place[:size] = left[:size]
        left = left[size:]
        yield size


async def _next(names: AsyncIterator[asyncssh.SFTPName], seconds: float) -> list[asyncssh.SFTPName]:
    """Some more of a listing, what comes within this many seconds: all of it need not come within one time-out."""
    some: list[asyncssh.SFTPName] = []
    until = time.monotonic() + seconds
    async for name in names:
        some.append(name)
        if len(some) == NAMES_AT_ONCE or time.monotonic() > until:
            break
    return some


def _size(name: asyncssh.SFTPName) -> int:
    """Its bytes on the wire, about."""
    return len(name.filename) + len(name.longname or "") + ATTRIBUTES_BYTES


def _mode(name: asyncssh.SFTPName) -> int:
    return name.attrs.permissions or stat.S_IFREG


def _is_file_or_folder(name: asyncssh.SFTPName) -> bool:
    return stat.S_ISREG(_mode(name)) or stat.S_ISDIR(_mode(name))


def _entry(name: asyncssh.SFTPName) -> Entry:
    raw = name.filename if isinstance(name.filename, bytes) else name.filename.encode()
    wire = raw.decode("latin-1")
    return Entry(
        decoded(wire), wire, stat.S_ISDIR(_mode(name)), _known_size(name.attrs.size), _moment(name.attrs.mtime)
    )
