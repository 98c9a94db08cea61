"""Real FTP and FTPS servers (pyftpdlib) on loopback, which can be told to misbehave."""

from __future__ import annotations

import logging
import random
import socket
import struct
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from tests.servers.faults import Faults

USER, PASSWORD = "carrier", "p4ss word"
MODERN = {"MLSD", "MLST"}
logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL + 1)


class FtpServer:
    """Serves a folder until its block ends. `certificate` (a PEM file) makes it FTPS; `without` leaves commands out.

    `style` is how LIST looks: unix or dos. `latin` sends names in Windows-1252.
    """

    def __init__(
        self,
        root: Path,
        *,
        certificate: Path | None = None,
        without: set[str] | None = None,
        style: str = "unix",
        latin: bool = False,
        passive_address: str | None = None,
    ) -> None:
        self.root = root
        self.faults = Faults()
        self._stop = threading.Event()
        self._loop = IOLoop()
        handler = _handler(self.faults, without or set(), style, latin=latin, tls=certificate is not None)
        handler.authorizer = DummyAuthorizer()
        handler.authorizer.add_user(USER, PASSWORD, str(root), perm="elradfmwMT")
        handler.authorizer.add_anonymous(str(root))
        handler.masquerade_address = passive_address
        if certificate is not None:
            handler.certfile = str(certificate)
            handler.tls_control_required = handler.tls_data_required = True
        self._server = FTPServer(("127.0.0.1", 0), handler, ioloop=self._loop)
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._loop.loop(timeout=0.02, blocking=False)
        self._server.close_all()
        self._loop.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _handler(faults: Faults, without: set[str], style: str, *, latin: bool, tls: bool) -> Any:
    base: Any = TLS_FTPHandler if tls else FTPHandler
    data_base: Any = TLS_DTPHandler if tls else DTPHandler

    class Data(data_base):  # type: ignore[misc]
        """Breaks off, or falls silent, in the middle of a file."""

        broken = False

        def _breaks_now(self) -> bool:
            if self.cmd != "RETR" or self.broken:
                return bool(self.broken)
            by_number = 0 < faults.break_after <= self.tot_bytes_sent and faults.take()
            by_chance = faults.chance and self.tot_bytes_sent > 0 and self.cmd_channel.doomed
            self.broken = bool(by_number or by_chance)
            return self.broken

        def send(self, data: Any) -> Any:
            if faults.break_after:
                data = data[: 1 << 16]
            if not self._breaks_now():
                return super().send(data)
            if faults.hang_at == "data":
                return 0
            reset(self.socket)
            self.close()
            self.cmd_channel.close()
            return 0

    class Handler(base):  # type: ignore[misc]
        """Counts, hangs, lies and refuses as the faults say."""

        use_sendfile = False
        dtp_handler = Data
        abstracted_fs = _filesystem(faults, style)
        proto_cmds = {name: value for name, value in base.proto_cmds.items() if name not in without}
        encoding = "cp1252" if latin else "utf8"
        max_login_attempts = 100
        auth_failed_timeout = 0
        doomed = False
        chance = random.Random(1)

        def handle(self) -> None:
            faults.connected()
            if faults.hang_at != "login":
                super().handle()

        def close(self) -> None:
            if not self._closed:
                faults.disconnected()
            super().close()

        def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
            faults.commands.append(line)
            if faults.hang_at == "listing" and cmd in {"LIST", "MLSD"}:
                return
            if cmd == "RETR":
                self.doomed = self.chance.randrange(100) < faults.chance
            if cmd in faults.refuse:
                self.respond(faults.refuse[cmd])
                return
            super().pre_process_command(line, cmd, arg)

    return Handler


def _filesystem(faults: Faults, style: str) -> Any:
    class Filesystem(AbstractedFS):  # type: ignore[misc]
        """Lies about sizes, lists in the style that was asked for, and has names that no disk would take."""

        def getsize(self, path: str) -> int:
            return int(super().getsize(path)) + faults.size_lie

        def format_mlsx(self, *arguments: Any, **keywords: Any) -> Any:
            for line in super().format_mlsx(*arguments, **keywords):
                yield _lying(line, faults.size_lie)
            yield from (f"{line}\r\n".encode() for line in faults.lines)

        def format_list(self, basedir: str, listing: list[str], ignore_err: bool = True) -> Any:
            if style == "dos":
                yield from (_dos_line(Path(basedir) / name) for name in listing)
            else:
                yield from super().format_list(basedir, listing, ignore_err)
            yield from (f"{line}\r\n".encode() for line in faults.lines)

    return Filesystem


def _lying(line: bytes, lie: int) -> bytes:
    if not lie:
        return line
    facts, _, name = line.partition(b" ")
    parts = [b"size=%d" % (int(part[5:]) + lie) if part.startswith(b"size=") else part for part in facts.split(b";")]
    return b";".join(parts) + b" " + name


def _dos_line(path: Path) -> bytes:
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    what = "<DIR>         " if path.is_dir() else f"{path.stat().st_size:>14}"
    return f"{when:%m-%d-%y  %I:%M%p} {what} {path.name}\r\n".encode()


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets a reset, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
