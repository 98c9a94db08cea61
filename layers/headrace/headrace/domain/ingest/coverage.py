"""How far the nights have come with comparing a dataset's objects, and where a listing finds the new ones at once.

S3 lists by key and not by time, some two million versions in the time of a function. So a night goes on where the last
one stopped; and before that it looks around the keys that came last, where what is missing most likely is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

LAST_DIGITS = re.compile(r"\d+(?=\D*$)")
NEAR_DIGITS = 3
"""A listing begins at most a thousand numbers before a key that has a number."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One pass over a dataset's objects, which may last many nights. All times are ISO 8601, in UTC.

    `began` is when it did, "" between two passes; `upto` is the key up to which objects are compared, `objects` how
    many. Those that landed from `since` on are due. `ended` is when the pass before ended; `highest` is the greatest
    key that the nights have come to; `files_from` is where the comparison of the ledger's files goes on, "" if it came
    to its end. `turn` counts the changes.
    """

    began: str = ""
    since: str = ""
    upto: str = ""
    objects: int = 0
    ended: str = ""
    last_began: str = ""
    highest: str = ""
    files_from: str = ""
    turn: int = 0

    def begun(self, at: str, since: str) -> Coverage:
        """The pass that goes on, or a new one: of what landed `since`, and since the pass before began."""
        if self.began:
            return self
        return replace(self, began=at, since=min(since, self.last_began or since), upto="", objects=0)

    def at(self, key: str, objects: int) -> Coverage:
        """The pass, this many objects further."""
        return replace(self, upto=key, objects=self.objects + objects)

    def completed(self, at: str) -> Coverage:
        """After the last object."""
        return replace(self, began="", last_began=self.began, ended=at)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**value)

    def __str__(self) -> str:
        if not self.began:
            return f"all {self.objects:,} objects, in a pass from {self.last_began} to {self.ended}"
        return f"{self.objects:,} objects, up to {self.upto!r}, in a pass that began at {self.began}"


def beginnings(key: str, prefix: str) -> Iterator[str]:
    """Where a listing may begin to find what landed beside a key: its folder, its numbers, the key itself."""
    folder, slash, name = key.rpartition("/")
    if len(folder) + len(slash) > len(prefix):
        yield folder + slash
    stem = name.partition(".")[0]
    if number := LAST_DIGITS.search(stem):
        start = len(folder) + len(slash) + number.start()
        yield key[:start]
        yield key[: max(start, start + len(number[0]) - NEAR_DIGITS)]
    yield key
