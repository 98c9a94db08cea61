"""Many objects that no event announced: loaded by `headrace backfill`, killed in the middle, beside live files.

    python -m benchmarks.backfill                    10,000 objects: about a quarter of an hour
    python -m benchmarks.backfill --objects 1000     a quick look

On its own laptop. A live file lands every few seconds in three phases: alone, beside a backfill of another
dataset, and beside a backfill of its own dataset. The second phase shows what the shared machine costs, the third what
the lanes cost. The result is printed, and stored in `benchmarks/results/backfill`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.laptop import ProcessMeter, machine, percentile
from benchmarks.own_laptop import own_laptop, store, tell
from headrace.domain.ingest.ledger import BACKFILL, FileStatus
from headrace.usecases.recovery.reconcile import reconcile
from headrace_cli.output.console import show, table
from headrace_cli.output.formatting import moment
from headrace_cli.stack.landing import file_id_of
from headrace_cli.stack.target import Target, target_at
from headrace_cli.stack.warehouse import query
from tests.e2e.conftest import Laptop

RESULTS = Path(__file__).parent / "results" / "backfill"
OBJECTS, ROWS = 10_000, 20
DATASET, OTHER = "bulk", "gauges"
"""Two contracts of `tests/e2e` with the same columns."""
SHARE_OF_OTHER = 0.1
LIVE_EVERY = 3.0
ALONE_SECONDS = 60.0
KILL_AFTER = 3.0
UPLOADS = 8
PATIENCE = 3600.0


@dataclass(slots=True)
class Live:
    """A live file every few seconds: which, and when it was there."""

    target: Target
    sent: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def landing(self, phase: str) -> Iterator[None]:
        """Land files as long as the block lasts."""
        ended = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._land, phase, ended)
            try:
                yield
            finally:
                ended.set()
                work.result()

    def _land(self, phase: str, ended: threading.Event) -> None:
        number = 0
        while not ended.wait(LIVE_EVERY):
            self.sent.append((put(self.target, DATASET, f"live/{phase}", number), time.time()))
            number += 1

    def took(self) -> list[float]:
        """Seconds from landing to queryable of each file."""
        files = self.target.ledger.files.get_all([file_id for file_id, _ in self.sent])
        return [self._loaded_at(str(file.batch)) - at for file, (_, at) in zip(files, self.sent, strict=True)]

    def _loaded_at(self, batch: str) -> float:
        events = self.target.ledger.events.of_batch(batch)
        return min(moment(event.at).timestamp() for event in events if event.step == "Loaded")


def put(target: Target, dataset: str, folder: str, number: int) -> str:
    """Land a small file, each of its rows with its own key; returns its id."""
    bucket, key = target.output("LandingBucket"), f"{dataset}/{folder}/{number:05}.csv"
    name = f"{folder[-1]}{number}"
    rows = "".join(f"{name}-{row},2026-01-01T00:00:00Z,{row}\n" for row in range(ROWS))
    answer = target.client("s3").put_object(Bucket=bucket, Key=key, Body=f"meter,read_at,value\n{rows}".encode())
    return file_id_of(bucket, key, answer["VersionId"])


def main() -> int:
    """Run on its own laptop; print and store what was measured. Returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=OBJECTS, help="how many there are")
    asked = parser.parse_args()
    with own_laptop("backfill") as laptop:
        result = measure(laptop, asked.objects)
    show(table(("backfill", "measured"), list(_lines(result)), numbers=("measured",)))
    print(f"\nStored in {store(result, RESULTS, str(result['objects']))}")
    return int(bool(result["wrong"]))


def measure(laptop: Laptop, objects: int) -> dict[str, Any]:
    """All phases, one after the other, and the figures of them."""
    target = target_at(laptop.home)
    pid = json.loads((laptop.home / "laptop.json").read_text())["pid"]
    where, others = machine(), int(objects * SHARE_OF_OTHER)
    tell(f"{objects:,} objects of {ROWS} rows land, whose events are lost")
    with events_lost(laptop):
        land(target, DATASET, "old", objects)
        land(target, OTHER, "old", others)
    phases: dict[str, Any] = {}
    with ProcessMeter(pid) as meter:
        with phase(target, phases, "alone"):
            time.sleep(ALONE_SECONDS)
        with phase(target, phases, "beside another dataset's"):
            taken = laptop.headrace("backfill", OTHER, f"{OTHER}/old/")
            wait_until_loaded(target, OTHER, others)
        with phase(target, phases, "beside its own"):
            killed = killed_backfill(laptop, target)
            start = time.monotonic()
            again = laptop.headrace("backfill", DATASET, f"{DATASET}/old/")
            listed = time.monotonic() - start
            loaded = wait_until_loaded(target, DATASET, objects)
    laptop.settle()
    once_more = laptop.headrace("backfill", DATASET, f"{DATASET}/old/")
    found: dict[str, Any] = {"wrong": list(_wrong(target, objects, others, phases)), "other": len(taken["taken"])}
    if (len(again["taken"]) + again["known"], once_more["known"]) != (objects, objects):
        found["wrong"].append(f"again: {len(again['taken'])} and {again['known']}, once more {once_more['known']}")
    return where | found | {
        "objects": objects,
        "rows_each": ROWS,
        "known_when_killed": killed,
        "again": {"taken": len(again["taken"]), "known": again["known"], "seconds": round(listed, 1)},
        "seconds_until_loaded": round(loaded, 1),
        "phases": phases,
        "processes": meter.result(),
    }  # fmt: skip


