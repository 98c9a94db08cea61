"""Slack: its incoming webhook, or its Web API where the secret holds a bot's token."""

from __future__ import annotations

from typing import Any

from headrace.adapters.channels.channel import Channel, post_json
from headrace.adapters.channels.slack_api import Bot, is_bot
from headrace.adapters.channels.slack_text import slack_message
from headrace.adapters.secret import address
from headrace.domain.notice import Notice

WEBHOOK = "https://hooks.slack.com/services/"


def post(webhook: str, message: dict[str, Any]) -> None:
    """Post to an incoming webhook. Raises TransientError when it is worth another try, TerminalError when not."""
    post_json(webhook, message, "Slack")


def _read(text: str, what: str) -> str | Bot:
    if is_bot(text):
        return Bot.from_secret(text, what)
    return address(text, what, f"the address of Slack's incoming webhook, {WEBHOOK}…,")


def _send(target: str | Bot, notice: Notice, name: str) -> bool:
    if isinstance(target, Bot):
        target.post(name, notice)
    else:
        post(target, slack_message(notice, name))
    return True


SLACK = Channel(
    "Slack",
    "SlackWebhookSecret",
    "headrace/slack-webhook",
    holds="a webhook",
    form=f"{WEBHOOK}…",
    read=_read,
    send=_send,
    secret_for=str,
    begins=WEBHOOK,
)
