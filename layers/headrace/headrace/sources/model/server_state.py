"""What is remembered of a server between polls, and the notices when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from headrace.domain import causes
from headrace.domain.notice import OK, Incident, Matter, Notice, shortened
from headrace.sources.model.breaker import Breaker, State
from headrace.sources.model.source_file import SourceFile

MOST_INCIDENTS = 200
"""Calls that a server has open at once: they are kept in its record. Whoever has so many looks at the server."""
MOST_CLOSED = 100
"""Closed folders that its record names."""
MOST_FRUITLESS = 4
"""Consecutive polls that ran out of time without taking a file, before it is reported: an hour."""


class Trouble(StrEnum):
    """Why a server could not be asked."""

    UNREACHABLE = "unreachable"
    LOGIN = "login refused"
    SECRET = "secret not in order"  # noqa: S105 - what is wrong, no secret itself
    UNTRUSTED = "not trusted"


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server in the ledger. `incidents` are the open calls for a person, by their stable keys, since when.
    `closed_folders` are those that it would not list when it was last asked, by dataset, with what it said.
    `polling` is whether a poll has it now, `turn` the number of the last one: what an earlier one writes is refused.
    `fruitless` counts the last polls that ran out of time without taking a file.
    """

    server: str
    breaker: Breaker = field(default_factory=Breaker)
    last_seen: datetime | None = None
    last_poll: datetime | None = None
    files_taken: int = 0
    bytes_taken: int = 0
    failures: int = 0
    trouble: str | None = None
    reason: str | None = None
    incidents: dict[str, datetime] = field(default_factory=dict)
    closed_folders: dict[str, str] = field(default_factory=dict)
    polling: bool = False
    turn: int = 0
    fruitless: int = 0


def server_incident(server: str) -> str:
    """The key under which PagerDuty keeps a server's outage together."""
    return f"headrace/source/{server}"


def file_incident(record: SourceFile) -> str:
    """The key of one file's."""
    return shortened(f"headrace/source/{record.server}/{record.dataset}{record.path}")


def _of_server(
    cause: causes.Cause, server: str, what: str, lines: tuple[str, ...] = (), channel: str | None = None
) -> Notice:
    """A notice about a server, or what is on it. Those of one server and cause are about one trouble.

    Whether it calls is for the server's record to say, not for the table.
    """
    notice = Matter(cause, "", server, channel).notice(f"Source {server}{what}", lines)
    key = server_incident(server) if cause is causes.SOURCE_UNREACHABLE else notice.key
    return replace(notice, incident=None, key=key)


def _of_file(record: SourceFile, what: str, channel: str | None, action: str | None) -> Notice:
    """A notice about a file that a person may have been called for."""
    matter = Matter(causes.SOURCE_FILE_HELD, record.dataset, channel=channel)
    notice = matter.notice(f"Source {record.server}: {record.path} {what}")
    key = file_incident(record)
    return replace(notice, key=key, incident=Incident(key, action, record.server) if action else None)


SHORT_OF_CALLING = {
    Trouble.LOGIN: "refuses our login",
    Trouble.SECRET: "cannot be asked: its secret is not in order",
}


def opened(state: ServerState, channel: str | None) -> Notice:
    """The breaker has opened: while the server only does not answer, nobody needs to do anything yet."""
    retry = state.breaker.retry_at
    lines = (
        str(state.reason),
        f"It is not contacted until {retry:%H:%M} UTC; then one attempt decides." if retry else "",
        "Nothing is lost: its files stay there and are taken when it is back.",
    )
    what = SHORT_OF_CALLING.get(Trouble(state.trouble or Trouble.UNREACHABLE), "does not answer")
    notice = _of_server(causes.SOURCE_UNREACHABLE, state.server, f" {what}", lines, channel)
    return replace(notice, level="warning")


def critical(state: ServerState, channel: str | None) -> Notice:
    """A person has to look at the server."""
    what = {
        Trouble.UNTRUSTED: "is not trusted any more, its files are not taken",
        Trouble.LOGIN: "refuses our login, its files are not taken",
        Trouble.SECRET: "cannot be asked, its secret is not in order",
    }.get(Trouble(state.trouble or Trouble.UNREACHABLE), "has been out of reach for too long")
    lines = (
        str(state.reason),
        f"`headrace sources` shows it; `headrace sources --reset {state.server}` tries at once.",
    )
    incident = Incident(server_incident(state.server), "trigger", state.server)
    notice = _of_server(causes.SOURCE_UNREACHABLE, state.server, f" {what}", lines, channel)
    return replace(notice, incident=incident)