@contextmanager
def events_lost(laptop: Laptop) -> Iterator[None]:
    """What lands meanwhile is not announced."""
    events = laptop.client("events")
    rules = events.list_rules()["Rules"]
    rule = next(rule["Name"] for rule in rules if "Object Created" in rule.get("EventPattern", ""))
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def land(target: Target, dataset: str, folder: str, objects: int) -> None:
    """Land so many small files."""
    target.client("s3")
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda number: put(target, dataset, folder, number), range(objects)))


@contextmanager
def phase(target: Target, phases: dict[str, Any], name: str) -> Iterator[None]:
    """Live files land during the block; then their latency is noted, with the time and the machine's load."""
    tell(f"live files {name}")
    start, live = time.monotonic(), Live(target)
    with live.landing(f"{len(phases)}"):
        yield
    seconds, load = time.monotonic() - start, psutil.getloadavg()[0]
    wait_for([file_id for file_id, _ in live.sent], target)
    took = sorted(live.took())
    phases[name] = {
        "files": len(took),
        "seconds": round(seconds, 1),
        "load_average": round(load, 1),
        "latency_seconds": {f"p{percent}": round(percentile(took, percent), 1) for percent in (50, 95, 100)},
    }
    tell(f"  {phases[name]}")


def killed_backfill(laptop: Laptop, target: Target) -> int:
    """Begin the backfill and SIGKILL it; returns how many of its objects the ledger knew by then."""
    command = [str(Path(sys.executable).parent / "headrace"), "backfill", DATASET, f"{DATASET}/old/", "--json"]
    where = os.environ | {"HEADRACE_HOME": str(laptop.home)}
    begun = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=where)
    while not target.ledger.lanes.pending(DATASET, BACKFILL, 1) and begun.poll() is None:
        time.sleep(0.2)
    time.sleep(KILL_AFTER)
    begun.kill()
    begun.wait()
    known = sum("/old/" in file.key for file in target.ledger.files.of_dataset(DATASET))
    tell(f"  killed (exit {begun.returncode}) when {known:,} objects were known")
    return known


def wait_for(file_ids: list[str], target: Target) -> None:
    """Wait until these files are loaded."""
    deadline = time.monotonic() + PATIENCE
    while not all(
        file and file.status is FileStatus.LOADED for file in map(target.ledger.files.known(file_ids).get, file_ids)
    ):
        if time.monotonic() > deadline:
            raise TimeoutError("live files were not loaded")
        time.sleep(1)


def wait_until_loaded(target: Target, dataset: str, objects: int) -> float:
    """Wait until all objects are in the table, telling how many are; returns the seconds."""
    start = time.monotonic()
    while True:
        rows = query(target, f"SELECT COUNT(*) FROM {target.contract(dataset).target} WHERE meter LIKE 'd%'").rows
        files = int(rows[0][0]) // ROWS
        tell(f"  {files:,} of {objects:,} objects of {dataset} loaded after {time.monotonic() - start:.0f} s")
        if files == objects:
            return time.monotonic() - start
        if time.monotonic() - start > PATIENCE:
            raise TimeoutError(f"{files} of {objects} objects were loaded")
        time.sleep(10)


def _wrong(target: Target, objects: int, others: int, phases: dict[str, Any]) -> Iterator[str]:
    """Every object in its table once, balanced, and nothing that differs anywhere."""
    live = sum(item["files"] for item in phases.values())
    for dataset, files in ((DATASET, objects + live), (OTHER, others)):
        counted = query(target, f"SELECT COUNT(*), COUNT(DISTINCT meter) FROM {target.contract(dataset).target}").rows
        if [int(value) for value in counted[0]] != [files * ROWS, files * ROWS]:
            yield f"{dataset}: the table has {counted[0]}, not {files * ROWS}"
        known = list(target.ledger.files.of_dataset(dataset))
        loaded = [file for file in known if file.status is FileStatus.LOADED and file.rows.loaded == ROWS]
        if (len(known), len(loaded)) != (files, files):
            yield f"{dataset}: {len(known)} files, {len(loaded)} loaded, not {files}"
        yield from (item.what for item in reconcile([dataset], target.landing, target.services).differences)


def _lines(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    again = result["again"]
    yield "known when it was killed", f"{result['known_when_killed']:,}"
    yield "started again: taken, known already", f"{again['taken']:,}, {again['known']:,}"
    yield "until all were written down, s", f"{again['seconds']}"
    yield f"from then until all {result['objects']:,} were loaded, s", f"{result['seconds_until_loaded']}"
    for name, item in result["phases"].items():
        latency = ", ".join(f"{which} {seconds}" for which, seconds in item["latency_seconds"].items())
        yield f"{item['files']} live files {name} (load {item['load_average']}), s", latency
    yield "lost, twice or different anywhere", "; ".join(result["wrong"]) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
