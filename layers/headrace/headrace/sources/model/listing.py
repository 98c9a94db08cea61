"""Reading listings: MLSD (RFC 3659), and LIST as Unix and DOS servers give it.

LIST was made for people: times are the server's own, without a zone, and without a year when they are recent.

A line speaks of one entry only: an impossible time is taken as no time, an impossible size as no size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from headrace.sources.model.remote_file import DAY, MINUTE, SECOND, Entry, in_utc, size_of

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, 1)}
UNIX = re.compile(
    r"(?P<kind>[-dlbcps])[-rwxsStTlL]{9}[+.@]?\s+\d+\s+(?:\S+\s+){1,2}?(?P<size>-?\d+)\s+"
    r"(?:(?P<month>[A-Za-z]{3}|000)\.?\s+(?P<day>\d{1,2})|(?P<day_first>\d{1,2})\.?\s+(?P<month_second>[A-Za-z]{3})\.?|"
    r"(?P<iso>\d{4}-\d\d-\d\d))\s+(?:(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?|(?P<year>\d{4})) "
    r"(?P<name>.+)"
)
DOS = re.compile(
    r"(?P<date>\d\d-\d\d-(?:\d{4}|\d\d))\s+(?P<hour>\d\d):(?P<minute>\d\d)(?P<half>[AP]M)?\s+"
    r"(?:(?P<folder><DIR>)|(?P<link><[A-Z]+>)|(?P<size>[\d,]+))\s+(?P<name>.+)"
)
TOTAL = re.compile(r"[^\W\d]+:? \d+( \w+)?")
"""What `ls` writes first, in the server's language: `total 12`, `insgesamt 12`."""
FACTS = re.compile(r"((?:[\w.-]+=[^;]*;)+) (.+)")
"""Of MLSD: facts, each with a semicolon at its end, a blank, the name. A value may have blanks in it as well."""
TOMORROW = timedelta(days=1)


class UnreadableListingError(ValueError):
    """A line of a listing that is in no format known here."""


def decoded(wire: str) -> str:
    """A name as people read it. The wire carries bytes, each as one character; most are UTF-8, old ones Windows'."""
    raw = wire.encode("latin-1")
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return wire


def mlsd(lines: Iterable[str]) -> list[Entry]:
    """Entries of an MLSD listing. Its times are UTC. Raises UnreadableListingError."""
    return _entries(filter(None, lines), _mlsd_entry)


def _entries(lines: Iterable[str], read: Callable[[str], Entry | None]) -> list[Entry]:
    """A line that cannot be read is an entry by itself, unless none can: then nothing is known of the folder.

    One strange name, with a line end in it for example, must not keep its neighbours from being taken.
    """
    entries: list[Entry] = []
    unreadable: list[str] = []
    readable = False
    for line in lines:
        try:
            entry = read(line)
        except (ValueError, OverflowError):
            unreadable.append(line)
            continue
        readable = True
        if entry and entry.name not in {".", ".."}:
            entries.append(entry)
    if unreadable and not readable:
        raise UnreadableListingError(unreadable[0])
    return entries + [Entry(decoded(line), line, unreadable=True) for line in unreadable]


def _mlsd_entry(line: str) -> Entry | None:
    known, wire = facts_of(line)
    if not known or not wire:
        raise UnreadableListingError(line)
    kind = known.get("type", "file").lower()
    if kind not in {"file", "dir"}:
        return None
    size, modified = size_of(known.get("size", "")), mlsd_time(known.get("modify"))
    return Entry(decoded(wire), wire, kind == "dir", size, modified)


def facts_of(line: str) -> tuple[dict[str, str], str]:
    """The facts of a line of MLSD or MLST, by their names in lower case, and the name behind them.

    The first of two facts of one name counts.
    """
    match = FACTS.fullmatch(line)
    facts, wire = match.groups() if match else line.partition(" ")[::2]
    told = (fact.partition("=") for fact in reversed(facts.split(";")))
    return {name.lower(): value for name, equals, value in told if equals}, wire


def mlsd_time(text: str | None) -> datetime | None:
    """`20261121061400` or with a fraction, always UTC; None when it is missing or no time."""
    try:
        return in_utc(datetime.strptime((text or "").partition(".")[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC))
    except ValueError:
        return None


def listed(lines: Iterable[str], zone: tzinfo, now: datetime) -> list[Entry]:
    """Entries of a LIST, each line in the format that it has. Raises UnreadableListingError when none has any.

    `zone` is the server's own, `now` the time in UTC, which gives the year where the line does not.
    """
    said = (line for line in lines if line.strip() and not TOTAL.fullmatch(line.strip()))
    return _entries(said, lambda line: _list_entry(line, zone, now))


def _list_entry(line: str, zone: tzinfo, now: datetime) -> Entry | None:
    for pattern, read in FORMATS:
        if match := pattern.fullmatch(line):
            return read(match, zone, now)
    raise UnreadableListingError(line)


def _unix_entry(match: re.Match[str], zone: tzinfo, now: datetime) -> Entry | None:
    if match["kind"] not in "-d":
        return None  # links, devices, sockets: nobody's data
    modified, precision = _unix_time(match, zone, now)
    wire = match["name"]
    return Entry(decoded(wire), wire, match["kind"] == "d", size_of(match["size"]), modified, precision)


def _unix_time(match: re.Match[str], zone: tzinfo, now: datetime) -> tuple[datetime | None, int]:
    try:
        if match["iso"]:
            year, month, day = map(int, match["iso"].split("-"))
        else:
            month = MONTHS[(match["month"] or match["month_second"]).lower()]
            day, year = int(match["day"] or match["day_first"]), int(match["year"] or 0)
        if not match["hour"]:
            return in_utc(datetime(year, month, day, tzinfo=zone)), DAY
        clock = (int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
        precision = SECOND if match["second"] else MINUTE
        if year:
            return in_utc(datetime(year, month, day, *clock, tzinfo=zone)), precision
        return _nearest_year((month, day, *clock), zone, now), precision
    except (KeyError, ValueError):
        return None, DAY


def _nearest_year(parts: tuple[int, int, int, int, int], zone: tzinfo, now: datetime) -> datetime:
    """The latest such time that is not later than tomorrow: clocks differ, and nobody's files are from next year."""
    for year in range(now.year + 1, now.year - 9, -1):
        try:
            candidate = datetime(year, *parts, tzinfo=zone).astimezone(UTC)
        except ValueError:  # the 29th of February, in another year
            continue
        if candidate <= now + TOMORROW:
            return candidate
    raise ValueError("no such day")


def _dos_entry(match: re.Match[str], zone: tzinfo, _now: datetime) -> Entry | None:
    if match["link"]:
        return None  # <JUNCTION>, <SYMLINK>, <SYMLINKD>
    month, day, year = map(int, match["date"].split("-"))
    if len(match["date"]) == len("MM-DD-YY"):
        year += 2000 if year < 70 else 1900
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] == "PM" else 0)
    try:
        modified = in_utc(datetime(year, month, day, hour, int(match["minute"]), tzinfo=zone))
    except ValueError:
        modified = None
    size = None if match["folder"] else size_of(match["size"].replace(",", ""))
    return Entry(decoded(match["name"]), match["name"], bool(match["folder"]), size, modified, MINUTE)


Read = Callable[[re.Match[str], tzinfo, datetime], Entry | None]
FORMATS: tuple[tuple[re.Pattern[str], Read], ...] = ((UNIX, _unix_entry), (DOS, _dos_entry))
