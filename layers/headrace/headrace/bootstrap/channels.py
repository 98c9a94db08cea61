"""What the functions that deliver notices work with: a channel and its secret."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from headrace.adapters import aws
from headrace.adapters.channels import CHANNELS
from headrace.adapters.secret import read_secret
from headrace.config import setting
from headrace.domain.notice import Notice


def notifier() -> Callable[[Notice], bool]:
    """Sends a notice to the function's channel, if it is one for it. The channel's secret is read each time."""
    channel, name = CHANNELS[setting("CHANNEL")], setting("CHANNEL_SECRET")
    text = read_secret(aws.client("secretsmanager"), name, channel.parameter)
    return partial(channel.send, channel.read(text, f"the secret {name} (parameter {channel.parameter})"))
