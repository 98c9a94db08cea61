"""What a server says it has: files with a size and a time, and how far these can be trusted."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND, MINUTE, DAY = 1, 60, 86400
LONGEST_KEY = 1024
TEMPORARY = (".part", ".tmp", ".partial", ".filepart", ".crdownload", ".swp")
CHECKSUMS = {".md5": "md5", ".sha256": "sha256"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing. `name` is for people and keys, `wire` is what the server is asked for.

    `modified` is in UTC, exact to `precision` seconds; None where the server does not say. `size` likewise.
    """

    name: str
    wire: str
    is_folder: bool = False
    size: int | None = None
    modified: datetime | None = None
    precision: int = SECOND


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file and the folder it is in, both as people and as the server write them."""

    path: str
    wire: str
    size: int | None
    modified: datetime | None
    precision: int = SECOND

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Stat:
    """What the server says of one file when it is asked for it alone, exact to the second; None: it does not say."""

    size: int | None
    modified: datetime | None


def same_file(size: int | None, modified: datetime | None, precision: int, other: RemoteFile) -> bool:
    """Whether a file looks as it did: the same size, and times that agree as far as the coarser of them goes.

    A listing may tell a file's minute today and only its day when the file is half a year old; that is no change.
    """
    if size != other.size:
        return False
    if modified is None or other.modified is None:
        return modified is None and other.modified is None
    tolerance = max(precision, other.precision)
    return abs(modified - other.modified) < timedelta(seconds=tolerance)


def refusal(name: str) -> str | None:
    """Why a name that a server gives is not taken, or None. No name may lead out of its folder or forge a line."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        return "the name would lead out of its folder"
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for letter in name):
        return "the name has control characters in it"
    return None


def shown(name: str) -> str:
    """A name in a sentence, whatever is in it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)[:200]


def key_of(prefix: str, server: str, at: datetime, relative: str) -> str:
    """`<prefix>server=<name>/date=YYYY-MM-DD/hour=HH/<name>`, the time in UTC, the name in one Unicode form."""
    when = at.astimezone(UTC)
    name = unicodedata.normalize("NFC", relative)
    return f"{prefix}server={server}/date={when:%Y-%m-%d}/hour={when:%H}/{name}"


def checksum_in(text: str, name: str) -> str | None:
    """The hexadecimal digest in a `.md5` or `.sha256` file: alone, as `md5sum` writes it, or as BSD does."""
    found: list[str] = []
    for line in text.splitlines():
        words = line.replace("=", " = ").split()
        digests = [word.lower().lstrip("\\") for word in words if _is_digest(word.lstrip("\\"))]
        if digests and name in line:
            return digests[0]
        found += digests
    return found[0] if len(found) == 1 else None


def _is_digest(word: str) -> bool:
    return len(word) in {32, 64} and all(letter in "0123456789abcdefABCDEF" for letter in word)
