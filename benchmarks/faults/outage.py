"""Refuse everything of one service for an hour, scaled, while files arrive; then end it and compare every row.

    python -m benchmarks.faults.outage                each service in turn
    python -m benchmarks.faults.outage --only DynamoDB one of them
    python -m benchmarks.faults.outage --hostile      how long a file that kills its function keeps the next one waiting

A minute stands for an hour: the workflow's waits, the patience with errors and the time after which a message comes
back are a sixtieth of what they are, and each call asks AWS twice instead of six times. Files land in two datasets, one
of which goes through a stage table: some before the outage, which are on their way when it begins, and one every few
seconds while it lasts. In its first half the service answers with 5xx, in its second it throttles. Nobody helps: the
sweeper runs as often as it would.

The results are stored in `benchmarks/results/outage`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.faults.outage_bench import OUTAGES, SCALE, HostileBench, OutageBench, Recovery
from benchmarks.laptop import machine
from benchmarks.own_laptop import own_laptop, replace_in, store, tell
from headrace_cli.stack.target import target_at

RESULTS = Path(__file__).parents[1] / "results" / "outage"
HOUR = 3600
HOSTILE_SECONDS = 30
"""The transform's time-out in the hostile run, instead of 900 seconds; what it keeps for its end is a tenth of it."""


def main() -> int:
    """Run on its own laptop. Returns 1 when anything is wrong."""
    options = _parser().parse_args()
    where = machine()
    if options.hostile:
        return _hostile(where)
    with own_laptop("outage", prepare=lambda checkout: scaled(checkout, SCALE)) as laptop:
        bench = OutageBench(target_at(laptop.home), laptop.messages)
        results = [_shown(bench.run(name, HOUR / SCALE)) for name in OUTAGES if options.only in name]
    wrong = [line for result in results for line in result.wrong]
    longest = max(result.recovery_seconds for result in results)
    files = sum(result.files for result in results)
    print(f"{len(results)} outages, {files} files: {len(wrong)} wrong, longest time to recover {longest:.1f} s")
    if not options.only:
        print(f"Stored in {store(where | {'scale': SCALE, 'outages': [asdict(one) for one in results]}, RESULTS)}")
    return int(bool(wrong))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="outages whose name holds this")
    parser.add_argument("--hostile", action="store_true", help="measure a hostile file's neighbours instead")
    return parser


def _hostile(where: dict[str, Any]) -> int:
    def prepare(checkout: Path) -> None:
        replace_in(
            checkout / "template.yaml", r"(CodeUri: functions/transform\n\s+Timeout:) \d+", rf"\1 {HOSTILE_SECONDS}"
        )
        allowance = checkout / "layers" / "headrace" / "headrace" / "usecases" / "unit" / "allowance.py"
        replace_in(allowance, r"(?m)^END = [\d.]+", f"END = {HOSTILE_SECONDS / 10}")

    with own_laptop("hostile", prepare=prepare) as laptop:
        result = HostileBench(target_at(laptop.home), HOSTILE_SECONDS).run()
    print("\n".join(f"{name}: {value}" for name, value in result.items()))
    print(f"Stored in {store(where | result, RESULTS, 'hostile')}")
    return int(bool(result["wrong"]))


def _shown(result: Recovery) -> Recovery:
    tell(
        f"{result.name:<44} {result.files:>3} files, {result.refused:>5} calls refused, {result.messages:>2} messages, "
        f"loaded {result.recovery_seconds:>5.1f} s after its end  {'; '.join(result.wrong) or 'right'}"
    )
    return result


def scaled(checkout: Path, scale: int) -> None:
    """Let a checkout's clocks run faster by a factor: what it deploys waits so much shorter."""
    machine_file = checkout / "statemachine" / "ingest.asl.json"
    replace_in(
        machine_file, r'"(IntervalSeconds|MaxDelaySeconds)": (\d+)', lambda m: f'"{m[1]}": {_shorter(m[2], scale)}'
    )
    replace_in(machine_file, r'"Seconds": "\{% \$(polls|ceil)[^"]*"', '"Seconds": 1')
    package = checkout / "layers" / "headrace" / "headrace"
    replace_in(package / "domain" / "ingest" / "lane.py", r"(PATIENCE_SECONDS = [\d *]*)3600", rf"\g<1>{3600 // scale}")
    replace_in(package / "adapters" / "aws.py", r'"max_attempts": \d+', '"max_attempts": 2')


def _shorter(seconds: str, scale: int) -> int:
    return max(1, int(seconds) // scale)


if __name__ == "__main__":
    sys.exit(main())
