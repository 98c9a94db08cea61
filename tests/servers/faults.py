"""What a server of the tests can be told to do wrong, while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

Extra = TypeVar("Extra", str, bytes)
USER, PASSWORD = "carrier", "p4ss word"


@dataclass(slots=True)
class Faults:
    """`hang_at` is login, listing or data. After `break_after` bytes of a file the connection is reset, or the server
    says no more (`hang_at="data"`), `times` times. `chance` resets so many of 100 transfers, by `seed`.

    `size_lie` is added to every size that the server tells. `refuse` maps a command (or SFTP verb) to what is answered.
    `lines` (`names` over SFTP) are what a listing has beside its own; `endless` says them again and again, `trickle`
    waits so many seconds before each byte of a listing (each name over SFTP). `babble` are commands, or `login`, that
    are answered with a line after the other.
    """

    hang_at: str = ""
    break_after: int = 0
    times: int = 0
    chance: int = 0
    size_lie: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)
    endless: bool = False
    trickle: float = 0.0
    babble: set[str] = field(default_factory=set)
    connections: int = 0
    most_connections: int = 0
    commands: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def connected(self) -> None:
        """Count a connection that begins."""
        with self.lock:
            self.connections += 1
            self.most_connections = max(self.connections, self.most_connections)

    def disconnected(self) -> None:
        """Count one that ended."""
        with self.lock:
            self.connections -= 1

    def extra(self, of: list[Extra]) -> Iterator[Extra]:
        """What a listing has beside its own: once, or again and again until somebody hangs up."""
        yield from of
        while self.endless and of:
            yield from of

    def take(self) -> bool:
        """Whether the fault happens now; each of `times` is used up by that."""
        with self.lock:
            if self.times <= 0:
                return False
            self.times -= 1
            return True
