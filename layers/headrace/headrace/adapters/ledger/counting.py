"""Counters per dataset and day, written in the transaction that changes the files they count.

pk                sk                what
COUNTS            <dataset>#<part>  the dataset's files and rows, all days together
COUNTS#<dataset>  <day>#<part>      those that arrived on that day

A batch's files are counted together, so that a counter is written once for many. Files that are changed one by one are
counted in one of `PARTS`, so that many at once do not wait for each other; what counts is the sum of the parts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from headrace.adapters.ledger.items import known_files, saving_if
from headrace.adapters.table import JITTER, PAUSES, Table, Write
from headrace.domain.clock import now
from headrace.domain.ingest.counts import changes
from headrace.domain.ingest.ledger import FileRecord
from headrace.errors import TransientError

TOTALS, DAYS = "COUNTS", "COUNTS#"
TOGETHER, PARTS = "00", 16
MOST_CHANGED = 45
"""Files of one transaction of at most a hundred writes: each with the counter of a day, and one of all days."""

A = TypeVar("A")
Decide = Callable[[FileRecord], FileRecord | None]
"""What a file becomes, given what it is; None where it stays as it is."""


def part_of(file: FileRecord) -> str:
    """The part in which a file is counted that is changed alone."""
    return f"{1 + int(file.file_id[:8], 16) % PARTS:02}"


def days_pk(dataset: str) -> str:
    """The partition of a dataset's days."""
    return f"{DAYS}{dataset}"


def change_counted(
    table: Table, wanted: dict[str, Decide], beside: Callable[[FileRecord], list[Write]] | None = None
) -> set[str]:
    """Change files, given what each is now, and their counters with them. Returns the ids of those that changed.

    Nothing of a file may change between the look at it and the write: else the look is taken again, so that what is
    counted is the difference between what it was and what it is. `beside` are the writes that go with a file's. Raises
    TransientError when others change the same files again and again.
    """
    done, left = set[str](), dict(wanted)
    for pause in (0.0, *PAUSES):
        time.sleep(pause * JITTER.uniform(0.5, 1))
        known = known_files(table, left)
        looked_at = ((was, left[file_id](was)) for file_id, was in known.items())
        to_do = [(was, becomes) for was, becomes in looked_at if becomes is not None]
        left = {}
        for some in _at_most(to_do, MOST_CHANGED):
            if _write(table, some, beside):
                done |= {was.file_id for was, _ in some}
            else:
                left |= {was.file_id: wanted[was.file_id] for was, _ in some}
        if not left:
            return done
    raise TransientError(f"{len(left)} files were changed again and again while they were to be changed")


def _write(
    table: Table, some: list[tuple[FileRecord, FileRecord]], beside: Callable[[FileRecord], list[Write]] | None
) -> bool:
    writes = [saving_if(table, becomes, was) for was, becomes in some]
    writes += [write for _, becomes in some for write in (beside(becomes) if beside else [])]
    writes += counted(table, some, TOGETHER if len(some) > 1 else part_of(some[0][0]))
    return table.update(writes[0]) if len(writes) == 1 else table.transact(writes)


def _at_most(items: Iterable[A], most: int) -> Iterator[list[A]]:
    iterator = iter(items)
    while some := list(islice(iterator, most)):
        yield some


def counted(table: Table, files: Iterable[tuple[FileRecord | None, FileRecord]], part: str) -> list[Write]:
    """What a transaction writes so that files count as what they become; nothing where that is what they were."""
    writes, at = list[Write](), now()
    totals: dict[str, dict[str, int]] = {}
    for (dataset, day), numbers in sorted(changes(files).items()):
        writes.append(adding(table, (days_pk(dataset), f"{day}#{part}"), numbers, at))
        total = totals.setdefault(dataset, {})
        for name, number in numbers.items():
            total[name] = total.get(name, 0) + number
    return writes + [adding(table, (TOTALS, f"{dataset}#{part}"), total, at) for dataset, total in totals.items()]


def note_backfilled(table: Table, dataset: str) -> None:
    """Write that the dataset has files in the lane `backfill`: only then it is looked at."""
    table.update(table.updating(TOTALS, f"{dataset}#{TOGETHER}", "SET backfilled = :yes", yes=True))


def adding(
    table: Table, key: tuple[str, str], numbers: dict[str, int], at: str, condition: str = "", **values: Any
) -> Write:
    """What adds to a counter's numbers, at a time."""
    added = ", ".join(f"#{name} :{name}" for name in numbers)
    expression = f"SET changed_at = :at, began = if_not_exists(began, :at) ADD {added}"
    given: dict[str, Any] = {**numbers, "at": at, **values}
    return table.updating(*key, expression, condition, **given)
