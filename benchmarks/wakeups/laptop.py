"""The same on a real laptop, scaled down: four datasets that promise three minutes, a file in 20 seconds each.

    python -m benchmarks.wakeups.laptop --minutes 10

All of the stack runs, by the real clock. The datasets start within seconds of each other, so it shows whether promises
are kept, not what sharing saves: the simulation does that. The laptop's warehouse does not sleep, so a wake-up is what
`headrace status --wake-ups` counts: loads within a minute.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.own_laptop import own_laptop, tell
from headrace_cli.commands.files.wait import wait_until_quiet
from headrace_cli.stack.target import Target, target_at
from headrace_cli.stack.watch import Watch

CONTRACT = Path(__file__).resolve().parents[1] / "contracts" / "quarter.odcs.yaml"
DATASETS = tuple(f"quarter_{number}" for number in range(1, 5))
PROMISE = 180
EVERY = 20.0
ROWS = 50
SECONDS_TO_END = 900


def main() -> int:
    """Run, and print what came of it. 1 if a promise was broken or a file was not loaded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="in which files land")
    parser.add_argument("--off", action="store_true", help="with SharedWakeUps=false")
    asked = parser.parse_args()
    shared = "false" if asked.off else "true"
    with own_laptop("wakeups", f"LongestWait=3600 SharedWakeUps={shared}", _with_contracts) as laptop:
        target = target_at(laptop.home)
        begun = datetime.now().astimezone()
        with ThreadPoolExecutor(len(DATASETS)) as pool:
            list(pool.map(lambda name: _feed(target, name, asked.minutes), DATASETS))
        tell("waiting until all is loaded")
        last = wait_until_quiet(Watch(target), SECONDS_TO_END, lambda _look: None)
        woken = laptop.headrace("status", "--wake-ups", "--since", begun.isoformat(timespec="seconds"))
        took = list(_took(target))
    late = sum(seconds > PROMISE for seconds in took)
    minutes = (datetime.now().astimezone() - begun).total_seconds() / 60
    print(f"SharedWakeUps={shared}: {woken['loads']} loads in {woken['wake_ups']} wake-ups in {minutes:.1f} minutes,")
    print(f"{woken['datasets_each']} datasets in each, {woken['awake_seconds']:.0f} s awake;")
    print(f"{len(took) - late} of {len(took)} files in time, the slowest {max(took):.0f} of {PROMISE} s.")
    return int(bool(late) or not last.quiet)


def _with_contracts(checkout: Path) -> None:
    for name in DATASETS:
        copy = checkout / "contracts" / f"{name}.odcs.yaml"
        text = CONTRACT.read_text().replace("value: 15, unit: min", f"value: {PROMISE}, unit: s")
        copy.write_text(text.replace("quarter", name))


def _feed(target: Target, dataset: str, minutes: float) -> None:
    start = time.monotonic() + EVERY * DATASETS.index(dataset) / len(DATASETS)
    for turn in count():
        time.sleep(max(0.0, start + turn * EVERY - time.monotonic()))
        if turn * EVERY >= minutes * 60:
            return
        rows = "".join(f"i{turn}-{row},2026-03-02T00:00:00Z,here,1.00,1,none\n" for row in range(ROWS))
        body = ("item,noted_at,place,amount,pieces,remark\n" + rows).encode()
        bucket = target.output("LandingBucket")
        target.client("s3").put_object(Bucket=bucket, Key=f"{dataset}/{turn:05}.csv", Body=body)


def _took(target: Target) -> Any:
    """Seconds from a file's arrival to the end of its batch, which is after its rows can be queried."""
    for dataset in DATASETS:
        for file in target.ledger.files.of_dataset(dataset):
            ended = target.ledger.batches.get(str(file.batch)).ended_at or ""
            yield (datetime.fromisoformat(ended) - datetime.fromisoformat(file.arrived_at)).total_seconds()


if __name__ == "__main__":
    sys.exit(main())
