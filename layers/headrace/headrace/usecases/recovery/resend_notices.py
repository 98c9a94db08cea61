"""Notices that Slack or PagerDuty did not take: delivered once more, each to whoever did not take it."""

from __future__ import annotations

import json
from collections.abc import Callable

from headrace.domain.foreign import NOT_AS_EXPECTED
from headrace.domain.ingest.arrival import DeadLetter
from headrace.domain.notice import message_notice
from headrace.usecases.ports import UndeliveredNotices
from headrace.usecases.recovery.redrive import FAILED, SENT, UNREADABLE, Redriven, all_letters


def resend_notices(queue: UndeliveredNotices, *, pause: Callable[[], None], dry_run: bool = False) -> list[Redriven]:
    """Call the function again whose dead letter each is, and delete it when it was delivered.

    What fails again stays, and so does what isn't a notice: the start of an export is in the same queue. A crash
    between delivery and deletion delivers twice.
    """
    answers: list[Redriven] = []
    kept: list[DeadLetter] = []
    for letter in all_letters(queue):
        title, subscription = _read(letter)
        if dry_run or not subscription:
            error = "" if subscription else "not a notice"
        else:
            error = queue.deliver(letter, subscription)
            pause()
        answers.append(Redriven(title, (FAILED if subscription else UNREADABLE) if error else SENT, error))
        if dry_run or error:
            kept.append(letter)
        else:
            queue.delete(letter)
    for letter in kept:
        queue.give_back(letter)
    return answers


def _read(letter: DeadLetter) -> tuple[str, str]:
    """A letter's title, and the subscription by which it came; "" when it did not come from a topic."""
    try:
        (record,) = json.loads(letter.body)["Records"]
        return message_notice(record["Sns"]["Message"]).title, str(record["EventSubscriptionArn"])
    except NOT_AS_EXPECTED:
        return letter.body[:80], ""
