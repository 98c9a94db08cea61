"""Notification channels: each delivers notices from the topic to one service."""

from __future__ import annotations

from headrace.adapters.channels.channel import Channel
from headrace.adapters.channels.email import EMAIL
from headrace.adapters.channels.pagerduty import PAGERDUTY
from headrace.adapters.channels.slack import SLACK
from headrace.adapters.channels.teams import TEAMS
from headrace.adapters.channels.webhook import WEBHOOK

CHANNELS: dict[str, Channel] = {
    "slack": SLACK,
    "pagerduty": PAGERDUTY,
    "teams": TEAMS,
    "email": EMAIL,
    "webhook": WEBHOOK,
}
"""By the name that the function `notify` finds in its setting CHANNEL."""
