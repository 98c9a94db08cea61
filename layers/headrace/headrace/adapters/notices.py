"""Notices: onto the SNS topic, and from there to Slack's webhook."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from headrace.adapters.error_text import plain
from headrace.adapters.secret import address
from headrace.domain.file_names import printable
from headrace.domain.notice import Notice
from headrace.errors import TerminalError, TransientError

MARKS = {"ok": ":white_check_mark:", "warning": ":warning:", "error": ":rotating_light:"}
LONGEST_SUBJECT = 99
LONGEST_TEXT = 39_000
"""Signs that Slack gets: it cuts what has more than 40,000, and escapes of ours make a text longer.

https://docs.slack.dev/reference/methods/chat.postMessage
"""


class Topic:
    """The SNS topic that carries notices. `client` is a boto3 SNS client."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, notice: Notice) -> None:
        """Publish a notice as JSON, its title as the subject for whoever reads mail.

        A notice with an incident has the attribute `incident`, by which subscribers filter.
        """
        called = {"incident": {"DataType": "String", "StringValue": notice.incident.action}} if notice.incident else {}
        self._client.publish(
            TopicArn=self._arn, Subject=subject(notice), Message=json.dumps(notice.to_json()), MessageAttributes=called
        )


def subject(notice: Notice) -> str:
    """A title as SNS takes it: printable ASCII, begun by no blank, less than 100 characters, at least one.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in " ".join(notice.title.split()))
    return plain[:LONGEST_SUBJECT] or "Headrace"


def slack_message(notice: Notice) -> dict[str, Any]:
    """A notice in Slack's words: one bold line, then the details."""
    text = f"{MARKS[notice.level]} *{_plain(notice.title)}*"
    details = "\n".join(f"• {_plain(line)}" for line in notice.lines)
    message = {"text": f"{text}\n{details}".rstrip()[:LONGEST_TEXT]}
    return message | ({"channel": notice.channel} if notice.channel else {})


def _plain(text: str) -> str:
    """Text that Slack shows as it is: whoever names a file cannot call a channel, or forge a link or a line."""
    text = printable(text.replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "\u2217")


def post(webhook: str, message: dict[str, Any]) -> None:
    """Post to an incoming webhook. Raises TransientError when it is worth another try, TerminalError when not."""
    post_json(webhook, message, "Slack")


def post_json(url: str, document: dict[str, Any], whose: str) -> None:
    """Post a JSON document to an API, under https or on this machine. Redirects are not followed.

    The address of a webhook is a secret, and the errors of the standard library quote it: none of them is passed on.
    """
    url = address(url, f"the address of {whose}", "https://HOST/PATH")
    body = json.dumps(document).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    try:
        OPENER.open(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()
        kind = TransientError if error.code == 429 or error.code >= 500 else TerminalError
        raise kind(f"{whose} answered {error.code}") from None
    except OSError as error:
        path = urlsplit(url).path
        said = plain(getattr(error, "reason", error), [url, path, path.rpartition("/")[2]])
        raise TransientError(f"{whose} could not be reached: {said}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise TransientError(f"the answer of {whose} is not HTTP: {type(error).__name__}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without its document, at an unchecked address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirect)
