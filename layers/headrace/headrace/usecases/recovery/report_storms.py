"""What was counted of refused objects is reported, a message per group, when its hour has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from headrace.domain import clock
from headrace.domain.ingest.storm import Group, hours_to_report
from headrace.domain.notice import group_notice
from headrace.usecases.ports import HasStorms, HasTopic
from headrace.usecases.recovery.one_by_one import OneByOne


class Services(HasStorms, HasTopic, Protocol):
    """The ports used here."""


def report_storms(services: Services) -> int:
    """Report each group of the hours that have ended, once. Returns how many messages that were.

    An hour with a group that could not be reported, or is being reported by another call, stays open, and with it the
    hours after it, of which the other groups are reported all the same: the next sweep looks at them again. Raises
    BrokenError in the end, if any group is.
    """
    storms, each = services.storms, OneByOne()
    sent, all_reported = 0, True
    for hour in hours_to_report(storms.reported_hour(), clock.seconds()):
        groups = list(storms.unreported(hour))
        claimed = [group for group in groups if storms.claim(group, clock.seconds())]
        reported = [count for group in claimed for count in _tried(group, services, each)]
        sent += sum(reported)
        all_reported = all_reported and len(reported) == len(groups)
        if all_reported:
            storms.note_reported_hour(hour)
    each.end()
    return sent


def _tried(group: Group, services: Services, each: OneByOne) -> Iterator[bool]:
    """Whether a message was sent; nothing where the group could not be reported."""
    with each.of(f"the refused objects of {group.hour}, {group.name}"):
        yield _report(group, services)


def _report(group: Group, services: Services) -> bool:
    """Published before it is written down: a crash in between reports it twice, never not at all."""
    counted = services.storms.counted(group)
    if counted.number:
        services.topic.publish(group_notice(group, counted))
    services.storms.note_reported(group)
    return bool(counted.number)
