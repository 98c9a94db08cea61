"""Many small files, as system B has them: at a steady rate in real time, with a deployment in the middle, then faster.

    python -m benchmarks.small                          the whole of it: about 35 minutes
    python -m benchmarks.small --minutes 1 --rates 300 --wake-minutes 0      a quick look

Three datasets of three formats, files of 10,000 rows, on its own laptop. A fourth dataset promises 15 minutes
instead of one: how often does it wake the warehouse? The result is printed, and stored in `benchmarks/results/small`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import mean, median
from typing import Any

import psutil

from benchmarks.laptop import DAEMON, ProcessMeter, machine, percentile
from benchmarks.own_laptop import deploy_anew, own_laptop, store, tell
from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts
from headrace.usecases.recovery.reconcile import reconcile
from headrace_cli.commands.files.wait import wait_until_quiet
from headrace_cli.output.console import show, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import moment
from headrace_cli.stack.landing import file_id_of
from headrace_cli.stack.target import Target, target_at
from headrace_cli.stack.warehouse import query
from headrace_cli.stack.watch import Watch
from tests.e2e.conftest import Laptop

CONTRACTS = Path(__file__).parent / "contracts"
RESULTS = Path(__file__).parent / "results" / "small"
SMALL = ("small_csv", "small_pipe", "small_json")
QUARTER = "quarter"
ROWS, BAD = 10_000, 10
RATE, MINUTES = 100, 10.0
QUARTER_RATE = 4
RATES = (300, 450, 600)
RATE_SECONDS = 120
WAKE_MINUTES = 31.0
UPLOADS = 8
SAMPLE_SECONDS = 5
DEPLOY_AT = 0.4
"""The part of the steady load after which the stack is redeployed."""
SLOWER_SECONDS = 10
"""By so much more a file may take later in a rate that is held than at its beginning: what a group's turn varies."""
REACH = {
    "all loaded exactly once": "yes",
    "arrival to queryable, p95, s": "<= 60",
    "arrival to queryable, max, s": "<= 120",
    "highest rate held, files/min": ">= 300",
    "memory of all processes, minute 2 to the end, %": "<= 10",
    "memory of the daemon, minute 2 to the end, %": "<= 10",
    "wake-ups an hour, promise of 15 min": "<= 5",
    "its slowest file, s": "<= 900",
    "transitions per file": "<= 2",
    "files in flight at the deployment, lost or twice": "0",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that landed: its dataset, its id, and when it was there, by this machine's clock."""

    dataset: str
    file_id: str
    at: float


@dataclass(slots=True)
class Feeder:
    """Lands files of made-up rows, each key once in all of a dataset."""

    target: Target
    sent: list[Sent] = field(default_factory=list)
    number: Iterator[int] = field(default_factory=count)

    def feed(self, datasets: tuple[str, ...], rate: float, until: Callable[[], bool]) -> list[Sent]:
        """Land so many files a minute, the datasets in turn, until it is time to stop; returns what landed."""
        futures: list[Future[Sent]] = []
        start = time.monotonic()
        with ThreadPoolExecutor(UPLOADS) as pool:
            for turn in count():
                time.sleep(max(0.0, start + turn * 60 / rate - time.monotonic()))
                if until():
                    break
                futures.append(pool.submit(self.land, datasets[turn % len(datasets)], next(self.number)))
        landed = [future.result() for future in futures]
        self.sent += landed
        return landed

    def land(self, dataset: str, number: int) -> Sent:
        """Make a file and put it."""
        bucket, key = self.target.output("LandingBucket"), f"{dataset}/{number:06}{SUFFIXES[dataset]}"
        answer = self.target.client("s3").put_object(Bucket=bucket, Key=key, Body=content(dataset, number))
        return Sent(dataset, file_id_of(bucket, key, answer["VersionId"]), time.time())


SUFFIXES = {"small_csv": ".csv", "small_pipe": ".csv.gz", "small_json": ".jsonl", QUARTER: ".csv"}
COLUMNS = ("item", "noted_at", "place", "amount", "pieces", "remark")


def content(dataset: str, number: int) -> bytes:
    """A file's bytes: `ROWS` rows, of which `BAD` have a negative number of pieces."""
    rows = [values(number, row) for row in range(ROWS)]
    if dataset == "small_json":
        return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows).encode()
    mark = "|" if dataset == "small_pipe" else ","
    text = mark.join(COLUMNS) + "\n" + "".join(mark.join(map(str, row)) + "\n" for row in rows)
    return gzip.compress(text.encode(), 1) if dataset == "small_pipe" else text.encode()


