"""What was counted of refused objects is reported, a message per group, when its hour has ended."""

from __future__ import annotations

from typing import Protocol

from headrace.domain import clock
from headrace.domain.ingest.storm import Group, hours_to_report
from headrace.domain.notice import group_notice
from headrace.usecases.ports import HasStorms, HasTopic


class Services(HasStorms, HasTopic, Protocol):
    """The ports used here."""


def report_storms(services: Services) -> int:
    """Report each group of the hours that have ended, once. Returns how many messages that were.

    An hour in which a group is being reported by another call stays open: should that one die, the next sweep does it.
    """
    storms = services.storms
    sent = 0
    for hour in hours_to_report(storms.reported_hour(), clock.seconds()):
        groups = list(storms.unreported(hour))
        claimed = [group for group in groups if storms.claim(group, clock.seconds())]
        sent += sum(_report(group, services) for group in claimed)
        if len(claimed) < len(groups):
            break
        storms.note_reported_hour(hour)
    return sent


def _report(group: Group, services: Services) -> bool:
    """Published before it is written down: a crash in between reports it twice, never not at all."""
    counted = services.storms.counted(group)
    if counted.number:
        services.topic.publish(group_notice(group, counted))
    services.storms.note_reported(group)
    return bool(counted.number)
