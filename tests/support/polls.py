"""Polls of a server in memory, and a server that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.errors import UnreachableError
from tests.support.memory_server import ROWS, MemoryServer
from tests.support.sources import Bench

BROKEN = UnreachableError("no route to host")


def bench_with(*names: str, **changes: Any) -> tuple[MemoryServer, Bench]:
    """A server with these files, each with other bytes."""
    server = MemoryServer()
    for number, name in enumerate(names):
        server.put(name, ROWS + bytes([65 + number % 64, number % 251]))
    return server, Bench.in_memory(server, **changes)


def down(server: MemoryServer, error: Exception = BROKEN, verb: str = "connect") -> Callable[[], None]:
    """The server fails from now on. Returns how to mend it."""
    server.fails(verb, error, times=10_000)
    fault = server.faults[-1]
    return lambda: server.faults.remove(fault)