def values(number: int, row: int) -> tuple[str, str, str, float, int, str]:
    """One row. Its key is in no other file."""
    pieces = -1 if row % (ROWS // BAD) == 0 else row % 97
    at = f"2026-03-02T{row % 24:02}:{row % 60:02}:00Z"
    return (
        f"i{number}-{row}",
        at,
        f"place {row % 512}",
        (row * 37 % 100_000) / 100,
        pieces,
        f"lot {number} of {row % 11}",
    )


class Memory:
    """Resident bytes of the laptop's processes every few seconds: `(seconds, daemon, all)`."""

    def __init__(self, pid: int) -> None:
        self._daemon = psutil.Process(pid)
        self._done = threading.Event()
        self.samples: list[tuple[float, int, int]] = []
        self._start = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End sampling."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            own = self._daemon.memory_info().rss
            workers = sum(_resident(child) for child in self._daemon.children(recursive=True))
            self.samples.append((time.monotonic() - self._start, own, own + workers))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


def growth(samples: list[tuple[float, int, int]], which: int, seconds: float) -> float:
    """By how many percent the median of the last minute is over that of minute two."""
    early = [sample[which] for sample in samples if min(60, seconds / 5) <= sample[0] < min(120, seconds / 2)]
    late = [sample[which] for sample in samples if seconds - 60 <= sample[0] <= seconds]
    return round(100 * (median(late) / median(early) - 1), 1)


def main() -> int:
    """Run on its own laptop; print and store what was measured. Returns 1 when a row is wrong."""
    asked = _parser().parse_args()
    # What is measured is the contracts' own waiting.
    with own_laptop("small", "LongestWait=3600", with_contracts) as laptop:
        result = measure(laptop, asked)
    show(
        table(
            (f"{asked.minutes:g} minutes at {RATE} files/min", "measured", "to reach"),
            list(_lines(result)),
            numbers=("measured",),
        )
    )
    whole = (asked.minutes, asked.wake_minutes) == (MINUTES, WAKE_MINUTES)
    part = "" if whole else f"{asked.minutes:g}-of-{asked.wake_minutes:g}-minutes"
    print(f"\nStored in {store(result, RESULTS, part)}")
    return int(bool(result["wrong"]))


def with_contracts(checkout: Path) -> None:
    """Add this benchmark's datasets to a checkout."""
    for contract in CONTRACTS.glob("*.odcs.yaml"):
        shutil.copy(contract, checkout / "contracts")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of the steady load")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, help="files a minute to try afterwards")
    parser.add_argument("--wake-minutes", type=float, default=WAKE_MINUTES, help="how long wake-ups are counted in all")
    return parser


def measure(laptop: Laptop, asked: argparse.Namespace) -> dict[str, Any]:
    """All phases, one after the other, and the figures of them."""
    target = target_at(laptop.home)
    pid = json.loads((laptop.home / "laptop.json").read_text())["pid"]
    feeder, begun, where = Feeder(target), time.time(), machine()
    target.client("s3")
    with ProcessMeter(pid) as meter, ThreadPoolExecutor(2) as beside, ExitStack() as whatever_happens:
        ended = threading.Event()
        whatever_happens.callback(ended.set)
        wakes = Feeder(target, number=count(10**6))
        slow = beside.submit(wakes.feed, (QUARTER,), QUARTER_RATE, ended.is_set) if asked.wake_minutes else None
        steady = _steady(feeder, pid, asked.minutes, lambda: beside.submit(_deploy, laptop))
        rates = [_rate(feeder, rate) for rate in asked.rates]
        tell(f"waiting until {asked.wake_minutes:g} minutes are full")
        time.sleep(max(0.0, begun + asked.wake_minutes * 60 - time.time()))
        ended.set()
        quarter = slow.result() if slow else []
        last = wait_until_quiet(Watch(target), 1200, lambda _look: None)
    if not last.quiet:
        raise CommandError(f"not all was loaded: {last.sentence}, open {last.open}")
    use = meter.result()
    return where | {
        "minutes": asked.minutes,
        "steady": _figures(target, steady) | steady["memory"],
        "deployed": steady["deployed"],
        "rates": [_rate_figures(target, rate) for rate in rates],
        "quarter": _wake_ups(target, quarter, asked.wake_minutes),
        "wrong": list(_wrong(target, [*feeder.sent, *quarter])),
        "processes": use,
        "daemon_cpu_seconds": use[DAEMON]["cpu_seconds"],
    }


def _steady(feeder: Feeder, pid: int, minutes: float, deploy: Callable[[], Future[dict[str, float]]]) -> dict[str, Any]:
    """The steady load, with a deployment in the middle of it."""
    start, deployed = time.time(), list[Future[dict[str, float]]]()
    memory = Memory(pid)

    def until() -> bool:
        if not deployed and time.time() - start > DEPLOY_AT * minutes * 60:
            tell("redeploying the stack")
            deployed.append(deploy())
        return time.time() - start > minutes * 60

    tell(f"{RATE} files a minute for {minutes:g} minutes")
    landed = feeder.feed(SMALL, RATE, until)
    memory.stop()
    seconds = minutes * 60
    grown = {
        "memory_growth_all": growth(memory.samples, 2, seconds),
        "memory_growth_daemon": growth(memory.samples, 1, seconds),
    }
    return {
        "sent": landed,
        "start": start,
        "memory": grown
        | {"memory_mb": [[round(at), daemon >> 20, all_ >> 20] for at, daemon, all_ in memory.samples[::6]]},
        "deployed": deployed[0].result(),
    }


def _deploy(laptop: Laptop) -> dict[str, float]:
    """A deployment in mid-load: when it began, and its seconds."""
    start = time.time()
    deploy_anew(laptop)
    return {"start": start, "seconds": round(time.time() - start, 1)}


def _rate(feeder: Feeder, rate: int) -> dict[str, Any]:
    tell(f"{rate} files a minute for {RATE_SECONDS} s")
    start = time.time()
    landed = feeder.feed(SMALL, rate, lambda: time.time() - start > RATE_SECONDS)
    last = wait_until_quiet_but_slow(feeder.target, landed)
    return {"rate": rate, "sent": landed, "start": start, "seconds": time.time() - start, "drained": last}


def wait_until_quiet_but_slow(target: Target, landed: list[Sent], patience: float = 300) -> float:
    """Wait until these files are final; returns the seconds. The dataset that waits for its promise may go on."""
    start, left = time.monotonic(), {sent.file_id for sent in landed}
    while left and time.monotonic() - start < patience:
        known = target.ledger.files.known(sorted(left)).values()  # the starter may not have seen them all yet
        left -= {file.file_id for file in known if file.status is FileStatus.LOADED}
        time.sleep(2)
    return round(time.monotonic() - start, 1)


def _files(target: Target, sent: list[Sent]) -> list[FileRecord]:
    return target.ledger.files.get_all([item.file_id for item in sent])


def _took(target: Target, sent: list[Sent]) -> list[float]:
    """Seconds from landing to queryable of each file, in the order in which they landed."""
    files = _files(target, sent)
    queryable = {batch: _loaded_at(target, batch) for batch in {str(file.batch) for file in files}}
    return [queryable[str(file.batch)] - item.at for file, item in zip(files, sent, strict=True)]


def _loaded_at(target: Target, batch: str) -> float:
    return min(moment(event.at).timestamp() for event in target.ledger.events.of_batch(batch) if event.step == "Loaded")


def _figures(target: Target, phase: dict[str, Any]) -> dict[str, Any]:
    sent = phase["sent"]
    took = sorted(_took(target, sent))
    batches = sorted({str(file.batch) for file in _files(target, sent)})
    transitions = sum(_transitions(target, batch) for batch in batches)
    return {
        "files": len(sent),
        "batches": len(batches),
        "transitions": transitions,
        "transitions_per_file": round(transitions / len(sent), 2),
        "latency_seconds": {"p50": percentile(took, 50), "p95": percentile(took, 95), "max": percentile(took, 100)},
    }


def _transitions(target: Target, batch: str) -> int:
    """States entered by the executions that bear a batch's name: what Step Functions bills."""
    machine_arn = target.output("IngestStateMachineArn").replace(":stateMachine:", ":execution:")
    pages = (
        target.client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=f"{machine_arn}:{batch}")
    )
    return sum(event["type"].endswith("StateEntered") for page in pages for event in page["events"])


