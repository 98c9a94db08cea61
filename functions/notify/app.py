"""SNS topic -> one of the channels of notifications: the setting CHANNEL says which."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.channels import notifier
from headrace.domain.notice import message_notice
from headrace.entrypoint import entrypoint


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Send each notice. Raises TransientError when the service is out of reach, and SNS delivers it again."""
    send = notifier()
    notices = [message_notice(record["Sns"]["Message"]) for record in event["Records"]]
    return {"sent": sum(map(send, notices))}
