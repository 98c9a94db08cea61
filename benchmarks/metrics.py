"""`make bench-metrics`: what metrics cost the functions, in CPU per file, with and without.

The deployed use cases load small files in groups as large as those that 100 files a minute make. What the warehouse and
the ledger take is none of the functions' work: the one's time is taken off, the other is in memory. So the share that
is printed is higher than on AWS, where every call to a service costs a function CPU, too.
ARGS="--files 350 --group 100".
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from headrace import observability
from headrace.usecases.ingest import record_outcome
from tests.support.duck_warehouse import DuckWarehouse
from tests.support.pipeline import Pipeline, meters

FILES, GROUP, ROWS = 170, 17, 1_000
REACH = 0.03


@dataclass(slots=True)
class Stopwatch:
    """CPU seconds that calls take, those within another of its calls once."""

    seconds: float = 0.0
    running: bool = False

    def over(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, watched."""

        def watched(*arguments: Any, **named: Any) -> Any:
            if self.running:
                return call(*arguments, **named)
            self.running, began = True, time.process_time()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds += time.process_time() - began
                self.running = False

        return watched


@contextlib.contextmanager
def watched(target: Any, watch: Stopwatch, *names: str) -> Iterator[None]:
    """Watch these functions of a module or class."""
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(target, name, watch.over(getattr(target, name))))
        yield


def measure(files: int, group: int) -> tuple[float, float]:
    """CPU seconds of the functions without metrics, and of metrics, for so many files."""
    pipeline, emitting, warehouse = Pipeline(meters()), Stopwatch(), Stopwatch()
    verbs = [name for name, verb in vars(DuckWarehouse).items() if callable(verb) and not name.startswith("_")]
    with (
        mock.patch.object(observability.metrics.provider, "service", "headrace"),
        watched(DuckWarehouse, warehouse, *verbs),
        watched(record_outcome, emitting, "emit", "measure_outcome"),
        watched(observability, emitting, "emit", "measure_arrivals"),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        began = time.process_time()
        for first in range(0, files, group):
            for number in range(first, min(first + group, files)):
                _land(pipeline, number)
            pipeline.run()
            observability.emit({"WarehouseSeconds": 1.0}, dataset="readings")
        total = time.process_time() - began
    return total - warehouse.seconds - emitting.seconds, emitting.seconds


def _land(pipeline: Pipeline, number: int) -> None:
    """A file with bad rows of two rules, announced by a message that comes alone."""
    rows = [(f"m{number}-{row}", 1, row if row % 100 else -1) for row in range(ROWS)]
    at = f"2026-07-31T10:{number // 60 % 60:02}:{number % 60:02}.123456Z"
    arrival = pipeline.land(f"small-{number:06}.csv", "v1", rows, at, f"0062E99A88DC{number:06X}")
    pipeline.deliver(arrival)
    observability.measure_arrivals([pipeline.services.ledger.files.get(arrival.file_id)])


def main() -> None:
    """Measure and print. Exits with 1 where metrics take more than they may."""
    parser = argparse.ArgumentParser(prog="make bench-metrics", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--group", type=int, default=GROUP)
    given = parser.parse_args()
    measure(given.group, given.group)  # what is imported and compiled once is no file's
    functions, metrics = measure(given.files, given.group)
    share = metrics / functions
    print(f"{given.files} files of {ROWS:,} rows in groups of {given.group}; CPU of the functions per file\n")
    for name, seconds in (("without metrics", functions), ("with metrics", functions + metrics)):
        print(f"{name:<20}{seconds / given.files * 1000:>8.2f} ms")
    print(f"{'overhead':<20}{share * 100:>8.2f} %   <= {REACH * 100:.0f} %")
    sys.exit(share > REACH)


if __name__ == "__main__":
    main()
