"""What a server lists for a source: the files of all folders that its location means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from headrace.domain.bounds import cut
from headrace.domain.files.names import matches, one_form
from headrace.domain.source import Source, is_pattern
from headrace.errors import FileProblemError, UnreachableError
from headrace.observability import logger
from headrace.sources.model.remote_file import Entry, RemoteFile, refusal, shown
from headrace.sources.ports import Remote

UNREADABLE = "a line of the listing that is in no known format"
MOST_FILES = 600_000
"""Of one source, in all its folders: what a poll has memory for."""
MOST_FOLDERS = 100_000
MOST_REFUSED = 1_000
"""Entries that are refused by name; of more, only their number is kept."""
MOST_CLOSED = 100
SAME_NAME = "the names of two files read the same, neither is taken"
TWICE = "it is listed twice, with another size or time: the first line counts"
LONGEST_PATH_SHOWN = 400
LONGEST_ANSWER = 500
"""Bytes of why a folder cannot be listed: it may name the path that the server gave."""


@dataclass(slots=True)
class Listing:
    """`refused` are paths as they can be shown, with why they are not taken, and `more_refused` how many others there
    are. `closed` are folders that the server will not list, with what it said; `more_closed` counts the others.
    `hashes` is whether the server computes checksums.
    """

    hashes: bool
    files: dict[str, RemoteFile] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    more_refused: int = 0
    closed: dict[str, str] = field(default_factory=dict)
    more_closed: int = 0

    def refuse(self, folder: str, name: str, reason: str) -> None:
        """Note an entry that is not taken."""
        if len(self.refused) < MOST_REFUSED:
            self.refused.append((f"{folder[-LONGEST_PATH_SHOWN:]}/{name[:LONGEST_PATH_SHOWN]}", reason))
        else:
            self.more_refused += 1

    def close(self, folder: str, reason: str) -> None:
        """Note a folder that cannot be listed."""
        if len(self.closed) < MOST_CLOSED:
            self.closed[_end_of(folder) or "/"] = cut(reason, LONGEST_ANSWER)
        else:
            self.more_closed += 1


class RemoteListing:
    """Lists them over a connection. `too_long` says why a path can be no key, or None."""

    def __init__(self, source: Source, remote: Remote, too_long: Callable[[str], str | None]) -> None:
        self._source = source
        self._remote = remote
        self._too_long = too_long
        self._takes_hidden = source.segments[-1].startswith(".")
        self._found = Listing(hashes=remote.hashes)
        self._twins: dict[str, list[str]] = {}

    def listing(self) -> Listing:
        """Every file. A folder that cannot be listed is no trouble of the others, and no entry one of its neighbours'.

        Raises UnreachableError.
        """
        for path, wire in self._folders():
            for entry in self._entries(path, wire):
                self._sort(entry, path, wire)
            if len(self._found.files) + self._found.more_refused > MOST_FILES:
                raise UnreachableError(f"its listing has more than {MOST_FILES:,} files: move or delete what was taken")
        self._refuse_twins()
        return self._found

    def _entries(self, path: str, wire: str) -> list[Entry]:
        try:
            return self._remote.entries(wire)
        except FileProblemError as error:
            self._found.close(path, str(error))
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
                if self._is_entered(entry, path, segment)
            ]
            if len(found) > MOST_FOLDERS:
                raise UnreachableError(f"{self._source.location} means more than {MOST_FOLDERS:,} folders")
        return [(path, wire or "/") for path, wire in found]

    def _is_entered(self, entry: Entry, path: str, segment: str) -> bool:
        """Whether a folder is one that the location means; one whose path no file could be taken from is refused."""
        if not entry.is_folder or refusal(entry.name) or not matches(entry.name, segment):
            return False
        reason = self._too_long(one_form(f"{path}/{entry.name}"))
        if reason:
            self._found.refuse(path, shown(entry.name), reason)
        return reason is None

    def _sort(self, entry: Entry, folder: str, wire: str) -> None:
        """Take an entry up, or refuse it. Whatever is odd about it is no other's trouble."""
        if entry.is_folder or entry.name in {".", ".."}:
            return
        try:
            self._judge(entry, folder, wire)
        except Exception as error:
            logger.exception("an entry of a listing could not be judged", extra={"server": self._source.server})
            self._found.refuse(folder, shown(entry.name), f"it could not be judged: {type(error).__name__}")

    def _judge(self, entry: Entry, folder: str, wire: str) -> None:
        path = one_form(f"{folder}/{entry.name}")
        reason = UNREADABLE if entry.unreadable else refusal(entry.name) or self._too_long(path)
        if reason is not None:
            self._found.refuse(folder, shown(entry.name), reason)
            return
        if entry.name.startswith(".") and not self._takes_hidden:
            return
        full = f"{wire.rstrip('/')}/{entry.wire}"
        file = RemoteFile(path, full, entry.size, entry.modified, entry.precision)
        known = self._found.files.setdefault(path, file)
        if known.wire != full:
            self._twins.setdefault(path, [known.wire]).append(full)
        elif known != file:
            self._found.refuse(folder, shown(entry.name), TWICE)

    def _refuse_twins(self) -> None:
        """Files whose paths are one for S3: none of them, for one would replace the other there."""
        for path, wires in self._twins.items():
            del self._found.files[path]
            for wire in wires:
                folder, _, name = wire.encode("latin-1").decode("ascii", "backslashreplace").rpartition("/")
                self._found.refuse(folder, name, SAME_NAME)


def on_the_wire(text: str) -> str:
    """A path of the contract as it goes over the wire: its bytes in UTF-8, each as one character."""
    return text.encode().decode("latin-1")


def _end_of(folder: str) -> str:
    return folder.encode(errors="replace")[-LONGEST_PATH_SHOWN:].decode(errors="ignore")