def _rate_figures(target: Target, phase: dict[str, Any]) -> dict[str, Any]:
    took = _took(target, phase["sent"])
    third = len(took) // 3
    early, middle, late = mean(took[:third]), mean(took[third : 2 * third]), mean(took[2 * third :])
    return {
        "rate": phase["rate"],
        "files": len(took),
        "landed_in_seconds": round(phase["sent"][-1].at - phase["start"], 1),
        "drained_seconds": phase["drained"],
        "mean_latency_start": round(early, 1),
        "mean_latency_middle": round(middle, 1),
        "mean_latency_end": round(late, 1),
        "held": max(middle, late) <= early + SLOWER_SECONDS,
    }


def _wake_ups(target: Target, sent: list[Sent], minutes: float) -> dict[str, Any]:
    """A wake-up is a batch: its load and the question for its counts follow each other within seconds."""
    loads = sorted(_loaded_at(target, batch) for batch in {str(file.batch) for file in _files(target, sent)})
    if not sent:
        return {"per_hour": "not measured", "slowest_seconds": "not measured"}
    hours = (loads[-1] - sent[0].at) / 3600
    return {
        "files": len(sent),
        "loads": len(loads),
        "minutes": minutes,
        "per_hour": round(len(loads) / hours, 1),
        "slowest_seconds": round(max(_took(target, sent)), 1),
        "files_per_wake_up": round(len(sent) / len(loads), 1),
    }


