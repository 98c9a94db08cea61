"""How large a record, a line of a story or a message may become, and how anything larger is cut.

A file, a server or the warehouse may say anything; what is written about it fits the limits of every service:
a DynamoDB item 400 KB, all items of one transaction 4 MB together
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html), a state of the workflow and a
function's answer to it 256 KiB (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html), an SNS
message 256 KB (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
"""

from __future__ import annotations

from typing import Any

LONGEST_NAME = 127
"""Bytes of a name that is shown: of a zip's member, a contract's version."""
LONGEST_REASON = 2_000
"""Bytes of the reason of a file or a batch."""
MOST_DETECTED = 40_000
"""Bytes of what a file's record says that was detected in it."""
MOST_DETAIL = 8_000
"""Bytes of one line of a story."""
LONGEST_TITLE = 1_200
LONGEST_LINE = 3_000
MOST_LINES = 20_000
"""Bytes of all lines of a notice. As JSON in ASCII they are six times as many at worst."""
MOST_FOUND = 10_000
"""Bytes of what a function tells the workflow of its findings."""
DEEPEST = 8
MORE = "…"
OVERHEAD = 3
"""Bytes that a list or a map takes for itself, and at most for each of its items."""
NUMBER = 21


def cut(text: str, most: int) -> str:
    """A text cut to this many bytes of UTF-8; a cut one ends in `…`. What is not Unicode becomes `?`."""
    data = text.encode(errors="replace")
    if len(data) <= most:
        return data.decode()
    return data[: most - len(MORE.encode())].decode(errors="ignore") + MORE


def cut_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a message, each cut, as many as there is room for; the last one says how many more there are."""
    kept: list[str] = []
    room = MOST_LINES
    for line in lines:
        short = cut(line, LONGEST_LINE)
        room -= len(short.encode())
        if room < 0:
            return (*kept, f"and {len(lines) - len(kept)} more lines")
        kept.append(short)
    return tuple(kept)


def within(value: Any, most: int) -> Any:
    """A JSON value of at most this many bytes: texts, lists and maps are cut where the room ends."""
    return _cut_value(value, most, DEEPEST)[0]


def _cut_value(value: Any, room: int, depth: int) -> tuple[Any, int]:
    """The value, and the bytes that it takes."""
    if isinstance(value, dict) and depth:
        return _cut_map(value, room - OVERHEAD, depth - 1)
    if isinstance(value, list | tuple) and depth:
        return _cut_list(list(value), room - OVERHEAD, depth - 1)
    if value is None or isinstance(value, int | float):
        return value, NUMBER
    text = cut(str(value), max(room, len(MORE.encode())))
    return text, len(text.encode())


def _cut_list(items: list[Any], room: int, depth: int) -> tuple[list[Any], int]:
    kept: list[Any] = []
    left = room - NUMBER
    for item in items:
        if left <= NUMBER:
            return [*kept, f"{MORE} {len(items) - len(kept)} more"], room
        short, size = _cut_value(item, left, depth)
        kept.append(short)
        left -= size + OVERHEAD
    return kept, room - left


def _cut_map(items: dict[Any, Any], room: int, depth: int) -> tuple[dict[str, Any], int]:
    kept: dict[str, Any] = {}
    left = room - NUMBER
    for name, item in items.items():
        key = cut(str(name), LONGEST_NAME)
        left -= len(key.encode()) + OVERHEAD
        if left <= NUMBER:
            return kept | {MORE: f"{len(items) - len(kept)} more"}, room
        kept[key], size = _cut_value(item, left, depth)
        left -= size
    return kept, room - left
