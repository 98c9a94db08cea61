"""What people did by hand about files, batches and rows: who, when, from where, why, and what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from headrace.domain.bounds import cut

BEGUN = "begun"
"""The outcome of what has not ended: it is under way, or its process was killed."""
MOST_NAMED = 50
"""Files and batches that an entry names; it counts them all."""
LONGEST_NAME, LONGEST_WHO, LONGEST_TEXT = 200, 256, 1000
"""Bytes: of what an entry names, of who did it and where, of why, and of what came of it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act of a person. `about` names what it was about: file ids, batches, keys; never a value of a row."""

    id: str
    at: str
    action: str
    by: str
    host: str
    dataset: str = ""
    about: tuple[str, ...] = ()
    number: int = 0
    reason: str = ""
    outcome: str = BEGUN

    @property
    def bounded(self) -> Self:
        """With all its texts as long as an item may have them."""
        return replace(
            self,
            by=cut(self.by, LONGEST_WHO),
            host=cut(self.host, LONGEST_WHO),
            about=tuple(cut(name, LONGEST_NAME) for name in self.about[:MOST_NAMED]),
            number=max(self.number, len(self.about)),
            reason=cut(self.reason, LONGEST_TEXT),
            outcome=cut(self.outcome, LONGEST_TEXT),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return asdict(self) | {"about": list(self.about)}

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> Self:
        """The inverse, of what this version knows."""
        known = {name: item[name] for name in cls.__dataclass_fields__ if name in item}
        return cls(**known | {"about": tuple(item.get("about", ()))})


def hashed(value: str) -> str:
    """A name for a value that must not be kept: the same value has it again. Of few possible ones it can be guessed."""
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()[:16]
