"""The laptop's notification sink: what Slack and PagerDuty would have received."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.target import Target

ONLY_ON_THE_LAPTOP = "only the laptop keeps notifications; on AWS, look in the Slack channel"
TIMEOUT = 10
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy knows a way to 127.0.0.1."""


def received(target: Target, after: int = 0) -> list[dict[str, Any]]:
    """The messages after number `after`, oldest first: `{"n", "at", "channel", "text", "payload"}`.

    Raises CommandError where there is no sink.
    """
    if not target.endpoint_url:
        raise CommandError(ONLY_ON_THE_LAPTOP)
    url = f"{target.page('notifications')}?after={after}"
    try:
        with DIRECT.open(url, timeout=TIMEOUT) as answer:
            kept = json.load(answer)["notifications"]
    except (urllib.error.URLError, KeyError, ValueError) as error:
        raise CommandError(f"no notifications at {target.endpoint_url}: is that a laptop, and is it up?") from error
    return [_message(item) for item in kept]


def _message(item: dict[str, Any]) -> dict[str, Any]:
    body = item["body"]
    fields: dict[str, Any] = body if isinstance(body, dict) else {"text": str(body)}
    if "event_action" in fields:
        fields = {"channel": "PagerDuty", "text": _incident(fields)}
    if "attachments" in fields:
        blocks = fields["attachments"][0]["content"]["body"]
        fields = {"channel": "Teams", "text": "\n".join(str(block["text"]) for block in blocks)}
    elif "cause" in fields:
        fields = {"channel": f"webhook {fields.get('channel', '')}".strip(), "text": fields["title"]}
    return {
        "n": item["number"],
        "at": item["received_at"],
        "channel": fields.get("channel"),
        "text": fields.get("text", ""),
        "payload": body,
    }


def _incident(event: dict[str, Any]) -> str:
    """A PagerDuty event as one line."""
    summary = event.get("payload", {}).get("summary", "")
    return f"*{event['event_action']}* {event.get('dedup_key', '')}" + (f": {summary}" if summary else "")
