"""The order in which files arrived: of the versions of one key by the sequencers of their events, of others by time.

S3's sequencers are hexadecimal and may differ in length: the shorter one is filled with zeros on the right, then they
compare as text. Since no digit is below 0, texts that are not filled compare in the same way; only two that differ in
zeros at their ends would be equal when filled. The user guide has named either side in its editions
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html); see decision 81 for why it
is the right one.
"""

from __future__ import annotations

import re

LONGEST = 64
"""Characters that count. S3's have 18; a version that was found between others has seven more."""
SECOND, MICROSECOND = 14, 20
"""Digits of a time, from the year on."""
_NO_DIGIT = re.compile(r"\D")
_FOREIGN = re.compile(r"[^0-9A-Z-]")


def sortable(sequencer: str) -> str:
    """A sequencer as a text that sorts in S3's order: upper-case digits, and the `-` of `right_after`."""
    return _FOREIGN.sub("", sequencer.upper())[:LONGEST]


def arrival(at: str, sequencer: str) -> str:
    """A file's place in the order of arrival, as a text that sorts: `20260131093000-0055AED6DCD90281E5`.

    `at` is when it landed by its event (ISO 8601, UTC), to the second or finer. Two files may share a place; their ids
    decide then, after a `#`, which is below every other sign here.
    """
    digits = _NO_DIGIT.sub("", at)
    return f"{digits[:SECOND]}{digits[SECOND:MICROSECOND].rstrip('0')}-{sortable(sequencer)}"


def right_after(sequencer: str, number: int) -> str:
    """The place of the nth version that was found without an event behind the one with this sequencer.

    It is later than that one and earlier than any that S3 may give later: `-` is below every digit. Without a known
    version before it, the sequencer is empty, and the place is before all others.
    """
    return f"{sequencer}-{number:06}"
