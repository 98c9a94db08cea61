"""Serves the console on 127.0.0.1 until it is interrupted."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hypercorn.asyncio import serve as serve_forever
from hypercorn.config import Config

from headrace_cli.console.app import READING, Console, application
from headrace_cli.console.door import Access, Door
from headrace_cli.console.memory import Memory, Pace
from headrace_cli.output.failures import CommandError

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

ADDRESS = "127.0.0.1"
GRACE_SECONDS = 1.0
STOP_LOOK_SECONDS = 0.1


def listening(port: int) -> socket.socket:
    """A socket on the port, 0 for any that is free. Raises CommandError when it is taken."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((ADDRESS, port))
        made.listen()  # whoever comes before the server is up waits
    except OSError as error:
        made.close()
        raise CommandError(
            f"port {port} of {ADDRESS} cannot be used ({error.strerror}): choose one, --port 0"
        ) from error
    return made


def serve(
    target: Target,
    port: int,
    tell: Callable[[str], None],
    *,
    read_only: bool = False,
    pace: Pace | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Answer until SIGINT or SIGTERM. `tell` is called with the address to open, again whenever it has been used."""
    listener = listening(port)
    taken = listener.getsockname()[1]
    access = Access()
    access.used = lambda: tell(access.address(taken))
    console = Console(target, Memory(target, pace), access, read_only=read_only)
    door = Door(application(console), taken, access, read_only=read_only, reading=READING)
    console.memory.start()
    tell(access.address(taken))
    try:
        asyncio.run(answer(door, console, listener, stop))
    finally:
        console.memory.stop()


async def answer(door: Door, console: Console, listener: socket.socket, stop: threading.Event | None) -> None:
    """Serve until asked to stop, which ends the streams first."""
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # the server closes it
    config.graceful_timeout = GRACE_SECONDS
    config.loglevel = "WARNING"
    config.include_server_header = False
    asked = stop or threading.Event()
    if stop is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)

    async def asked_to_stop() -> None:
        while not asked.is_set():
            await asyncio.sleep(STOP_LOOK_SECONDS)
        console.closing = True

    await serve_forever(door, config, shutdown_trigger=asked_to_stop)  # type: ignore[arg-type]
