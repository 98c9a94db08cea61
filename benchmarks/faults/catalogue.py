"""Raise every error of the catalogue on a laptop, where it arises, and look at what became of the files.

    make catalogue                                   all of them
    python -m benchmarks.faults.catalogue --only redshift-disk

Two files of a dataset meet each error of their way. What passes must have passed, what is a file's must have failed
that file and no other, every row must be in the table, and where a batch failed a message must say cause and remedy.
An error that the workflow retried is met again, and goes on until no retry is left: then it must be seen as well.
Eight datasets meet errors side by side, those of Glue with files that go through a real Spark. Then a view, an export,
the queues and a notice meet the others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.catalogue_elsewhere import MetElsewhere, WalkElsewhere, elsewhere
from benchmarks.faults.catalogue_walk import Met, Raised, Walk
from benchmarks.own_laptop import own_laptop
from headrace.domain.ingest.failure import Failure, Treatment, catalogue
from headrace_cli.stack.target import target_at
from headrace_local.known_faults import GLUE

LANES = 8
MODELS = {"bulk": "cat", "heavy": "spark"}
"""Contracts of the tests, and what their copies are called: the second goes through the Glue job."""
FOR_HOURS = {"glue-concurrent-runs"}
"""What the workflow retries for hours, until other runs have ended: nobody waits here until no retry is left."""
GROUP_SECONDS = 4
"""The two files of an error are one batch, also on a busy machine: a batch that is too large must be one to split."""


def main() -> int:
    """Run on its own laptop. Returns 1 when anything is wrong."""
    options = _parser().parse_args()
    chosen = [failure for failure in met_by_files() if options.only in failure.name]
    others = [failure for failure in elsewhere() if options.only in failure.name]
    start, wrong, retried = time.monotonic(), 0, []
    print(f"{'error':<34} {'place':<8} {'treatment':<9} {'ended':<10} files")
    with own_laptop("catalogue", f"LongestWait={GROUP_SECONDS}", prepare=_datasets) as laptop:
        walk = Walk(target_at(laptop.home))
        for wave in raised_in("once", waves(chosen)):
            for met in walk.run(wave):
                show(met)
                wrong += bool(met.wrong)
                retried += [] if met.notified or met.raised.failure.name in FOR_HOURS else [met.raised.failure]
        for wave in raised_in("on", waves(retried)):
            for met in walk.run_on(wave):
                show(met)
                wrong += bool(met.wrong)
        for other in WalkElsewhere(laptop).run(others):
            show_other(other)
            wrong += bool(other.wrong)
    seconds, errors = time.monotonic() - start, len(chosen) + len(others)
    print(
        f"\n{errors} errors in {seconds:.0f} s, {len(retried)} of them met twice, {wrong} not met as the catalogue says"
    )
    return int(wrong > 0)


def met_by_files() -> list[Failure]:
    """The errors that files meet on their way into a table."""
    others = {entry.name for entry in elsewhere()}
    return [entry for entry in catalogue() if entry.name not in others]


def waves(chosen: list[Failure]) -> Iterator[list[Failure]]:
    """So many at a time as there are datasets; those that refuse a file among themselves, as do those of Glue."""
    for refuses, glue in ((False, False), (False, True), (True, False)):
        alike = [
            failure
            for failure in chosen
            if (failure.treatment is Treatment.FILE, failure.service == GLUE) == (refuses, glue)
        ]
        yield from (alike[first : first + LANES] for first in range(0, len(alike), LANES))


def raised_in(tag: str, chosen: Iterator[list[Failure]]) -> Iterator[list[Raised]]:
    """Each wave with the datasets that meet its errors. `tag` is in the names of their files."""
    for number, wave in enumerate(chosen):
        yield [Raised(failure, f"{_kind(failure)}{lane}", f"{tag}{number}{lane}") for lane, failure in enumerate(wave)]


def _kind(failure: Failure) -> str:
    return MODELS["heavy" if failure.service == GLUE else "bulk"]


def show(met: Met) -> None:
    """A line, and what is wrong below it."""
    failure, files = met.raised.failure, ", ".join(met.statuses)
    ended = met.ended or ("batch" if met.notified else "retried")
    print(f"{failure.name:<34} {failure.place:<8} {failure.treatment:<9} {ended:<10} {files}", flush=True)
    for what in met.wrong:
        print(f"    WRONG: {what}", flush=True)


def show_other(met: MetElsewhere) -> None:
    """The same, of an error that no file meets."""
    print(f"{met.failure.name:<34} {met.failure.place:<8} {met.failure.treatment:<9} {'':<10} {met.what}")
    for what in met.wrong:
        print(f"    WRONG: {what}", flush=True)


def _datasets(checkout: Path) -> None:
    for model, copy in MODELS.items():
        text = (checkout / "contracts" / f"{model}.odcs.yaml").read_text()
        for lane in range(LANES):
            (checkout / "contracts" / f"{copy}{lane}.odcs.yaml").write_text(text.replace(model, f"{copy}{lane}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="errors whose name holds this")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
