"""One message for one trouble, however often it is reported: what it says, and when it is changed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headrace.domain import causes
from headrace.domain.bounds import cut
from headrace.domain.causes import CAUSES
from headrace.domain.notice import OK, Notice

PACE_SECONDS = 10
"""Between two changes of a message, at least; Slack takes one a second in a channel:
https://docs.slack.dev/apis/web-api/rate-limits"""
QUIET_SECONDS = 900
"""After the last notice of a cause that nothing ends, until its message is finished."""
LONGEST_SECONDS = 3600
"""How long a message of such a cause takes up notices, at most."""
MOST_COUNTED = 5_000
FREQUENT = 3
LONGEST_REASON = 200
KEPT_DAYS = 7
NAMED = re.compile(r"^(?:failed|held|duplicate|out of balance|not loaded again): \S+: ")
NUMBER = re.compile(r"\d[\d,.]*")
ALONE = {causes.LOADED.name, causes.MESSAGE.name}
"""What is a message of its own each time."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The message of one trouble in one channel.

    `opened_by` is the notice that began it, at `opened_at` (seconds since 1970), as `first` says. `ref` is what the
    service calls the message, None before it is there; it was last changed at `shown_at`, and says then that there were
    `shown` notices.
    """

    channel: str
    key: str
    opened_by: str
    opened_at: int
    first: Notice
    ref: str | None = None
    shown: int = 0
    shown_at: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """The notices of a thread: how many, when the last one came (seconds since 1970), and their reasons, counted."""

    number: int
    last_at: int
    reasons: tuple[tuple[str, int], ...] = ()


def is_grouped(notice: Notice) -> bool:
    """Whether notices of its key share a message."""
    return bool(notice.key) and notice.cause not in ALONE


def reason_of(notice: Notice) -> str:
    """Why, without the names and numbers that are different each time."""
    line = NAMED.sub("", notice.lines[0]) if notice.lines else notice.title
    return cut(NUMBER.sub("N", line), LONGEST_REASON)


def heard_of(notes: list[tuple[str, int]], more: bool = False) -> Heard:
    """Of the reasons and times of notices."""
    counted = Counter(reason for reason, _ in notes).most_common(FREQUENT)
    return Heard(len(notes) + more, max((at for _, at in notes), default=0), tuple(counted))


def message_of(thread: Thread, heard: Heard, end: Notice | None = None) -> Notice:
    """What the message says now: the first notice and how many more there were, or its end."""
    since = f"{datetime.fromtimestamp(thread.opened_at, UTC):%H:%M} UTC"
    if heard.number < 2:
        return end or thread.first
    number = f"more than {MOST_COUNTED:,}" if heard.number > MOST_COUNTED else f"{heard.number:,}"
    reasons = tuple(f"{times:,} times: {reason}" for reason, times in heard.reasons)
    counted = (f"{number} notifications since {since}:", *reasons)
    if end:
        return replace(end, lines=(*end.lines, *counted))
    return replace(thread.first, lines=(*counted, "The first one:", *thread.first.lines))


def is_due(thread: Thread, now: float) -> bool:
    """Whether a message may be changed again."""
    return thread.ref is None or now - thread.shown_at >= PACE_SECONDS


def is_finished(thread: Thread, heard: Heard, now: float) -> bool:
    """Whether the next notice begins a new message: never while a trouble lasts that something ends."""
    if CAUSES[thread.first.cause].ends and thread.first.level != OK:
        return False
    return now - heard.last_at >= QUIET_SECONDS or now - thread.opened_at >= LONGEST_SECONDS