def _wrong(target: Target, sent: list[Sent]) -> Iterator[str]:
    """Every file loaded and balanced, every row in its table once, nothing that differs anywhere."""
    for dataset in (*SMALL, QUARTER):
        files = _files(target, [item for item in sent if item.dataset == dataset])
        rows = sum((file.rows for file in files), RowCounts())
        good = len(files) * (ROWS - BAD)
        if any(file.status is not FileStatus.LOADED for file in files) or not rows.balanced or rows.loaded != good:
            yield f"{dataset}: {rows} instead of {good} loaded"
        counted = query(target, f"SELECT COUNT(*), COUNT(DISTINCT item) FROM {target.contract(dataset).target}").rows[0]
        if [int(value) for value in counted] != [good, good]:
            yield f"{dataset}: the table has {counted}, not {good}"
        yield from (item.what for item in reconcile([dataset], target.landing, target.services).differences)


def _lines(result: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    steady, quarter = result["steady"], result["quarter"]
    held = [item["rate"] for item in result["rates"] if item["held"]]
    measured = (
        "no: " + "; ".join(result["wrong"]) if result["wrong"] else f"yes, {steady['files']:,} files and those below",
        steady["latency_seconds"]["p95"],
        steady["latency_seconds"]["max"],
        max(held, default=0),
        steady["memory_growth_all"],
        steady["memory_growth_daemon"],
        quarter["per_hour"],
        quarter["slowest_seconds"],
        steady["transitions_per_file"],
        len(result["wrong"]),
    )
    yield from ((name, str(value), reach) for (name, reach), value in zip(REACH.items(), measured, strict=True))


if __name__ == "__main__":
    sys.exit(main())
