"""What the functions that deliver notices work with: the secrets of Slack and PagerDuty."""

from __future__ import annotations

from functools import cached_property

from headrace.adapters import aws
from headrace.adapters.pagerduty import Routing
from headrace.adapters.secret import address, read_secret
from headrace.config import setting


class Channels:
    """Where notices are delivered to, as the function's environment names it."""

    @cached_property
    def slack_webhook(self) -> str:
        """The webhook's URL, from Secrets Manager; a rotated secret is seen by the next cold start."""
        name, parameter = setting("SLACK_WEBHOOK_SECRET"), "SlackWebhookSecret"
        text = read_secret(aws.client("secretsmanager"), name, parameter)
        form = "the address of Slack's incoming webhook, https://hooks.slack.com/services/…,"
        return address(text, f"the secret {name} (parameter {parameter})", form)

    @property
    def pagerduty(self) -> Routing:
        """PagerDuty's routing key, from Secrets Manager, read for each of the few incidents."""
        name, parameter = setting("PAGERDUTY_SECRET"), "PagerDutySecret"
        text = read_secret(aws.client("secretsmanager"), name, parameter)
        return Routing.from_secret(text, f"the secret {name} (parameter {parameter})")


services = Channels()
