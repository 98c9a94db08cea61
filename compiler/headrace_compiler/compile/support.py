"""Who is notified, and of what: the `support` of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from open_data_contract_standard.model import Support as Declared

from headrace.domain.causes import CAUSES, Severity
from headrace.domain.support import SCOPES, TOOLS, Support
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

FOR_PEOPLE = {"interactive", "announcements"}
EXAMPLES = {
    "slack": "channel: '#data-events'",
    "email": "channel: data-team",
    "teams": "channel: data-team",
    "webhook": "channel: ticketing",
    "pagerduty": "channel: data-on-call",
}


def support_of(declared: Sequence[Declared], problems: Problems) -> tuple[Support, ...]:
    """The channels that Headrace notifies. Entries of other tools, or for people only, are descriptive."""
    found: list[Support] = []
    for index, item in enumerate(declared):
        where: Where = ("support", index)
        entry = _support(item, where, problems)
        if entry and any((one.tool, one.channel) == (entry.tool, entry.channel) for one in found):
            problems.add(where, f"the {entry.tool} channel {entry.channel!r} is written twice")
        elif entry:
            found.append(entry)
    return tuple(found)


def _support(item: Declared, where: Where, problems: Problems) -> Support | None:
    tool = (item.tool or "").lower()
    if tool not in TOOLS:
        if hint := suggestion(tool, TOOLS) if tool else "":
            problems.add((*where, "tool"), f"Headrace notifies through no tool {item.tool!r}{hint}")
        return None
    if not item.channel:
        problems.add(where, f"a {tool} channel needs its name: {EXAMPLES[tool]}")
        return None
    if item.url and tool != "slack" and "://" in item.url and not item.url.startswith("mailto:"):
        problems.add((*where, "url"), f"an address of {tool} is a secret: put it into the stack's secret, not here")
    values = custom.read_custom(item.customProperties, custom.SUPPORT, where, problems)
    if item.scope in FOR_PEOPLE:
        return None
    if item.scope is not None and item.scope not in SCOPES:
        known = sorted({*SCOPES, *FOR_PEOPLE})
        problems.add((*where, "scope"), f"scope {item.scope!r} is none of {', '.join(known)}")
        return None
    least = values.get("severity", SCOPES.get(item.scope or "", Severity.INFO))
    if least not in list(Severity):
        place = custom.place_of(item.customProperties, "severity", where)
        problems.add(place, f"severity {least!r} is none of {', '.join(Severity)}{suggestion(least, list(Severity))}")
        return None
    return Support(tool, item.channel, str(least))


def severities_of(values: dict[str, Any], where: Where, problems: Problems) -> dict[str, str]:
    """The severities that a contract gives to causes."""
    given: dict[str, Any] = values.get("severities", {})
    for cause, severity in given.items():
        if cause not in CAUSES:
            problems.add(where, f"severities: there is no cause {cause!r}{suggestion(cause, list(CAUSES))}")
        if severity not in list(Severity):
            problems.add(where, f"severities: {cause} must be one of {', '.join(Severity)}, not {severity!r}")
    return {str(cause): str(severity) for cause, severity in given.items()}
