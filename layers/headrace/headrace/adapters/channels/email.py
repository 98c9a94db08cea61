"""Mail by an SNS topic: whoever wants it subscribes an address, with the names of channels as a filter.

An address that gets more than ten messages in a second is unsubscribed by SNS:
https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

from headrace.adapters import aws
from headrace.adapters.channels.channel import Channel
from headrace.adapters.notices import subject
from headrace.domain.files.names import printable
from headrace.domain.notice import Notice

MARKS = {"ok": "OK", "info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}
ATTRIBUTE = "mail"


def text_of(notice: Notice) -> str:
    """A mail's text: the title, then a line for each detail."""
    lines = [f"{MARKS[notice.level]}: {notice.title}", "", *(f"- {line}" for line in notice.lines)]
    return "\n".join(printable(line.replace("\n", " ")) for line in lines)


def _read(text: str, _what: str) -> str:
    return text


def _send(topic: str, notice: Notice, name: str) -> bool:
    aws.client("sns").publish(
        TopicArn=topic,
        Subject=subject(notice),
        Message=text_of(notice),
        MessageAttributes={ATTRIBUTE: {"DataType": "String", "StringValue": name or "default"}},
    )
    return True


EMAIL = Channel(
    "Mail", "", "", holds="a topic", form="ARN", read=_read, send=_send, secret_for=str, optional=True, extra=True
)
