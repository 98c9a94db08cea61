"""How fast the daily export is on this machine, beside a loop of one query and one upload per file.

    python -m benchmarks.export                       the whole table: about half an hour
    python -m benchmarks.export --only speed          20 x 500 files, and the loop over the same
    python -m benchmarks.export --only growth         20 x 100 and 20 x 2,500 files
    python -m benchmarks.export --only kills          20 x 500 files, ten times killed
    python -m benchmarks.export --only day            20 x 10,000 files

Each part has its own laptop. Results are kept in `benchmarks/results/export/`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import psutil

from benchmarks.export_loop import Loop
from benchmarks.laptop import ProcessMeter
from examples.export_data import fill
from headrace.exports.adapters.bucket import ExportBucket
from headrace_cli.exports.run import Ask, begin, follow, manifest
from headrace_cli.exports.verify import check
from headrace_cli.laptop import laptop as laptops
from headrace_cli.output.progress import Stages
from headrace_cli.stack.target import Target

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "export"
EXPORT = "account_activity"
DATE = "2026-01-31"
ROWS = 10
"""An account has 1 to 10 rows in a category; the loop's time hardly depends on it, nor ours."""
CATEGORIES = 20
KILLS = 10
DIGESTED = 10_000
"""Up to so many files every digest is computed again; of more, names, sizes and rows are compared."""


class RunnerMeter:
    """The memory of each runner at its highest, by process: what Lambda would report."""

    def __init__(self, pid: int) -> None:
        self._daemon = psutil.Process(pid)
        self._peak: dict[int, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def peak_mb(self) -> float:
        """Of the largest runner, in MB of 1024 x 1024 bytes."""
        return round(max(self._peak.values(), default=0) / 2**20, 1)

    def _run(self) -> None:
        while not self._done.wait(0.5):
            for process in workers(self._daemon, "ExportRunner"):
                with unless_it_ended():
                    self._peak[process.pid] = max(self._peak.get(process.pid, 0), peak_of(process))


@contextmanager
def unless_it_ended() -> Iterator[None]:
    """A process may end while it is looked at."""
    try:
        yield
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return


def peak_of(process: psutil.Process) -> int:
    """The kernel's own high-water mark of a process, in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return int(process.memory_info().rss)


def workers(daemon: psutil.Process, function: str) -> list[psutil.Process]:
    """The processes of a function, by its logical name."""
    found = []
    for process in daemon.children(recursive=True):
        with unless_it_ended():
            if function in process.environ().get("AWS_LAMBDA_FUNCTION_NAME", ""):
                found.append(process)
    return found


@contextmanager
def laptop() -> Iterator[tuple[Target, int]]:
    """A laptop with the example export deployed; its target, and the daemon's process id."""
    with TemporaryDirectory(prefix="headrace-export-") as folder:
        os.environ["HEADRACE_HOME"] = str(Path(folder) / "home")
        os.environ["HEADRACE_EXPORTS"] = "examples/exports"
        stages = Stages(3)
        try:
            state = laptops.start(None, stages)
            laptops.deploy(stages)
            yield laptops.laptop_target(), state.pid
        finally:
            laptops.stop()


def export(target: Target, pid: int) -> dict[str, Any]:
    """One whole day, verified. Seconds are those of the run's own record: from the trigger to the closing."""
    declared = target.export(EXPORT)
    with ProcessMeter(pid) as processes, RunnerMeter(pid) as memory:
        document = follow(target, begin(target, Ask(EXPORT, DATE)), lambda _: None, 7200)
    files = document["done"]
    found = check(target, declared, DATE, lambda _: None, deep=files <= DIGESTED)
    cpu = sum(item["cpu_seconds"] for item in processes.result().values())
    return {
        "files": files, "rows": document["rows"], "bytes": document["bytes"], "seconds": document["seconds"],
        "ms_per_file": round(1000 * document["seconds"] / files, 3), "cpu_ms_per_file": round(1000 * cpu / files, 3),
        "statements": document["statements"], "status": document["status"], "failed": document["failed"],
        "differences": len(found["differences"]), "runner_peak_mb": memory.peak_mb, "processes": processes.result(),
    }  # fmt: skip


def speed(accounts: int) -> dict[str, Any]:
    """Ours, and the loop over the same rows on the same laptop; both leave the same bytes."""
    with laptop() as (target, pid):
        fill(target.services.warehouse.run, CATEGORIES, accounts, ROWS)
        ours = export(target, pid)
        declared = target.export(EXPORT)
        listed = manifest(target, declared, DATE)["files"]
        pairs = [(item["category"], item["account"]) for item in listed]
        loop = Loop(target, target.output("ExportBucket"))
        own = psutil.Process()
        with ProcessMeter(pid) as processes:
            begun, cpu_before = time.monotonic(), own.cpu_times()
            loop.run(pairs, lambda category, account: "loop/" + declared.key(DATE, category, account))
            seconds, cpu_after = time.monotonic() - begun, own.cpu_times()
        cpu = sum(item["cpu_seconds"] for item in processes.result().values())
        cpu += cpu_after.user + cpu_after.system - cpu_before.user - cpu_before.system
        return {
            "ours": ours,
            "loop": {
                "files": len(pairs), "seconds": round(seconds, 1), "ms_per_file": round(1000 * seconds / len(pairs), 3),
                "cpu_ms_per_file": round(1000 * cpu / len(pairs), 3), "statements": loop.statements,
            },
            "times_faster": round(seconds / len(pairs) / (ours["seconds"] / ours["files"]), 2),
            "same_bytes": same_bytes(target, listed),
        }  # fmt: skip


def same_bytes(target: Target, listed: list[dict[str, Any]]) -> bool:
    """Whether the loop's files are ours."""
    bucket = ExportBucket(target.client("s3"), target.output("ExportBucket"))
    return all(bucket.read(item["key"]) == bucket.read(f"loop/{item['key']}") for item in listed)


def growth(*sizes: int) -> dict[str, Any]:
    """The time per file for so many accounts, each on a fresh laptop."""
    found = []
    for accounts in sizes:
        with laptop() as (target, pid):
            fill(target.services.warehouse.run, CATEGORIES, accounts, ROWS)
            found.append(export(target, pid))
    first, last = found[0], found[-1]
    return {
        "runs": found,
        "growth_percent": round(100 * (last["ms_per_file"] / first["ms_per_file"] - 1), 1),
        "cpu_growth_percent": round(100 * (last["cpu_ms_per_file"] / first["cpu_ms_per_file"] - 1), 1),
    }


def kills(accounts: int, seed: int) -> dict[str, Any]:
    """One day, in which something is killed ten times: a runner, the function that looks, or the execution."""
    chance = random.Random(seed)
    with laptop() as (target, pid):
        fill(target.services.warehouse.run, CATEGORIES, accounts, ROWS)
        bucket = target.output("ExportBucket")
        target.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        target.client("sqs").set_queue_attributes(
            QueueUrl=target.output("ExportQueueUrl"), Attributes={"VisibilityTimeout": "5"}
        )
        killer = Killer(target, psutil.Process(pid), chance)
        run = begin(target, Ask(EXPORT, DATE))
        with killer:
            document = follow(target, run, lambda _: None, 1800)
        found = check(target, target.export(EXPORT), DATE, lambda _: None, deep=True)
        versions = [len(versions) for versions in written(target, bucket).values()]
        return {
            "seed": seed, "killed": killer.done, "status": document["status"], "attempts": document["attempt"],
            "files": document["done"], "failed": document["failed"], "differences": len(found["differences"]),
            "seconds": document["seconds"], "written_again": sum(number - 1 for number in versions),
            "statements": document["statements"],
        }  # fmt: skip


def written(target: Target, bucket: str) -> dict[str, list[str]]:
    """The versions of each exported file: one for each time that it was written."""
    found: dict[str, list[str]] = {}
    for page in target.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []):
            if not item["Key"].endswith("manifest.json"):
                found.setdefault(item["Key"], []).append(item["VersionId"])
    return found


