"""How often all datasets together wake the warehouse, and whether each promise is kept: `make bench-wakeups`.

Each mix of datasets runs twice on a simulated clock, with the parameter `SharedWakeUps` off and on, and the same files.
The first hour is not counted. `--hours` runs for longer or shorter.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from benchmarks.wakeups.world import HOUR, LOAD, MIDNIGHT, Traffic, World
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileStatus
from headrace_cli.output.console import show, table
from headrace_compiler.compile import promises
from tests.support.fakes import contract

HOURS = 7.0
MINUTE = 60


def dataset(name: str, promised: int, merge: int = 0) -> Contract:
    """A dataset that promises so many seconds, its wait as the compiler has it."""
    staging = {"staged": True, "merge_seconds": merge} if merge else {}
    wait = promises.wait(promised, merge)
    return contract(name, freshness_seconds=promised, wait_seconds=wait, **staging)


def several(
    number: int,
    promised: int,
    every: float,
    *,
    merge: int = 0,
    load: tuple[float, float] = LOAD,
    copies: bool = False,
) -> list[Traffic]:
    """Datasets of one kind."""
    names = (f"readings_{promised}_{merge}_{every:g}_{place}" for place in range(number))
    return [Traffic(dataset(name, promised, merge), every, load, copies) for name in names]


MIXES = {
    "20 datasets at 15 min, a file a minute each": several(20, 15 * MINUTE, MINUTE),
    "20 datasets at 15 min, a file in 30 min each": several(20, 15 * MINUTE, 30 * MINUTE),
    "1 dataset at 15 min, a file a minute": several(1, 15 * MINUTE, MINUTE),
    "20 at 15 min, one at 1 min with a file in 10 min": [
        *several(20, 15 * MINUTE, MINUTE), *several(1, MINUTE, 10 * MINUTE)
    ],
    "20 at 15 min, one at 1 min with files all the time": [
        *several(20, 15 * MINUTE, MINUTE), *several(1, MINUTE, 20)
    ],
    "20 at 15 min, one at 1 min with a duplicate every 20 s": [
        *several(20, 15 * MINUTE, MINUTE), *several(1, MINUTE, 20, copies=True)
    ],
    "7 at 10 min, 7 at 15 min, 6 at 1 h, a file a minute each": [
        *several(7, 10 * MINUTE, MINUTE), *several(7, 15 * MINUTE, MINUTE), *several(6, HOUR, MINUTE)
    ],
    "10 at 15 min, 10 staged at 2 h with a merge an hour": [
        *several(10, 15 * MINUTE, MINUTE), *several(10, 2 * HOUR, MINUTE, merge=HOUR)
    ],
    "20 at 15 min, loads of 150 to 200 s": several(20, 15 * MINUTE, MINUTE, load=(150.0, 200.0)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What a mix did in an hour: wake-ups, minutes billed, datasets per wake-up, groups, and executions without one."""

    wake_ups: float
    billed_minutes: float
    sharing: float
    groups: float
    idle: float
    files: int
    late: int
    slowest: float

    @property
    def usd_a_day(self) -> float:
        """The warehouse at 4 RPU, and the executions: sixteen transitions for a group, six for one without a batch."""
        return 24 * (self.billed_minutes * 0.025 + (self.groups * 16 + self.idle * 6) * 0.000025)


def figures(mix: list[Traffic], hours: float, *, shared: bool) -> Figures:
    """Run one mix, and count what happened after the first hour. The slowest file is in parts of its promise."""
    world = World(mix, hours, shared=shared)
    world.run()
    first, last = MIDNIGHT + HOUR, MIDNIGHT + hours * HOUR
    span = hours - 1
    wakes = [wake for wake in world.warehouse.wake_ups if first <= wake.begun < last]
    took = list(_shares(world, mix, first))
    return Figures(
        len(wakes) / span,
        sum(min(last, wake.until) - wake.begun for wake in wakes) / 60 / span,
        sum(len(wake.datasets) for wake in wakes) / max(1, len(wakes)),
        sum(first <= at < last for at in world.groups) / span,
        sum(first <= at < last for at in world.idle) / span,
        len(took),
        sum(share > 1 for share in took),
        max(took),
    )


def _shares(world: World, mix: list[Traffic], first: float) -> Iterator[float]:
    """What part of its promise each file with rows took that landed after a time."""
    promised = {one.contract.dataset: one.contract.freshness_seconds or 0 for one in mix}
    for file in world.services.files.records.files.values():
        if (landed := _seconds(file.arrived_at)) >= first and file.status is not FileStatus.DUPLICATE:
            yield (world.queryable[file.file_id] - landed) / promised[file.dataset]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def rows(hours: float) -> Iterator[tuple[str, ...]]:
    """A line for each mix, off and on."""
    for name, mix in MIXES.items():
        for shared in (False, True):
            found = figures(mix, hours, shared=shared)
            yield (
                name if not shared else "",
                "on" if shared else "off",
                f"{found.wake_ups:.1f}",
                f"{found.billed_minutes:.1f}",
                f"{found.sharing:.1f}",
                f"{found.groups:.0f}",
                f"{found.idle:.0f}",
                f"{found.usd_a_day:.2f}",
                f"{found.files - found.late:,} of {found.files:,}",
                f"{found.slowest:.0%}",
            )


HEADERS = (
    "datasets and their promises", "shared", "wake-ups\nan hour", "minutes\nbilled", "datasets\neach",
    "groups\nan hour", "taken\nalong", "USD\na day", "promises kept", "slowest",
)  # fmt: skip


def main() -> int:
    """Print the table. 1 if a promise was broken while wake-ups were shared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=HOURS, help="of simulated time")
    found = list(rows(parser.parse_args().hours))
    show(table(HEADERS, found, numbers=HEADERS[2:8]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
