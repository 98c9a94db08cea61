"""A server in memory: files by path, what it refuses, and what happens while it is asked.

It keeps what `sources.ports.Remote` promises; the real ones are in `tests/servers`, with the faults of their protocols.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headrace.domain.source import Source
from headrace.errors import FileProblemError
from headrace.sources.model.remote_file import Entry, Stat
from headrace.sources.ports import Room

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROWS = b"meter,read_at,value\na,2026-01-01T00:00:00Z,1\n"


@dataclass(frozen=True, slots=True)
class Served:
    """A file as the server has it. `says` is the size that it gives for it, if that is another."""

    body: bytes = ROWS
    at: datetime | None = MONDAY
    says: int | None = None

    @property
    def stat(self) -> Stat:
        """What the server says of it alone."""
        return Stat(len(self.body) if self.says is None else self.says, self.at)


class MemoryServer:
    """Each call is noted in `asked` and passes `faults`, which may raise, or change the files, before it is done.

    `lists` and `answers` make of what the server has what it says, in a listing and of a file alone. `reads` are the
    offsets from which files were read. `extra` are entries of folders beside the files.
    """

    def __init__(self, files: dict[str, Served] | None = None) -> None:
        self.files = files if files is not None else {}
        self.folders: set[str] = {"/"}
        self.faults: list[Callable[[str, str], None]] = []
        self.asked: list[tuple[str, str]] = []
        self.reads: list[tuple[str, int]] = []
        self.extra: dict[str, list[Entry]] = {}
        self.hashes = False
        self.sums: dict[str, dict[str, str]] = {}
        self.lists: Callable[[Entry], Entry] = lambda entry: entry
        self.answers: Callable[[Stat], Stat] = lambda stat: stat
        self.piece = 16
        self.open_connections = 0
        self.most_connections = 0
        self._lock = threading.Lock()

    def put(self, path: str, body: bytes = ROWS, at: datetime | None = MONDAY, says: int | None = None) -> None:
        """Have a file."""
        self.files[path] = Served(body, at, says)

    def knows_nothing(self) -> None:
        """It gives neither sizes nor times, and says of no file whether it is there."""
        self.lists = lambda entry: replace(entry, size=None, modified=None)
        self.answers = lambda _: Stat(None, None)

    def fails(self, verb: str, error: BaseException, times: int = 1, path: str = "") -> None:
        """From here on, so many calls of a verb fail."""
        left = [times]

        def fault(asked: str, of: str) -> None:
            if asked == verb and path in {"", of} and left[0] > 0:
                left[0] -= 1
                raise error

        self.faults.append(fault)

    def count(self, verb: str) -> int:
        """How often a verb was asked for."""
        return sum(asked == verb for asked, _ in self.asked)

    def connect(self, _: Source, check: Callable[[], None]) -> MemoryRemote:
        """Log in."""
        self.note("connect", "")
        check()
        with self._lock:
            self.open_connections += 1
            self.most_connections = max(self.most_connections, self.open_connections)
        return MemoryRemote(self)

    def note(self, verb: str, path: str) -> None:
        """A call begins."""
        with self._lock:
            self.asked.append((verb, path))
        for fault in list(self.faults):
            fault(verb, path)

    def hung_up(self) -> None:
        """A connection ends."""
        with self._lock:
            self.open_connections -= 1


class MemoryRemote:
    """One connection. It cannot be used any more once it is closed."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self._closed = False

    @property
    def hashes(self) -> bool:
        return self._server.hashes

    def _ask(self, verb: str, path: str) -> None:
        assert not self._closed, "the connection is closed"
        self._server.note(verb, path)

    def entries(self, folder: str) -> list[Entry]:
        self._ask("entries", folder)
        inside = folder.rstrip("/") + "/"
        below = [
            (path.removeprefix(inside), file) for path, file in self._server.files.items() if path.startswith(inside)
        ]
        if not below and folder not in self._server.folders:
            raise FileProblemError(f"the server refuses {folder}: it is not there")
        folders = dict.fromkeys(name.partition("/")[0] for name, _ in below if "/" in name)
        files = [Entry(name, name, size=file.stat.size, modified=file.at) for name, file in below if "/" not in name]
        listed = [self._server.lists(file) for file in files]
        return [*(Entry(name, name, is_folder=True) for name in folders), *listed, *self._server.extra.get(folder, [])]

    def stat(self, path: str) -> Stat | None:
        self._ask("stat", path)
        found = self._server.files.get(path)
        if found is None:
            nothing = self._server.answers(Stat(0, MONDAY))
            return nothing if nothing == Stat(None, None) else None
        return self._server.answers(found.stat)

    def read(self, path: str, offset: int, room: Room) -> Iterator[int]:
        self._ask("read", path)
        self._server.reads.append((path, offset))
        body = self._server.files[path].body
        while offset < len(body):
            self._server.note("piece", path)
            place = room()
            piece = body[offset : offset + min(len(place), self._server.piece)]
            place[: len(piece)] = piece
            offset += len(piece)
            yield len(piece)
        self._server.note("end", path)

    def checksum(self, path: str) -> dict[str, str]:
        self._ask("checksum", path)
        return self._server.sums.get(path, {})

    def rename(self, path: str, target: str) -> None:
        self._ask("rename", path)
        assert target not in self._server.files, "nothing is written over"
        self._server.files[target] = self._server.files.pop(path)

    def delete(self, path: str) -> None:
        self._ask("delete", path)
        del self._server.files[path]

    def close(self) -> None:
        assert not self._closed
        self._closed = True
        self._server.hung_up()