def closed(before: ServerState, channel: str | None) -> Notice:
    """The server is back."""
    key = server_incident(before.server)
    incident = Incident(key, "resolve", before.server) if key in before.incidents else None
    notice = _of_server(causes.SOURCE_UNREACHABLE, before.server, " answers again", channel=channel)
    return replace(notice, level=OK, incident=incident)


def held(record: SourceFile, channel: str | None, *, call: bool) -> Notice:
    """A file was wrong too often, and waits for a person or for a change."""
    again = f"`headrace sources --reset {record.server}`"
    if record.retry_at is None:
        how = f"It is taken when it or its checksum file changes, or after {again}."
    else:
        how = f"It is retried automatically, in an hour at first, later once a day; {again} retries at once."
    lines = (str(record.reason), how)
    return replace(_of_file(record, "is held", channel, "trigger" if call else None), lines=lines)


def released(record: SourceFile, channel: str | None, *, called: bool) -> Notice:
    """A held file was taken after all. `called` is whether its incident is open."""
    return replace(_of_file(record, "was taken after all", channel, "resolve" if called else None), level=OK)


def left(record: SourceFile, channel: str | None, *, called: bool) -> Notice:
    """A held file disappeared from the server, and never was taken. `called` is whether its incident is open."""
    lines = (f"It was held, and was never taken: {record.reason}",)
    notice = _of_file(record, "is no longer there", channel, "resolve" if called else None)
    return replace(notice, level=OK, lines=lines)


def folders_closed(state: ServerState, folders: Mapping[str, str], channel: str | None) -> Notice:
    """Folders that the server will not list, while it answers: a path in a contract, or a right on the server."""
    what = f": {len(folders)} folder{'' if len(folders) == 1 else 's'} cannot be listed"
    lines = tuple(f"{folder}: {reason}" for folder, reason in list(folders.items())[:5])
    rest = "Its other folders are fetched as usual, and every poll tries these again."
    return _of_server(causes.SOURCE_FOLDER_CLOSED, state.server, what, (*lines, rest), channel=channel)


def folders_open(state: ServerState, folders: list[str], channel: str | None) -> Notice:
    """They can be listed again."""
    what = f": {', '.join(folders[:5])} can be listed again"
    return replace(_of_server(causes.SOURCE_FOLDER_CLOSED, state.server, what, channel=channel), level=OK)


def unsettled(record: SourceFile, reason: str, channel: str | None) -> Notice:
    """A file is safe in S3, but could not be moved or deleted on the server."""
    lines = (f"{reason}. Every poll tries again; its rows are not affected.",)
    cause, what = causes.SOURCE_FILES_LEFT, f": {record.path} stays there"
    return replace(_of_server(cause, record.server, what, lines, channel), dataset=record.dataset)


def refused(server: str, dataset: str, reasons: list[str], channel: str | None, others: int = 0) -> Notice:
    """Files whose names cannot be taken: their first reasons, and how many there are with `others`."""
    number = len(reasons) + others
    cause, what = causes.SOURCE_FILES_LEFT, f": {number:,} file{'' if number == 1 else 's'} refused"
    return replace(_of_server(cause, server, what, tuple(reasons[:5]), channel), dataset=dataset)


def more(server: str, what: str, number: int, channel: str | None) -> Notice:
    """Of many messages of one kind the first are sent one by one; this stands for the others."""
    lines = ("`headrace sources --json` and the log of `poller` name them.",)
    return _of_server(causes.SOURCE_FILES_LEFT, server, f": {number:,} more files {what}", lines, channel=channel)


def fruitless(state: ServerState, channel: str | None) -> Notice:
    """Polls run out of time again and again, and nothing is taken."""
    what = f": {state.fruitless} polls ran out of time without taking a file"
    lines = (
        "Its folders cannot be listed, or its next file cannot be read, within the 14 minutes of a poll.",
        "Fewer folders in `location`, fewer files in them, or a faster server: docs/ftp.md, Time.",
    )
    return _of_server(causes.SOURCE_SLOW, state.server, what, lines, channel=channel)


def reset(state: ServerState) -> ServerState:
    """The state after a person closed the breaker: the next poll asks as if nothing had been.

    It counts up to the end of a poll that is under way: what that one finds is what the person has just fixed.
    """
    return replace(state, breaker=Breaker(State.CLOSED), reason=None, trouble=None)
