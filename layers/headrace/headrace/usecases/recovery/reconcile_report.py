"""What a reconciliation finds, and the notice of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.domain import causes
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.notice import Matter, Notice

LISTED = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """Two places that disagree about one thing, and what to do."""

    kind: str
    dataset: str
    what: str
    advice: str


@dataclass(slots=True)
class Reconciliation:
    """The differences, and how much was looked at.

    `busy` are datasets whose warehouse was not compared, or not all of it, because they were loading; `uncompared`
    those that were not compared to their end, each with the reason. `coverage` is how far a night came with a dataset's
    objects.
    """

    differences: list[Difference] = field(default_factory=list)
    objects: int = 0
    files: int = 0
    parts: int = 0
    rows: int = 0
    busy: list[str] = field(default_factory=list)
    uncompared: dict[str, str] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)


def notice_of(found: Reconciliation) -> Notice | None:
    """The notice of differences, and of datasets that could not be compared. None when all agree."""
    if not found.differences and not found.uncompared:
        return None
    lines = [f"{item.dataset}: {item.what}: {item.advice}" for item in found.differences[:LISTED]]
    rest = len(found.differences) - LISTED
    lines += [f"and {rest:,} more: `headrace reconcile` lists them"] if rest > 0 else []
    lines += [f"{dataset} could not be compared: {why}" for dataset, why in found.uncompared.items()]
    lines += [f"{dataset}: compared were {coverage}" for dataset, coverage in found.coverage.items() if coverage.began]
    if found.differences:
        title = f"landing, ledger, lake and warehouse differ in {len(found.differences):,} places"
    else:
        title = f"{len(found.uncompared)} of the datasets could not be compared"
    return Matter(causes.RECONCILE_DIFFERENCE).notice(title, lines)
