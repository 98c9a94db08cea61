"""A real SFTP server (asyncssh) on loopback, which can be told to misbehave."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import asyncssh

from tests.servers.faults import PASSWORD, USER, Faults


class SftpServer:
    """Serves a folder until its block ends. `host_key` is what `hostKeys` of its secret should be."""

    def __init__(self, root: Path, *, client_key: asyncssh.SSHKey | None = None) -> None:
        self.root = root
        self.faults = Faults()
        self.port = 0
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._client_key = client_key
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def host_key(self) -> str:
        return self._key.export_public_key().decode().strip()

    def change_host_key(self, kind: str = "ssh-ed25519") -> None:
        """From now on, connections see another key."""
        self._key = asyncssh.generate_private_key(kind)
        asyncio.run_coroutine_threadsafe(self._listen_again(), self._loop).result(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _listen(self) -> None:
        chance = random.Random(1)
        self._acceptor = await asyncssh.create_server(
            lambda: _Ssh(self.faults, self._client_key),
            "127.0.0.1",
            self.port,
            server_host_keys=[self._key],
            sftp_factory=lambda channel: _Sftp(channel, self.root, self.faults, chance),
            reuse_address=True,
        )
        self.port = self._acceptor.get_port()

    async def _listen_again(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()
        await self._listen()

    async def _close(self) -> None:
        self._acceptor.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.05)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class _Ssh(asyncssh.SSHServer):
    def __init__(self, faults: Faults, client_key: asyncssh.SSHKey | None) -> None:
        self._faults = faults
        self._client_key = client_key

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._faults.connected()

    def connection_lost(self, exc: Exception | None) -> None:
        self._faults.disconnected()

    async def begin_auth(self, username: str) -> bool:
        self._faults.commands.append(f"USER {username}")
        if self._faults.hang_at == "login":
            await asyncio.sleep(3600)
        return True

    def password_auth_supported(self) -> bool:
        return self._client_key is None

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return self._client_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._client_key is not None and key.public_data == self._client_key.public_data


class _Sftp(asyncssh.SFTPServer):
    def __init__(self, channel: Any, root: Path, faults: Faults, chance: random.Random) -> None:
        super().__init__(channel, chroot=str(root).encode())
        self._channel = channel
        self._faults = faults
        self._chance = chance
        self._doomed = False

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if self._faults.hang_at == "listing":
            await self._hang()
        async for name in super().scandir(path):
            yield self._lying(name)
        for extra in self._faults.extra(self._faults.names):
            await asyncio.sleep(self._faults.trickle)
            yield asyncssh.SFTPName(extra, attrs=asyncssh.SFTPAttrs(size=1, permissions=0o100644, mtime=0))

    def _lying(self, name: asyncssh.SFTPName) -> asyncssh.SFTPName:
        if name.attrs.size is not None and self._faults.size_lie:
            name.attrs.size += self._faults.size_lie
        return name

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        self._refuse("open")
        self._doomed = self._chance.randrange(100) < self._faults.chance
        return super().open(path, pflags, attrs)

    def remove(self, path: bytes) -> None:
        self._refuse("remove")
        super().remove(path)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._refuse("rename")
        super().rename(oldpath, newpath)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        broken = 0 < self._faults.break_after <= offset + size and self._faults.take()
        if broken and self._faults.hang_at == "data":
            await self._hang()
        if broken or (self._doomed and offset):
            self._channel.get_connection().abort()
        data = super().read(file_obj, offset, size)
        assert isinstance(data, bytes)
        return data

    async def _hang(self) -> None:
        """Say nothing until the other side gives up."""
        while not self._channel.is_closing():
            await asyncio.sleep(0.02)

    def _refuse(self, verb: str) -> None:
        if verb in self._faults.refuse:
            raise asyncssh.SFTPPermissionDenied(self._faults.refuse[verb])