class Killer:
    """Kills something of the laptop at random moments, ten times, until the run is over."""

    def __init__(self, target: Target, daemon: psutil.Process, chance: random.Random) -> None:
        self._target = target
        self._daemon = daemon
        self._chance = chance
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while len(self.done) < KILLS and not self._over.wait(self._chance.uniform(0.3, 3)):
            victim = self._chance.choice(["ExportRunner", "ExportRunner", "ExportAdvance", "execution"])
            killed = self._stop() if victim == "execution" else self._kill(victim)
            if killed:
                self.done.append(victim)

    def _kill(self, function: str) -> bool:
        found = workers(self._daemon, function)
        if found:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._chance.choice(found).kill()
        return bool(found)

    def _stop(self) -> bool:
        client, machine = self._target.client("stepfunctions"), self._target.output("ExportStateMachineArn")
        found = client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
        for execution in found:
            client.stop_execution(executionArn=execution["executionArn"])
        return bool(found)


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
        "cpus": psutil.cpu_count(), "load_average": round(psutil.getloadavg()[0], 2),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for, print it and store it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["speed", "growth", "kills", "day"])
    parser.add_argument("--accounts", type=int, help="accounts per category; for a quick look")
    parser.add_argument("--seed", type=int, default=20260131)
    asked = parser.parse_args(arguments)
    parts = {
        "speed": lambda: speed(asked.accounts or 500),
        "growth": lambda: growth(100, asked.accounts or 2500),
        "kills": lambda: kills(asked.accounts or 500, asked.seed),
        "day": lambda: growth(asked.accounts or 10_000),
    }
    chosen = [asked.only] if asked.only else ["speed", "growth", "kills"]
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        before = machine()
        at = datetime.now(UTC).isoformat(timespec="seconds")
        result = {"at": at, "part": name, "machine": before} | parts[name]()
        size = f"-{CATEGORIES}x{asked.accounts}" if asked.accounts else ""
        (RESULTS / f"{at[:10]}-{name}{size}.json").write_text(json.dumps(result, indent=2) + "\n")
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
