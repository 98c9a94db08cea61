"""Notices that come in storms: the first of a kind at once, the others of its hour in one message at the hour's end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from headrace.domain.bounds import LONGEST_NAME, cut
from headrace.domain.ingest.arrival import Cause
from headrace.domain.ingest.ledger import FileRecord

HOUR = "%Y-%m-%dT%H"
GRACE = timedelta(minutes=2)
"""After an hour's end, until what was counted in it is complete: six times as long as the starter may run."""
KEPT_DAYS = 7
"""How long counts are kept to be reported, should the sweeper not run."""
MOST_HOURS = 24
"""Hours that one sweep looks at, the oldest first."""
MOST_FOLDERS = 20
"""Groups that objects of no dataset make in an hour: a group per first folder, and their number is anybody's choice."""
MOST_EXAMPLES = 5
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Group:
    """What is reported together: objects of one hour (`2026-01-31T07`, in UTC) that are refused for one cause.

    Objects of no dataset are grouped by their first folder as well. `opened_by` is the file reported at once; the
    others are counted. All of them have arrived after `since`, as far as the first one shows.
    """

    hour: str
    cause: str
    dataset: str = ""
    folder: str = ""
    channel: str | None = None
    since: str = ""
    opened_by: str = ""

    @property
    def name(self) -> str:
        """What distinguishes it from the other groups of its hour."""
        return f"{self.cause}#{self.dataset}#{self.folder}"

    @property
    def strays(self) -> bool:
        """Whether its objects are of no dataset."""
        return not self.dataset

    @property
    def start(self) -> str:
        """When its hour began, as people write it."""
        return f"{self.hour[-2:]}:00 UTC"

    @property
    def end(self) -> str:
        """When it ends."""
        return f"{(_moment(self.hour) + timedelta(hours=1)):%H:%M} UTC"

    def of_any_folder(self) -> Group:
        """The group of those whose folder has no room for its own group."""
        return replace(self, folder="*")


@dataclass(frozen=True, slots=True)
class Counted:
    """How many objects a group has beside the first, `more` of them than that if there are very many, and some keys."""

    number: int
    examples: tuple[str, ...]
    more: bool = False


def group_of(file: FileRecord, cause: Cause, channel: str | None, now: float) -> Group:
    """The group of an object that is refused now, in seconds since 1970, opened by it."""
    hour = f"{datetime.fromtimestamp(now, UTC):{HOUR}}"
    since = min(hour, file.arrived_at[: len(hour)])
    folder = _first_folder(file.key) if cause == Cause.STRAY else ""
    return Group(hour, str(cause), file.dataset, folder, channel, f"{since}:00Z", file.file_id)


def _first_folder(key: str) -> str:
    first, slash, _ = key.partition("/")
    return cut(first + slash, LONGEST_NAME) if slash else "/"


def hours_to_report(reported: str | None, now: float) -> list[str]:
    """The hours that have ended since the last that was `reported`, the oldest first; not more than `MOST_HOURS`."""
    ended = datetime.fromtimestamp(now, UTC) - GRACE - timedelta(hours=1)
    oldest = ended - timedelta(days=KEPT_DAYS)
    hour = max(_moment(reported) + timedelta(hours=1), oldest) if reported else ended - timedelta(hours=MOST_HOURS - 1)
    hours: list[str] = []
    while f"{hour:{HOUR}}" <= f"{ended:{HOUR}}" and len(hours) < MOST_HOURS:
        hours.append(f"{hour:{HOUR}}")
        hour += timedelta(hours=1)
    return hours


def _moment(hour: str) -> datetime:
    return datetime.strptime(hour, HOUR).replace(tzinfo=UTC)
