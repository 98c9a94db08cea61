"""What polls of the tests run on: real servers, and everything of ours in memory, with a clock that can be turned."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.domain.contract import Contract, FileFormat
from headrace.domain.credentials import Credentials
from headrace.domain.notice import Notice
from headrace.domain.serverstate import ServerState, reset
from headrace.domain.source import Protocol, Source
from headrace.domain.sourcefile import SourceFile
from headrace.usecases.poll_server import Report, poll
from headrace.usecases.source_ports import Remote
from tests.servers.faults import PASSWORD, USER

SERVER = "carrier"


def source(protocol: Protocol, port: int, **changes: Any) -> Source:
    """A source of the dataset `readings` that takes what is there at once."""
    given: dict[str, Any] = {
        "server": SERVER, "dataset": "readings", "protocol": protocol, "host": "127.0.0.1", "port": port,
        "location": "/*.csv", "secret": "headrace/sources/carrier", "stable_seconds": 30, "timeout_seconds": 1,
    }  # fmt: skip
    return Source(**given | changes)


class TurnedClock:
    """A clock whose sleeps take no time; `left` counts what they should have taken. `during` is called by them."""

    def __init__(self, left: float = 900) -> None:
        self.at = datetime.now(UTC)
        self.remaining = left
        self.slept: list[float] = []
        self.during: list[Any] = []

    def now(self) -> datetime:
        return self.at

    def left(self) -> float:
        return self.remaining

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        self.remaining -= seconds
        for action in self.during:
            action()

    def chance(self) -> float:
        return 0.0


class MemorySourceLedger:
    """`usecases.source_ports.SourceLedger`, in memory."""

    def __init__(self) -> None:
        self.states: dict[str, ServerState] = {}
        self.resets: dict[str, datetime | None] = {}
        self.records: dict[tuple[str, str], dict[str, SourceFile]] = {}
        self.leases: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def lease(self, server: str, owner: str, now: datetime, until: datetime) -> ServerState | None:
        with self._lock:
            holder = self.leases.get(server)
            if holder and holder[0] != owner and holder[1] >= now:
                return None
            self.leases[server] = (owner, until)
        return self.state(server)

    def release(self, server: str, owner: str) -> None:
        if self.leases.get(server, ("",))[0] == owner:
            del self.leases[server]

    def state(self, server: str) -> ServerState:
        state = self.states.get(server, ServerState(server))
        return reset(state) if self.resets.get(server, "never") == state.last_poll else state

    def save_state(self, state: ServerState) -> None:
        self.states[state.server] = state

    def reset(self, server: str) -> None:
        self.resets[server] = self.states.get(server, ServerState(server)).last_poll

    def known(self, server: str, dataset: str) -> dict[str, SourceFile]:
        return dict(self.records.get((server, dataset), {}))

    def save(self, record: SourceFile) -> None:
        self.records.setdefault((record.server, record.dataset), {})[record.path] = record

    def save_all(self, records: Iterable[SourceFile]) -> None:
        for record in records:
            self.save(record)


class MemoryIncoming:
    """`usecases.source_ports.Incoming`, in memory: `landed` holds every version of every key."""

    def __init__(self) -> None:
        self.landed: dict[str, list[bytes]] = {}
        self.staged: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.copied_bytes = 0

    def begin(self, staged: str) -> str:
        upload = f"{staged}-{len(self.uploads)}"
        self.uploads[upload] = {}
        return upload

    def part(self, staged: str, upload: str, number: int, body: bytes | bytearray) -> str:
        self.uploads[upload][number] = bytes(body)
        return hashlib.md5(body, usedforsecurity=False).hexdigest()

    def abort(self, staged: str, upload: str) -> None:
        self.uploads.pop(upload, None)
        self.staged.pop(staged, None)

    def recover(self, staged: str, upload: str) -> int:
        parts = self.uploads.pop(upload, None)
        if parts:
            self.staged[staged] = b"".join(parts[number] for number in sorted(parts))
        return len(self.staged.get(staged, b""))

    def read(self, staged: str) -> Iterator[bytes]:
        yield self.staged[staged]

    def copied(self, staged: str, upload: str, size: int) -> list[str]:
        self.copied_bytes += size
        return [self.part(staged, upload, 1, self.staged[staged][:size])]

    def land(self, staged: str, upload: str, etags: list[str], key: str, notes: dict[str, str]) -> None:
        parts = self.uploads.pop(upload)
        assert len(etags) == len(parts)
        self.put(key, b"".join(parts[number] for number in sorted(parts)), notes)

    def put(self, key: str, body: bytes, notes: dict[str, str]) -> None:
        assert notes["sha256"] == hashlib.sha256(body).hexdigest()
        self.landed.setdefault(key, []).append(body)

    def size(self, key: str) -> int | None:
        return len(self.landed[key][-1]) if key in self.landed else None


@dataclass
class Bench:
    """The services of a poll. `credentials` are what Secrets Manager would give."""

    contracts: list[Contract]
    credentials: Credentials = field(default_factory=lambda: Credentials(USER, PASSWORD))
    source_ledger: MemorySourceLedger = field(default_factory=MemorySourceLedger)
    incoming: MemoryIncoming = field(default_factory=MemoryIncoming)
    notices: list[Notice] = field(default_factory=list)
    clock: TurnedClock = field(default_factory=TurnedClock)

    @classmethod
    def of(cls, *sources: Source, **changes: Any) -> Bench:
        """One dataset that is fetched from these sources."""
        empty = Contract("readings", "1", "digest", "readings/", FileFormat(), "public", "readings", ())
        return cls([replace(empty, sources=sources, **changes)])

    @property
    def catalog(self) -> Bench:
        return self

    def all(self) -> list[Contract]:
        return self.contracts

    @property
    def topic(self) -> Bench:
        return self

    def publish(self, notice: Notice) -> None:
        self.notices.append(notice)

    def connect(self, endpoint: Source, check: Callable[[], None]) -> Remote:
        """As `adapters.remote.Connector` does; what a protocol needs is imported when it is used."""
        if endpoint.protocol is Protocol.SFTP:
            from headrace.adapters.remote_sftp import SftpRemote

            return SftpRemote(endpoint, self.credentials, check)
        from headrace.adapters.remote_ftp import FtpRemote

        return FtpRemote(endpoint, self.credentials, check)

    def poll(self, after_minutes: float = 15) -> Report:
        """One poll of the server, so many minutes after the last."""
        self.clock.at += timedelta(minutes=after_minutes)
        self.clock.remaining = max(self.clock.remaining, 900)
        return poll(SERVER, f"poll at {self.clock.at}", self, self.clock)

    @property
    def state(self) -> ServerState:
        return self.source_ledger.state(SERVER)

    @property
    def records(self) -> dict[str, SourceFile]:
        return self.source_ledger.known(SERVER, "readings")

    @property
    def landed(self) -> dict[str, bytes]:
        """The newest version of each key, by its last part."""
        return {key.split("/", 3)[-1].split("/", 1)[-1]: bodies[-1] for key, bodies in self.incoming.landed.items()}

    @property
    def titles(self) -> list[str]:
        return [notice.title for notice in self.notices]
