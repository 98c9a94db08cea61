"""Whom a notice is for, by the contract of its dataset, and how severe that contract wants it to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from headrace.domain.causes import CAUSES, Severity
from headrace.domain.notice import OK, Incident, Notice
from headrace.domain.support import CALLS, Support


def as_declared(notice: Notice, severities: Mapping[str, str]) -> Notice:
    """The notice as severe as a contract wants its cause to be; good news stay good.

    A cause that has an end opens an incident when it is made an error or critical, and none when it is made less.
    """
    wanted = severities.get(notice.cause)
    if wanted is None:
        return notice
    changed = notice if notice.level == OK else replace(notice, level=wanted)
    if Severity(wanted).rank < CALLS.rank:
        return replace(changed, incident=None)
    if notice.incident or not CAUSES[notice.cause].ends:
        return changed
    action = "resolve" if notice.over else "trigger"
    return replace(changed, incident=Incident(notice.key, action, notice.dataset or "headrace"))


def recipients(notice: Notice, tool: str, support: Sequence[Support], severities: Mapping[str, str]) -> list[Support]:
    """Whom of a tool a notice is for; the tool's default channel where a contract names none of it.

    Whoever learns of a trouble learns of its end.
    """
    named = [entry for entry in support if entry.tool == tool]
    if not named:
        return [Support(tool, (notice.channel or "") if tool == "slack" else "")]
    severity = notice.severity
    if notice.over:
        severity = Severity(severities.get(notice.cause, CAUSES[notice.cause].severity))
    return [entry for entry in named if severity.rank >= Severity(entry.least).rank]
