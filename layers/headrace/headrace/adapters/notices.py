"""Notices, onto the SNS topic; `channels` take them from there."""

from __future__ import annotations

import json
from typing import Any

from headrace.domain.notice import Notice

LONGEST_SUBJECT = 99


class Topic:
    """The SNS topic that carries notices. `client` is a boto3 SNS client."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, notice: Notice) -> None:
        """Publish a notice as JSON, its title as the subject for whoever reads mail."""
        self._client.publish(TopicArn=self._arn, Subject=subject(notice), Message=json.dumps(notice.to_json()))


def subject(notice: Notice) -> str:
    """A title as SNS takes it: printable ASCII, begun by no blank, less than 100 characters, at least one.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in " ".join(notice.title.split()))
    return plain[:LONGEST_SUBJECT] or "Headrace"
