"""SNS topic -> PagerDuty, for the notices that open or resolve an incident."""

from __future__ import annotations

from typing import Any

from headrace.adapters.pagerduty import send
from headrace.bootstrap.channels import services
from headrace.domain.notice import message_notice
from headrace.entrypoint import entrypoint


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Send each incident. Raises TransientError when PagerDuty is out of reach, and SNS delivers it again."""
    notices = [message_notice(record["Sns"]["Message"]) for record in event["Records"]]
    incidents = [(notice, notice.incident) for notice in notices if notice.incident]
    for notice, incident in incidents:
        send(services.pagerduty, notice, incident)
    return {"sent": len(incidents)}
