"""Real FTP and FTPS servers (pyftpdlib) on loopback, which can be told to misbehave."""

from __future__ import annotations

import logging
import random
import socket
import struct
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from tests.servers.faults import PASSWORD, USER, Faults

logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())
logging.getLogger("pyftpdlib").propagate = False


class FtpServer:
    """Serves a folder until its block ends. `certificate` (a PEM file) makes it FTPS; `without` leaves commands out.

    `style` is how LIST looks: unix or dos. `latin` sends names in Windows-1252. With `sendfile` it is as fast as it can
    be, and faults in the middle of a file are not to be had. `implicit` speaks TLS from the first byte on.
    `most_connections` are allowed at a time, as many as there are if it is 0.
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
        sendfile: bool = False,
        implicit: bool = False,
        most_connections: int = 0,
        port: int = 0,
    ) -> None:
        self.root = root
        self.faults = Faults()
        self._stop = threading.Event()
        self._loop = IOLoop()
        handler = _handler(self.faults, style, latin=latin, tls=certificate is not None)
        handler = _implicit(handler) if implicit else handler
        handler.proto_cmds = {name: how for name, how in handler.proto_cmds.items() if name not in (without or ())}
        handler.authorizer = DummyAuthorizer()
        handler.authorizer.add_user(USER, PASSWORD, str(root), perm="elradfmwMT")
        handler.authorizer.add_anonymous(str(root))
        handler.masquerade_address = passive_address
        handler.use_sendfile = sendfile
        if certificate is not None:
            handler.certfile = str(certificate)
            handler.tls_control_required = handler.tls_data_required = True
        self._server = FTPServer(("127.0.0.1", port), handler, ioloop=self._loop)
        self._server.max_cons_per_ip = most_connections
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


def _handler(faults: Faults, style: str, *, latin: bool, tls: bool) -> Any:
    """The class that speaks with one client: it counts, hangs and refuses as the faults say."""
    base: Any = TLS_FTPHandler if tls else FTPHandler

    class Handler(base):  # type: ignore[misc]
        dtp_handler = _data(faults, TLS_DTPHandler if tls else DTPHandler)
        abstracted_fs = _filesystem(faults, style)
        encoding = "cp1252" if latin else "utf8"
        max_login_attempts = 100
        auth_failed_timeout = 0
        doomed = False
        chance = random.Random(1)

        def handle(self) -> None:
            faults.connected()
            if not _answers_wrong(self, faults, "login"):
                super().handle()

        def close(self) -> None:
            if not self._closed:
                faults.disconnected()
            super().close()

        def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
            faults.commands.append(line)
            if cmd == "RETR":
                self.doomed = self.chance.randrange(100) < faults.chance
            if not _answers_wrong(self, faults, cmd):
                super().pre_process_command(line, cmd, arg)

    return Handler


def _answers_wrong(handler: Any, faults: Faults, command: str) -> bool:
    """Whether a command (or the login) was answered as the faults say, or not at all."""
    if command in faults.babble:
        _babble(handler)
    elif command in faults.refuse:
        handler.respond(faults.refuse[command])
    else:
        return faults.hang_at == ("listing" if command in {"LIST", "MLSD"} else command)
    return True


def _babble(handler: Any) -> None:
    """A line of an answer that does not end, and the next a moment later."""
    if not handler._closed:
        handler.push("211-still at it\r\n")
        handler.ioloop.call_later(0.02, _babble, handler)


def _implicit(handler: Any) -> Any:
    """The same with TLS before the first word, as on port 990."""

    class Implicit(handler):  # type: ignore[misc]  # pyftpdlib has no types
        def handle(self) -> None:
            self.secure_connection(self.ssl_context)

        def handle_ssl_established(self) -> None:
            super().handle()

        def ftp_AUTH(self, _line: str) -> None:  # noqa: N802 - the name of the command
            self.respond("534 It is secure already.")

    return Implicit


def _data(faults: Faults, base: Any) -> Any:
    """The class of data connections: it breaks off, or falls silent, in the middle of a file."""

    class Data(base):  # type: ignore[misc]
        broken = False
        next_byte = 0.0

        def _breaks_now(self) -> bool:
            if self.cmd == "RETR" and not self.broken:
                by_number = 0 < faults.break_after <= self.tot_bytes_sent and faults.take()
                self.broken = by_number or (self.cmd_channel.doomed and self.tot_bytes_sent > 0)
            return self.broken

        def send(self, data: Any) -> Any:
            if faults.trickle and self.cmd in {"LIST", "MLSD"}:
                return self._trickled(data)
            if faults.break_after or faults.chance:
                data = data[: 1 << 16] if faults.break_after else data[: max(1, len(data) // 2)]
            if not self._breaks_now():
                return super().send(data)
            if faults.hang_at != "data":
                reset(self.socket)
                self.close()
                self.cmd_channel.close()
            return 0

        def _trickled(self, data: Any) -> Any:
            if time.monotonic() < self.next_byte:
                return 0
            self.next_byte = time.monotonic() + faults.trickle
            return super().send(data[:1])

    return Data


def _filesystem(faults: Faults, style: str) -> Any:
    class Filesystem(AbstractedFS):  # type: ignore[misc]
        """Lies about sizes, lists in the style that was asked for, and has names that no disk would take."""

        def getsize(self, path: str) -> int:
            return int(super().getsize(path)) + faults.size_lie

        def format_mlsx(self, *arguments: Any, **keywords: Any) -> Any:
            for line in super().format_mlsx(*arguments, **keywords):
                yield _lying(line, faults.size_lie)
            yield from (f"{line}\r\n".encode() for line in faults.extra(faults.lines))

        def format_list(self, basedir: str, listing: list[str], ignore_err: bool = True) -> Any:
            if style == "dos":
                yield from (_dos_line(Path(basedir) / name) for name in listing)
            else:
                yield from super().format_list(basedir, listing, ignore_err)
            yield from (f"{line}\r\n".encode() for line in faults.extra(faults.lines))

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
