"""A console of a stack, served in a thread as `headrace console` serves it in a process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from headrace_cli.console.memory import Pace
from headrace_cli.console.server import serve
from headrace_cli.stack.target import Target

QUICK = Pace(look=0.1, whole=0.2)
SECONDS = 10


@dataclass
class Running:
    """A console that answers. `addresses` are those that let a browser in, each once."""

    addresses: queue.Queue[str]

    def address(self) -> str:
        """The next address, to be opened once."""
        return self.addresses.get(timeout=SECONDS)


@contextmanager
def running(target: Target, *, read_only: bool = False, pace: Pace = QUICK) -> Iterator[Running]:
    """A console of the target on a free port."""
    addresses: queue.Queue[str] = queue.Queue()
    stop = threading.Event()
    options = {"read_only": read_only, "pace": pace, "stop": stop}
    thread = threading.Thread(target=serve, args=(target, 0, addresses.put), kwargs=options, daemon=True)
    thread.start()
    try:
        yield Running(addresses)
    finally:
        stop.set()
        thread.join(SECONDS)
