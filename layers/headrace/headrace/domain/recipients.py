"""Whom a notice is for, by the contract of its dataset, and how severe that contract wants it to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from headrace.domain.causes import CAUSES, Severity
from headrace.domain.notice import OK, Incident, Notice
from headrace.domain.support import CALLS, Support


def as_declared(notice: Notice, severities: Mapping[str, str]) -> Notice:
    """The notice as severe as a contract wants its cause to be; good news stay good.

    A cause that has an end opens an incident when it is made an error or critical, and none when it is made less. Of a
    cause that calls by itself, whoever publishes it decides whether this one does. Every end resolves: the contract may
    have said something else when the incident was opened, and PagerDuty drops what resolves nothing.
    """
    if notice.over:
        return notice if notice.incident or not notice.key else replace(notice, incident=_incident(notice, "resolve"))
    wanted, cause = severities.get(notice.cause), CAUSES[notice.cause]
    if wanted is None:
        return notice
    changed = notice if notice.level == OK else replace(notice, level=wanted)
    if Severity(wanted).rank < CALLS.rank:
        return replace(changed, incident=None)
    if changed.level == OK or notice.incident or cause.calls or not cause.ends:
        return changed
    return replace(changed, incident=_incident(notice, "trigger"))


def _incident(notice: Notice, action: str) -> Incident:
    return Incident(notice.key, action, notice.dataset or "headrace")


def recipients(notice: Notice, tool: str, support: Sequence[Support], severities: Mapping[str, str]) -> list[Support]:
    """Whom of a tool a notice is for; the tool's default channel where a contract names none of it.

    Whoever learns of a trouble learns of its end, even if the contract has changed its severity in between. What
    resolves an incident goes to the default channel, too: it was opened there if the contract had named none.
    """
    named = [entry for entry in support if entry.tool == tool]
    default = Support(tool, (notice.channel or "") if tool == "slack" else "")
    if not named:
        return [default]
    if notice.over and tool == "pagerduty":
        return named if any(not entry.channel for entry in named) else [*named, default]
    rank = notice.severity.rank
    if notice.over:
        cause = CAUSES[notice.cause]
        rank = max(cause.severity.rank, Severity(severities.get(notice.cause, cause.severity)).rank)
    return [entry for entry in named if rank >= Severity(entry.least).rank]
