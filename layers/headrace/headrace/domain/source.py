"""A dataset's source: whose server, which files, when one is complete, what happens to it there afterwards."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from headrace.domain.files.names import IGNORED, ignored_by, matches


class Protocol(StrEnum):
    """How a server is spoken to."""

    FTP = "ftp"
    FTPS = "ftps"
    SFTP = "sftp"


class Complete(StrEnum):
    """How a producer shows that a file is whole.

    STABLE: size and time are unchanged for a set time. RENAME: the file has another name while it is written, so a file
    of the right name is whole. MARKER: a second file beside it shows that it is.
    """

    STABLE = "stable"
    RENAME = "rename"
    MARKER = "marker"


class After(StrEnum):
    """What becomes of a file on the server once it is safe in S3."""

    LEAVE = "leave"
    MOVE = "move"
    DELETE = "delete"


class Checksum(StrEnum):
    """AUTO compares with what there is; REQUIRED takes no file without one; IGNORE does not look."""

    AUTO = "auto"
    REQUIRED = "required"
    IGNORE = "ignore"


class Tls(StrEnum):
    """How FTPS begins. EXPLICIT: in the clear, on the ordinary port, then AUTH TLS. IMPLICIT: with TLS at once."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Source:
    """One `servers` entry of a contract. `server` names the machine: entries of one name share its breaker and limits.

    `location` is an absolute path whose segments may hold `*`, `?` and `[…]`, none of which means a point that a name
    begins with. `timezone` is the server's own, for
    listings that give no zone. `secret` is the name of a Secrets Manager secret, None for anonymous FTP.
    `breaker_failures` polls that fail one after another open the breaker; after `patience_seconds` with it open,
    an incident is opened. Files with names that fit one of `ignore`, which is the dataset's, are left where they are.
    """

    server: str
    dataset: str
    protocol: Protocol
    host: str
    port: int
    location: str
    secret: str | None = None
    complete: Complete = Complete.STABLE
    stable_seconds: int = 30
    marker: str = ".done"
    after: After = After.LEAVE
    move_to: str | None = None
    checksum: Checksum = Checksum.AUTO
    timezone: str = "UTC"
    connections: int = 2
    timeout_seconds: int = 30
    breaker_failures: int = 3
    patience_seconds: int = 3600
    tls: Tls = Tls.EXPLICIT
    ignore: tuple[str, ...] = IGNORED

    @property
    def segments(self) -> tuple[str, ...]:
        """The location's parts: the last is the pattern of file names, the others lead to the folders."""
        return tuple(part for part in self.location.split("/") if part)

    @property
    def fixed_folder(self) -> str:
        """The part of the location before the first pattern."""
        parts: list[str] = []
        for part in self.segments[:-1]:
            if is_pattern(part):
                break
            parts.append(part)
        return "/" + "/".join(parts)

    def ignores(self, name: str) -> bool:
        """Whether a name is none of a file, unless the location asks for such: `_*.csv` means what `_*` ignores."""
        wanted = self.segments[-1]
        return ignored_by(name, (pattern for pattern in self.ignore if not fnmatchcase(wanted, pattern))) is not None

    def covers(self, path: str) -> bool:
        """Whether a path of the server is one that `location` means."""
        parts = path.split("/")[1:]
        wanted = self.segments
        return len(parts) == len(wanted) and all(map(matches, parts, wanted))


def is_pattern(segment: str) -> bool:
    """Whether a segment of a path stands for several names."""
    return any(mark in segment for mark in "*?[")


def shared_folder(sources: Iterable[Source]) -> str:
    """The folder that the fixed parts of these locations have in common, with a slash at its end.

    Keys begin behind it: two folders of a dataset may have files of one name.
    """
    parts = [source.fixed_folder.strip("/").split("/") for source in sources]
    common = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    return "/" + "".join(f"{level[0]}/" for level in common if level[0])


def overlap(one: Source, other: Source) -> bool:
    """Whether there can be a path that both locations mean."""
    mine, theirs = one.segments, other.segments
    return len(mine) == len(theirs) and all(map(_can_agree, mine, theirs))


def _can_agree(one: str, other: str) -> bool:
    """Whether some name fits both patterns. A set such as `[ab]` is taken for any letter."""
    first, second = (re.sub(r"\[!?\]?[^]]*\]", "?", pattern) for pattern in (one, other))
    return _meet(first, second)


def _meet(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _meet(one[1:], other[1:])


@dataclass(frozen=True, slots=True)
class Server:
    """One machine and all that is fetched from it. Limits are the strictest that a contract names."""

    name: str
    sources: tuple[Source, ...]

    @property
    def endpoint(self) -> Source:
        """How to connect: the entries of one server agree on this."""
        return self.sources[0]

    @property
    def connections(self) -> int:
        """How many connections the server may see at the same time."""
        return min(source.connections for source in self.sources)

    @property
    def breaker_failures(self) -> int:
        """How many polls must fail, one after another, to open the breaker."""
        return min(source.breaker_failures for source in self.sources)

    @property
    def patience_seconds(self) -> int:
        """How long the breaker may be open before an incident is opened."""
        return min(source.patience_seconds for source in self.sources)


def servers_of(sources: Iterable[Source]) -> list[Server]:
    """Sources grouped by server, by name."""
    grouped: dict[str, list[Source]] = {}
    for source in sources:
        grouped.setdefault(source.server, []).append(source)
    return [Server(name, tuple(grouped[name])) for name in sorted(grouped)]


def offset_seconds(server: str, spread_seconds: int) -> int:
    """When in a round a server is asked: always at the same place, so that its own rounds keep their distance."""
    digest = hashlib.sha256(server.encode()).digest()
    return int.from_bytes(digest[:4]) % (spread_seconds + 1)
