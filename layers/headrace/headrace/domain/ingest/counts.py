"""What a file counts in its dataset's counters, by the day of its arrival: a file of its status, its rows, a Glue run.

A file that waits or is worked on counts as no file: how many those are is seen where they wait. Its rows count always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from headrace.domain.ingest.ledger import RUN, UNROUTABLE, FileRecord, FileStatus, RowCounts

FILES, ROWS, RUNS, RUN_SECONDS, RUNS_AT_MOST = "files_", "rows_", "glue_runs", "glue_seconds", "glue_at_most"
COUNTED = (FILES, ROWS, "glue_")
"""How the names of numbers begin."""
FIRST = "first"
"""Of a run's note in a file: whether the file is the first of the run's unit. The others do not count the run again."""
UNCOUNTED = frozenset({FileStatus.PENDING, FileStatus.RUNNING})


@dataclass
class Tally:
    """Counters of a dataset, or of one of its days: numbers by name.

    `whole` says that all files of the dataset are counted; those that arrived after `began` are in any case.
    `corrected` is how often they were corrected, `backfilled` whether files were recorded in the lane `backfill`.
    """

    numbers: Counter[str] = field(default_factory=Counter)
    whole: bool = False
    began: str = ""
    changed_at: str = ""
    corrected: int = 0
    backfilled: bool = False

    def files(self, status: FileStatus) -> int:
        """Files of a status; those in a merge are among the staged ones."""
        return self.numbers[f"{FILES}{status}"]

    @property
    def rows(self) -> RowCounts:
        """The rows of all files."""
        return RowCounts(**{kind: self.numbers[f"{ROWS}{kind}"] for kind in RowCounts.__dataclass_fields__})


Place = tuple[str, str]
"""A dataset, `UNROUTABLE` for none, and a day, as `2026-01-31`."""


def place_of(file: FileRecord) -> Place:
    """Where the file is counted."""
    return file.dataset or UNROUTABLE, file.arrived_at[:10]


def counts_of(file: FileRecord) -> Counter[str]:
    """What the file counts: a function of its record alone. A file in a merge counts as staged."""
    found = Counter({f"{ROWS}{kind}": number for kind, number in asdict(file.rows).items() if number})
    if file.status not in UNCOUNTED:
        found[f"{FILES}{FileStatus.STAGED if file.status is FileStatus.MERGING else file.status}"] += 1
    run = file.detected.get(RUN)
    if run and run.get(FIRST, True):
        found += Counter({RUNS: 1, RUN_SECONDS: int(run["dpu_seconds"]), RUNS_AT_MOST: int(bool(run.get("at_most")))})
    return found


def changes(files: Iterable[tuple[FileRecord | None, FileRecord]]) -> dict[Place, dict[str, int]]:
    """By how much counters change when files do: each as it was, None for a new one, and as it is."""
    sums: dict[Place, Counter[str]] = {}
    for was, becomes in files:
        if was:
            sums.setdefault(place_of(was), Counter()).subtract(counts_of(was))
        sums.setdefault(place_of(becomes), Counter()).update(counts_of(becomes))
    changed = {place: {name: number for name, number in sum_.items() if number} for place, sum_ in sums.items()}
    return {place: found for place, found in changed.items() if found}
