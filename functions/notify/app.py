"""SNS topic -> one of the channels of notifications: the setting CHANNEL says which.

A schedule starts it, too, for a channel whose messages are changed later.
"""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.channels import notifier
from headrace.domain.notice import message_notice
from headrace.entrypoint import entrypoint


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Send each notice. Raises TransientError when the service is out of reach, and SNS delivers it again."""
    channel = notifier()
    if "Records" not in event:
        return {"changed": channel.catch_up()}
    messages = [record["Sns"] for record in event["Records"]]
    return {"sent": sum(channel.send(message_notice(one["Message"]), one["MessageId"]) for one in messages)}
