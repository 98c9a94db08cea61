"""How a custom resource answers CloudFormation."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

LONGEST_REASON = 2000


def respond(event: dict[str, Any], failure: str) -> None:
    """Tell CloudFormation the outcome: FAILED with the reason when there is one, else SUCCESS."""
    answer = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure[:LONGEST_REASON] or "done",
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    url = event["ResponseURL"]  # signed by CloudFormation, which also signed for an empty content type
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
