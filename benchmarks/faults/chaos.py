"""Break the laptop at named points while files load, and compare the warehouse with what it would be unbroken.

    python -m benchmarks.faults.chaos                   every point
    python -m benchmarks.faults.chaos --seeds 300       faults composed from seeds 1 to 300
    python -m benchmarks.faults.chaos --seed 7          one of them again
    python -m benchmarks.faults.chaos --seeds 300 --journal seeds.jsonl     goes on where the journal ends

After each: the same rows as unbroken, every file in its final state, its rows balanced, and nothing left: no open
batch, no marker of a waiting file, no generation whose name is taken, no dead letter, no stray table, no staged row, no
session (and with it no TEMP table) and no lock in the warehouse. All of it within a bound.

Two of the stack's clocks are turned on so that a run takes minutes, not hours: a message that was not handled comes
back after 5 seconds instead of 360, and the sweeper runs every 4 seconds instead of every 5 minutes.

A run of all points, or of seeds from 1 on, is stored in `benchmarks/results/chaos`: the sums as JSON, and beside them a
line for each point.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.faults.chaos_bench import PATIENCE, Bench, Result
from benchmarks.faults.chaos_points import Point, composed, points
from benchmarks.laptop import machine
from benchmarks.own_laptop import deploy_anew, own_laptop, replace_in, store
from headrace_cli.stack.target import target_at

RESULTS = Path(__file__).parents[1] / "results" / "chaos"


def main() -> int:
    """Run on its own laptop. Returns 1 when anything is wrong."""
    options = _parser().parse_args()
    where = machine()
    with own_laptop("chaos", prepare=_pages_of_one) as laptop:
        target = target_at(laptop.home)
        bench = Bench(target, "bulk", "staged", lambda: deploy_anew(laptop), heavy="heavy", process=laptop.state.pid)
        results = run_all(_chosen(options), bench, options.journal)
        differences = bench.differences()
    sums = totals(results) | {"differences": differences, "load_average_at_end": round(psutil.getloadavg()[0], 2)}
    print(summary(sums))
    if not options.only and options.seed is None:
        name = f"seeds-1-{options.seeds}" if options.seeds else "points"
        path = store(where | sums, RESULTS, name)
        path.with_suffix(".jsonl").write_text("".join(map(_line, results)))
        print(f"Stored in {path}, and each point in the .jsonl beside it")
    return int(bool(sums["wrong"] or differences))


def _pages_of_one(checkout: Path) -> None:
    """Earlier files whose rows are corrected are as many pages as they are files."""
    outcome = checkout / "layers" / "headrace" / "headrace" / "usecases" / "ingest" / "record_outcome.py"
    replace_in(outcome, r"(?m)^PAGE = \d+", "PAGE = 1")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="points whose name holds this")
    parser.add_argument("--seeds", type=int, default=0, help="compose faults from so many seeds instead")
    parser.add_argument("--seed", type=int, help="compose faults from this seed")
    parser.add_argument("--journal", type=Path, help="JSON Lines of the results; what was right is not run again")
    return parser


def _chosen(options: argparse.Namespace) -> list[Point]:
    if options.seed is not None:
        return [composed(options.seed)]
    if options.seeds:
        return [composed(seed) for seed in range(1, options.seeds + 1)]
    return [point for point in points() if options.only in point.name]


def run_all(chosen: list[Point], bench: Bench, journal: Path | None = None) -> list[Result]:
    """Run the points and print the table. What the journal has as right is counted, and not run again."""
    print(f"{'fault point':<72} {'hit':>3} {'until right':>8}  final state")
    wanted = {point.name for point in chosen}
    known = {result.name: result for result in _kept(journal) if result.name in wanted and not result.wrong}
    with bench.hastened():
        for number, point in enumerate(point for point in chosen if point.name not in known):
            known[point.name] = bench.run(point, f"c{number}")
            show(known[point.name])
            if journal:
                with journal.open("a") as file:
                    file.write(_line(known[point.name]))
    return [known[point.name] for point in chosen]


def _line(result: Result) -> str:
    return json.dumps(asdict(result) | {"seconds": round(result.seconds, 1)}) + "\n"


def _kept(journal: Path | None) -> Iterator[Result]:
    lines = journal.read_text().splitlines() if journal and journal.exists() else []
    return (Result(**json.loads(line)) for line in lines)


def show(result: Result) -> None:
    """A line of the table."""
    verdict = "right" if not result.wrong else "WRONG: " + "; ".join(result.wrong)
    print(f"{result.name:<72} {result.injected:>3} {result.seconds:>6.1f} s  {verdict}", flush=True)


def totals(results: list[Result]) -> dict[str, Any]:
    """How many points, how many struck and how often, how many are wrong, and the seconds until all was right."""
    seconds = [result.seconds for result in results]
    return {
        "points": len(results),
        "struck": sum(result.injected > 0 for result in results),
        "hits": sum(result.injected for result in results),
        "wrong": sum(bool(result.wrong) for result in results),
        "seconds": {"median": round(median(seconds), 1), "slowest": round(max(seconds), 1), "allowed": PATIENCE},
    }


def summary(sums: dict[str, Any]) -> str:
    """The totals in a sentence."""
    seconds = sums["seconds"]
    return (
        f"{sums['points']} points, of which {sums['struck']} struck {sums['hits']} times; {sums['wrong']} wrong. Until "
        f"right: median {seconds['median']} s, slowest {seconds['slowest']} s, allowed {seconds['allowed']} s. "
        f"At the end: {sums['differences'] or 'no difference'} between landing, ledger, lake and warehouse."
    )


if __name__ == "__main__":
    sys.exit(main())
