"""Notification channels: each delivers notices from the topic to one service."""

from __future__ import annotations

from headrace.adapters.channels.channel import Channel
from headrace.adapters.channels.pagerduty import PAGERDUTY
from headrace.adapters.channels.slack import SLACK

CHANNELS: dict[str, Channel] = {"slack": SLACK, "pagerduty": PAGERDUTY}
"""By the name that the function `notify` finds in its setting CHANNEL."""
