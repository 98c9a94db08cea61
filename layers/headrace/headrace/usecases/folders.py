"""What a server lists for a source: the files of all folders that its location means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from headrace.domain.remote import Entry, RemoteFile, refusal, shown
from headrace.domain.source import Source, is_pattern
from headrace.errors import FileProblemError, UnreachableError
from headrace.usecases.source_ports import Remote

UNREADABLE = "a line of the listing that is in no known format"
MOST_FILES = 600_000
"""Of one source, in all its folders: what a poll has memory for."""
SAME_NAME = "the names of two files read the same, this one is not taken"


@dataclass(slots=True)
class Listing:
    """`refused` are paths as they can be shown, with why they are not taken; `closed` folders that the server will not
    list, with what it said. `hashes` is whether the server computes checksums.
    """

    files: dict[str, RemoteFile] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    hashes: bool = False


class Folders:
    """Lists them over a connection. `too_long` says why a path can be no key, or None."""

    def __init__(self, source: Source, remote: Remote, too_long: Callable[[str], str | None]) -> None:
        self._source = source
        self._remote = remote
        self._too_long = too_long
        self._found = Listing(hashes=remote.hashes)

    def listing(self) -> Listing:
        """Every file. A folder that cannot be listed is no trouble of the others. Raises UnreachableError."""
        for path, wire in self._folders():
            for entry in self._entries(path, wire):
                self._sort(entry, path, wire)
            if len(self._found.files) + len(self._found.refused) > MOST_FILES:
                raise UnreachableError(f"its listing has more than {MOST_FILES:,} files: move or delete what was taken")
        return self._found

    def _entries(self, path: str, wire: str) -> list[Entry]:
        try:
            return self._remote.entries(wire)
        except FileProblemError as error:
            self._found.closed[path or "/"] = str(error)
            return []

    def _folders(self) -> list[tuple[str, str]]:
        """Each folder's path as people and as the server write it."""
        found = [("", "")]
        for segment in self._source.segments[:-1]:
            if not is_pattern(segment):
                found = [(f"{path}/{segment}", f"{wire}/{on_the_wire(segment)}") for path, wire in found]
                continue
            found = [
                (f"{path}/{entry.name}", f"{wire}/{entry.wire}")
                for path, wire in found
                for entry in self._entries(path, wire or "/")
                if entry.is_folder and not refusal(entry.name) and fnmatchcase(entry.name, segment)
            ]
        return [(path, wire or "/") for path, wire in found]

    def _sort(self, entry: Entry, folder: str, wire: str) -> None:
        if entry.is_folder:
            return
        path = f"{folder}/{entry.name}"
        reason = UNREADABLE if entry.unreadable else refusal(entry.name) or self._too_long(path)
        if reason is not None:
            self._found.refused.append((f"{folder}/{shown(entry.name)}", reason))
        elif path in self._found.files:
            by_bytes = entry.wire.encode("latin-1").decode("ascii", "backslashreplace")
            self._found.refused.append((f"{folder}/{by_bytes}", SAME_NAME))
        else:
            full = f"{wire.rstrip('/')}/{entry.wire}"
            self._found.files[path] = RemoteFile(path, full, entry.size, entry.modified, entry.precision)


def on_the_wire(text: str) -> str:
    """A path of the contract as it goes over the wire: its bytes in UTF-8, each as one character."""
    return text.encode().decode("latin-1")
