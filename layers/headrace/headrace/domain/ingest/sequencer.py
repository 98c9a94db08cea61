"""The order of the versions of one key, by the sequencers of their events.

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
_FOREIGN = re.compile(r"[^0-9A-Z-]")


def sortable(sequencer: str) -> str:
    """A sequencer as a text that sorts in S3's order: upper-case digits, and the `-` of `right_after`."""
    return _FOREIGN.sub("", sequencer.upper())[:LONGEST]


def right_after(sequencer: str, number: int) -> str:
    """The place of the nth version that was found without an event behind the one with this sequencer.

    It is later than that one and earlier than any that S3 may give later: `-` is below every digit. Without a known
    version before it, the sequencer is empty, and the place is before all others.
    """
    return f"{sequencer}-{number:06}"
