"""The channels that a contract names in `support`."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.domain.causes import Severity

TOOLS = ("slack", "pagerduty", "teams", "email", "webhook")
SCOPES = {"issues": Severity.ERROR, "notifications": Severity.INFO}
"""What each scope of ODCS that Headrace notifies asks for at least; the other two, for people, get nothing."""
CALLS = Severity.ERROR
"""What opens an incident at least, of a cause that has an end."""


@dataclass(frozen=True, slots=True)
class Support:
    """A channel of a tool; it gets what is at least as severe as `least`."""

    tool: str
    channel: str = ""
    least: str = str(Severity.INFO)
