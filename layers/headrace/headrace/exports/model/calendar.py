"""Which days a schedule's time stands for, in its own time zone, over changes of the clocks.

EventBridge Scheduler leaves out a time that the clocks skip, and takes one that they repeat once
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAILY = re.compile(r"cron\(\s*\d+\s+\d+\s+(?:\*|\?|\*/1|1/1)\s+(?:\*|\*/1|1/1)\s+(?:\*|\?)\s+\*\s*\)")
"""A schedule for one time of every day (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A schedule (`cron(0 5 * * ? *)`) and the IANA name of its time zone."""

    schedule: str = ""
    zone: str = "UTC"

    def day(self, at: datetime) -> str:
        """The date of a moment where the schedule is at home: 2026-01-31."""
        return at.astimezone(ZoneInfo(self.zone)).date().isoformat()

    def due(self, at: datetime) -> list[str]:
        """The dates that are due at a scheduled moment: its own, and before it the day whose time the clocks skipped.

        Only a schedule for every day has a time on the day before: others leave such a day out, as they say.
        """
        here = at.astimezone(ZoneInfo(self.zone))
        before = here.replace(tzinfo=None, fold=0) - timedelta(days=1)
        skipped = DAILY.fullmatch(self.schedule) and not self._is_time(before)
        return [*([before.date().isoformat()] if skipped else []), here.date().isoformat()]

    def _is_time(self, wall: datetime) -> bool:
        """Whether the clocks show that time on that day."""
        zone = ZoneInfo(self.zone)
        shown = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
        return shown.replace(tzinfo=None, fold=0) == wall
