"""SNS topic -> Slack's incoming webhook."""

from __future__ import annotations

from typing import Any

from headrace.adapters.notices import post, slack_message
from headrace.bootstrap.channels import services
from headrace.domain.notice import message_notice
from headrace.entrypoint import entrypoint


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Post each notice. Raises TransientError when Slack is out of reach, and SNS delivers it again."""
    for record in event["Records"]:
        post(services.slack_webhook, slack_message(message_notice(record["Sns"]["Message"])))
    return {"posted": len(event["Records"])}
