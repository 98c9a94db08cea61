"""What the functions that deliver notices work with: a channel, its addresses, and what contracts say of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import uuid4

from headrace.adapters import aws
from headrace.adapters.channels import CHANNELS
from headrace.adapters.channels.channel import Addresses
from headrace.adapters.channels.slack_api import Bot
from headrace.adapters.contracts_layer import ContractsLayer
from headrace.adapters.ledger.threads import DynamoThreads
from headrace.adapters.secret import read_secret
from headrace.adapters.table import Table
from headrace.config import setting
from headrace.domain.notice import Notice
from headrace.usecases.deliver import Declared, deliver
from headrace.usecases.follow import catch_up, follow


@dataclass(frozen=True, slots=True)
class Notifier:
    """What sends notices to the function's channel."""

    tool: str
    addresses: Addresses

    def send(self, notice: Notice, message_id: str) -> bool:
        """Send a notice to whom it is for; one with the same id that came before is not counted again."""
        book = _Book(self, message_id)
        return deliver(notice, self.tool, book, declared())

    def catch_up(self) -> int:
        """Change the messages that do not say yet what was heard. Returns how many."""
        if not any(isinstance(target, Bot) for target in self.addresses.known.values()):
            return 0
        return catch_up(threads(self.tool), self._bot, str(uuid4()))

    def _bot(self, channel: str) -> Bot | None:
        """Whose messages a channel has."""
        target = self.addresses.of(channel, asked=False)
        return target if isinstance(target, Bot) else None


@dataclass(frozen=True, slots=True)
class _Book:
    """The addresses, for one message: a bot's messages are changed, others are sent."""

    notifier: Notifier
    message_id: str

    def send(self, notice: Notice, name: str, *, asked: bool) -> bool:
        """Send a notice to the address of a name."""
        addresses = self.notifier.addresses
        target = addresses.of(name, asked=asked)
        if not isinstance(target, Bot):
            return addresses.send(notice, name, asked=asked)
        follow(notice, self.message_id, name, threads(self.notifier.tool), target)
        return True


def notifier() -> Notifier:
    """The function's channel. Its secret is read each time."""
    tool = setting("CHANNEL")
    channel = CHANNELS[tool]
    if channel.parameter:
        name = setting("CHANNEL_SECRET")
        text = read_secret(aws.client("secretsmanager"), name, channel.parameter)
        what = f"the secret {name} (parameter {channel.parameter})"
    else:
        text, what = setting("CHANNEL_ADDRESS"), "the setting CHANNEL_ADDRESS"
    return Notifier(tool, Addresses.read(channel, text, what))


def threads(tool: str) -> DynamoThreads:
    """The messages of a tool that are changed."""
    return DynamoThreads(Table(aws.client("dynamodb"), setting("LEDGER_TABLE")), tool)


@cache
def declared() -> Declared:
    """What the deployed contracts and exports say about who is notified, by the name of the dataset or export."""
    layer = ContractsLayer()
    found: Declared = {export.name: (export.support, {}) for export in layer.exports().all()}
    return found | {one.dataset: (one.support, one.severities) for one in layer.contracts().all()}
