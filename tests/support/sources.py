"""What polls of the tests run on: real servers, and everything of ours in memory, with a clock that can be turned."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.domain.contract import Contract, FileFormat
from headrace.domain.contracts import Contracts
from headrace.domain.notice import Notice
from headrace.domain.source import Complete, Protocol, Source
from headrace.errors import LeaseLostError
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.server_state import ServerState, reset
from headrace.sources.model.source_file import OPEN, SourceFile, SourceStatus
from headrace.sources.poll.poller import Report, poll
from headrace.sources.ports import Remote
from tests.servers.faults import PASSWORD, USER
from tests.support.memory_server import MemoryServer

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
    """`usecases.source_ports.SourceLedger`, in memory. `read` counts the records that were read."""

    def __init__(self) -> None:
        self.states: dict[str, ServerState] = {}
        self.resets: dict[str, datetime | None] = {}
        self.records: dict[tuple[str, str], dict[str, SourceFile]] = {}
        self.turned_away: dict[tuple[str, str], dict[str, SourceFile]] = {}
        self.turns: dict[str, int] = {}
        self.written: dict[tuple[str, str, str], int] = {}
        self.read = 0
        self.leases: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def lease(self, server: str, owner: str, now: datetime, until: datetime) -> ServerState | None:
        with self._lock:
            holder = self.leases.get(server)
            if holder and holder[0] != owner and holder[1] >= now:
                return None
            self.leases[server] = (owner, until)
            self.turns[server] = self.turns.get(server, 0) + 1
        return self.state(server)

    def release(self, state: ServerState) -> None:
        if self.turns.get(state.server) == state.turn:
            self.leases.pop(state.server, None)

    def state(self, server: str) -> ServerState:
        state = replace(self.states.get(server, ServerState(server)), turn=self.turns.get(server, 0))
        return reset(state) if self.resets.get(server, "never") == state.last_poll else state

    def save_state(self, state: ServerState) -> None:
        if self.turns.get(state.server, state.turn) != state.turn:
            raise LeaseLostError("another poll has begun")
        self.states[state.server] = state

    def reset(self, server: str) -> None:
        self.resets[server] = self.states.get(server, ServerState(server)).last_poll

    def files(self, server: str, dataset: str, paths: Iterable[str]) -> dict[str, SourceFile]:
        known = self.records.get((server, dataset), {})
        found = {path: known[path] for path in paths if path in known}
        self.read += len(found)
        return found

    def open_paths(self, server: str, dataset: str) -> set[str]:
        return {path for path, record in self.records.get((server, dataset), {}).items() if record.status in OPEN}

    def reported(self, server: str, dataset: str, paths: Iterable[str]) -> set[str]:
        return self.turned_away.get((server, dataset), {}).keys() & set(paths)

    def refused(self, server: str, dataset: str, most: int) -> list[SourceFile]:
        return list(self.turned_away.get((server, dataset), {}).values())[:most]

    def save(self, record: SourceFile, turn: int) -> None:
        key = (record.server, record.dataset, record.path)
        if self.written.get(key, turn) > turn:
            raise LeaseLostError("another poll has begun")
        self.written[key] = turn
        refused = record.status is SourceStatus.REFUSED
        kept = self.turned_away if refused else self.records
        kept.setdefault((record.server, record.dataset), {})[record.path] = record

    def save_all(self, records: Iterable[SourceFile], turn: int) -> None:
        for record in records:
            self.save(record, turn)

    def let_go(self, held: SourceFile) -> bool:
        known = self.records[held.server, held.dataset]
        if known[held.path].status is not SourceStatus.HELD:
            return False
        known[held.path] = replace(known[held.path], status=SourceStatus.SEEN, attempts=0, retry_at=None)
        return True


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
    """The services of a poll. `credentials` are what Secrets Manager would give. Polls ask `server`, if there is one in
    memory, or a real one at the source's address.
    """

    listed: list[Contract]
    credentials: Credentials = field(default_factory=lambda: Credentials(USER, PASSWORD))
    source_ledger: MemorySourceLedger = field(default_factory=MemorySourceLedger)
    incoming: MemoryIncoming = field(default_factory=MemoryIncoming)
    notices: list[Notice] = field(default_factory=list)
    clock: TurnedClock = field(default_factory=TurnedClock)
    server: MemoryServer | None = None

    @classmethod
    def of(cls, *sources: Source, **changes: Any) -> Bench:
        """One dataset that is fetched from these sources."""
        empty = Contract("readings", "1", "digest", "readings/", FileFormat(), "public", "readings", ())
        return cls([replace(empty, sources=sources, **changes)])

    @classmethod
    def in_memory(cls, server: MemoryServer | None = None, **changes: Any) -> Bench:
        """One dataset that is fetched from a server in memory, each file as soon as it is there."""
        given: dict[str, Any] = {"complete": Complete.RENAME, "connections": 1}
        bench = cls.of(source(Protocol.FTP, 21, **given | changes))
        bench.server = server or MemoryServer()
        return bench

    @property
    def contracts(self) -> Contracts:
        return Contracts(self.listed)

    @property
    def topic(self) -> Bench:
        return self

    def publish(self, notice: Notice) -> None:
        self.notices.append(notice)

    def connect(self, endpoint: Source, check: Callable[[], None]) -> Remote:
        """As `adapters.remote.Connector` does; what a protocol needs is imported when it is used."""
        if self.server is not None:
            return self.server.connect(endpoint, check)
        if endpoint.protocol is Protocol.SFTP:
            from headrace.sources.adapters.sftp import SftpRemote

            return SftpRemote(endpoint, self.credentials, check)
        from headrace.sources.adapters.ftp import FtpRemote

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
        return dict(self.source_ledger.records.get((SERVER, "readings"), {}))

    @property
    def refused(self) -> list[SourceFile]:
        return self.source_ledger.refused(SERVER, "readings", 1000)

    @property
    def landed(self) -> dict[str, bytes]:
        """The newest version of each key, by its last part."""
        return {key.split("/", 3)[-1].split("/", 1)[-1]: bodies[-1] for key, bodies in self.incoming.landed.items()}

    @property
    def titles(self) -> list[str]:
        return [notice.title for notice in self.notices]
