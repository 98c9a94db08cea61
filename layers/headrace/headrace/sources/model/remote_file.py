"""What a server says it has: files with a size and a time, and how far these can be trusted."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headrace.domain.files.names import one_form, printable

SECOND, MINUTE, DAY = 1, 60, 86400
LONGEST_KEY = 1024
"""Bytes of a key in S3, and of a sort key in DynamoDB."""
LARGEST_SIZE = 2**63 - 1
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Years 1 and 1601, and 9999, are how systems write that they know no time."""
TEMPORARY = (".part", ".tmp", ".partial", ".filepart", ".crdownload", ".swp")
CHECKSUMS = {".md5": "md5", ".sha256": "sha256"}
CHECKSUM_LINE = re.compile(
    r"(?:\\|[A-Za-z0-9-]+ ?\((?P<before>.*)\) ?= ?)?(?P<digest>[0-9A-Fa-f]{64}|[0-9A-Fa-f]{32})(?:\s+\*?(?P<after>.*))?"
)
"""`<digest>`, `<digest>  <name>`, `<digest> *<name>` and `MD5 (<name>) = <digest>`."""


def size_of(text: str) -> int | None:
    """A size in decimal digits, or None: servers count in 32 bits (`-1794967296`), and forged lines say anything."""
    size = int(text) if text.isdecimal() and len(text) < 20 else -1
    return size if 0 <= size <= LARGEST_SIZE else None


def in_utc(moment: datetime) -> datetime | None:
    """A time in UTC; None for one that stands for no time, or that has none in UTC."""
    try:
        there = moment.astimezone(UTC)
    except OverflowError:
        return None
    return there if FIRST_YEAR <= there.year <= LAST_YEAR else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing. `name` is for people and keys, `wire` is what the server is asked for.

    `modified` is in UTC, exact to `precision` seconds; None where the server does not say. `size` likewise.
    `unreadable` is a line in no known format: both names are then the line itself.
    """

    name: str
    wire: str
    is_folder: bool = False
    size: int | None = None
    modified: datetime | None = None
    precision: int = SECOND
    unreadable: bool = False


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
        return self.path.rpartition("/")[2]


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
    return printable(name)[:200]


def key_of(prefix: str, server: str, at: datetime, relative: str) -> str:
    """`<prefix>server=<name>/date=YYYY-MM-DD/hour=HH/<name>`, the time in UTC, the name in one Unicode form."""
    when = at.astimezone(UTC)
    return f"{prefix}server={server}/date={when:%Y-%m-%d}/hour={when:%H}/{one_form(relative)}"


def checksum_in(body: bytes, name: str) -> str | None:
    """A file's hexadecimal digest in a `.md5` or `.sha256` file: alone, as `md5sum` writes it, or as BSD does.

    A line that names another file says nothing of this one.
    """
    alone: list[str] = []
    for line in _text(body).splitlines():
        if match := CHECKSUM_LINE.fullmatch(line.strip()):
            named = match["before"] or match["after"]
            if named and _last_part(named) == one_form(name):
                return match["digest"].lower()
            alone += [] if named else [match["digest"].lower()]
    return alone[0] if len(alone) == 1 else None


def _text(body: bytes) -> str:
    """Windows' tools begin such files with a byte order mark, PowerShell writes them in UTF-16."""
    encodings = ("utf-16",) if body[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""


def _last_part(path: str) -> str:
    return one_form(path.replace("\\", "/").rpartition("/")[2])
