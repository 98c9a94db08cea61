"""What a server of the tests can be told to do wrong, while it runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

USER, PASSWORD = "carrier", "p4ss word"


@dataclass(slots=True)
class Faults:
    """`hang_at` is login, listing or data. After `break_after` bytes of a file the connection is reset, or the server
    says no more (`hang_at="data"`), `times` times. `chance` resets so many of 100 transfers, by `seed`.

    `size_lie` is added to every size that the server tells. `refuse` maps a command (or SFTP verb) to what is answered.
    `entries` are lines that a listing has beside its own. `after_bytes` is called once a file has come so far.
    """

    hang_at: str = ""
    break_after: int = 0
    times: int = 0
    chance: int = 0
    size_lie: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)
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

    def take(self) -> bool:
        """Whether the fault happens now; each of `times` is used up by that."""
        with self.lock:
            if self.times <= 0:
                return False
            self.times -= 1
            return True
