"""What the functions that deliver notices work with: a channel, its addresses, and what contracts say of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from headrace.adapters import aws
from headrace.adapters.channels import CHANNELS
from headrace.adapters.channels.channel import Addresses
from headrace.adapters.contracts_layer import ContractsLayer
from headrace.adapters.secret import read_secret
from headrace.config import setting
from headrace.domain.notice import Notice
from headrace.usecases.deliver import Declared, deliver


def notifier() -> Callable[[Notice], bool]:
    """Sends a notice to the function's channel, if it is one for it. The channel's secret is read each time."""
    tool = setting("CHANNEL")
    channel = CHANNELS[tool]
    if channel.parameter:
        name = setting("CHANNEL_SECRET")
        text = read_secret(aws.client("secretsmanager"), name, channel.parameter)
        what = f"the secret {name} (parameter {channel.parameter})"
    else:
        text, what = setting("CHANNEL_ADDRESS"), "the setting CHANNEL_ADDRESS"
    return partial(deliver, tool=tool, addresses=Addresses.read(channel, text, what), declared=declared())


@cache
def declared() -> Declared:
    """What the deployed contracts and exports say about who is notified, by the name of the dataset or export."""
    layer = ContractsLayer()
    found: Declared = {export.name: (export.support, {}) for export in layer.exports().all()}
    return found | {one.dataset: (one.support, one.severities) for one in layer.contracts().all()}
