"""`make bench-writes`: DynamoDB's write units per file, counted, by what is written and how.

The deployed use cases load small files over a ledger in moto's DynamoDB, in groups as large as those that 100 files a
minute make; the warehouse runs the load's own SQL, the lake is in memory. ARGS="--files 350 --group 100" loads others.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from dataclasses import dataclass

from headrace.domain.ingest.ledger import FileStatus
from tests.support.metered import Metered, metered_ledger
from tests.support.pipeline import Pipeline, meters

FILES, GROUP = 350, 17
"""Files of a group, as `make bench-small` measured it at 100 files a minute over three datasets."""
REACH = 12.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What files took, all together."""

    files: int
    batches: int
    units: Counter[tuple[str, str]]
    largest: dict[str, int]

    @property
    def per_file(self) -> float:
        """Write units that one file takes."""
        return sum(self.units.values()) / self.files


def count(files: int, group: int) -> Counted:
    """Load so many files, each under a key of its own, in groups, and count. All must be loaded in the end."""
    with metered_ledger() as (ledger, client):
        pipeline = Pipeline(meters())
        pipeline.services.ledger = ledger  # type: ignore[assignment]
        batches = 0
        for first in range(0, files, group):
            for number in range(first, min(first + group, files)):
                _land(pipeline, number)
            pipeline.run()
            batches += 1
        loaded = [file for file in ledger.files.of_dataset("readings") if file.status is FileStatus.LOADED]
        assert len(loaded) == files, f"{len(loaded)} of {files} files are loaded"
        return _counted(files, batches, client)


def _counted(files: int, batches: int, client: Metered) -> Counted:
    return Counted(files, batches, client.units, client.largest)


def _land(pipeline: Pipeline, number: int) -> None:
    """A file whose key, version and date are as long as real ones."""
    key, version = f"2026/07/31/small-{number:06}.csv", hashlib.sha256(str(number).encode()).hexdigest()[:32]
    at, order = f"2026-07-31T10:{number // 60 % 60:02}:{number % 60:02}.123456Z", f"0062E99A88DC{number:06X}"
    rows = [(f"meter-{number}-{row}", 1, number + row) for row in range(3)] + [(f"meter-{number}-bad", 1, -1)]
    pipeline.deliver(pipeline.land(key, version, rows, at, order))


def show(counted: Counted) -> None:
    """Print a line per operation and kind of item, the most expensive first."""
    print(f"{counted.files} files in {counted.batches} batches\n")
    print(f"{'operation':<18}{'item':<18}{'units':>8}{'per file':>10}{'largest, bytes':>16}")
    for (operation, kind), units in counted.units.most_common():
        size = counted.largest.get(kind, 0)
        print(f"{operation:<18}{kind:<18}{units:>8,}{units / counted.files:>10.2f}{size or '':>16}")
    print(f"{'together':<36}{sum(counted.units.values()):>8,}{counted.per_file:>10.2f}{f'<= {REACH:.0f}':>16}")


def main() -> None:
    """Count, and print the table. Exits with 1 where a file takes more than it may."""
    parser = argparse.ArgumentParser(prog="make bench-writes", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--group", type=int, default=GROUP)
    given = parser.parse_args()
    counted = count(given.files, given.group)
    show(counted)
    sys.exit(counted.per_file > REACH)


if __name__ == "__main__":
    main()
