"""`make bench-glue`: 5,000,000 rows, 1 % of them bad in twenty ways, by a function and by Spark; both must be the same.

Both read the file from a disk and write to it, in the same run, one after the other. `--rows 50000000` is some 6 GB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.glue.folder import BATCH, FOLDER, FolderLake
from benchmarks.transform.data import FAULTS, Events
from headrace.transform import read_quarantine
from headrace.usecases import lake_paths
from headrace_local.spark import EXECUTORS, made_spark

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "glue-bench"
SAMPLED = 0.2
KILLED_AFTER = 2.0
"""Seconds of computing."""
ROWS_AT_ONCE = 100_000


def main() -> int:
    """Runs both engines, compares all rows, and prints a table. Fails if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--kill", action="store_true", help="kill an executor's process once")
    parser.add_argument("--keep", action="store_true", help="keep the files")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    landed = Events(options.rows).write_csv(WORK / "events.csv")
    size = landed.stat().st_size
    told = f"{options.rows:,} rows, {size / 1e9:.2f} GB, 1 % bad in {len(FAULTS)} ways"
    print(f"{told}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    engines = {engine: run(engine, landed, kill=options.kill) for engine in ("function", "spark")}
    for engine, found in engines.items():
        print(row(engine, found, options.rows, size), flush=True)
    ratio = engines["function"]["seconds"] / engines["spark"]["seconds"]
    by_cpu = engines["function"]["cpu"] / (engines["spark"]["executor_cpu"] / EXECUTORS)
    print(
        f"{EXECUTORS} executors against one function, Spark's start not counted: {ratio:.2f} x by the clock,", end=" "
    )
    print(f"{by_cpu:.2f} x by CPU seconds of the executors, which others on the machine do not change")
    problems = list(differences(*(FolderLake(WORK / engine) for engine in engines)))
    print("\n".join(problems) or "rows, numbers, bad rows, reasons, counts and hash: identical")
    if not options.keep:
        shutil.rmtree(WORK)
    return min(len(problems), 1)


def row(engine: str, found: dict[str, Any], rows: int, size: int) -> str:
    """One engine's figures."""
    memory = ", ".join(f"{name} {mb:,.0f} MB" for name, mb in found["memory"].items())
    speed = f"{rows / found['seconds']:,.0f} rows/s, {size / found['seconds'] / 1e6:,.0f} MB/s"
    cpu = f"CPU {found['cpu']:.0f} s"
    return f"{engine:9} {found['seconds']:7.1f} s (+ {found['start']:.1f} s start), {cpu}  {speed}  at most {memory}"


def run(engine: str, landed: Path, *, kill: bool) -> dict[str, Any]:
    """Runs one engine in a separate process tree, and watches its memory and CPU."""
    folder = WORK / engine
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    (folder / "landed").write_text(str(landed))
    spark = made_spark()
    environment = spark.environment(folder / "tmp", [ROOT, ROOT / "layers" / "headrace"]) | {FOLDER: str(folder)}
    python = sys.executable if engine == "function" else str(spark.python)
    command = [python, "-m", "benchmarks.glue.one_unit", engine]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watcher = Watcher(process, kill=kill and engine == "spark")
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{engine} failed: {' '.join(command)} with {FOLDER}={folder}")
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    cpu = {kind: sum(s for k, s in watcher.cpu.values() if k == kind) for kind in ("driver", "executor", "JVM")}
    return found | {"memory": watcher.memory, "cpu": sum(cpu.values()), "executor_cpu": cpu["executor"]}


class Watcher(threading.Thread):
    """Notes the most memory that any process of a kind has had, in MB, and the CPU seconds of all."""

    def __init__(self, process: subprocess.Popen[bytes], *, kill: bool) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._kill = kill
        self.memory: dict[str, float] = {}
        self.cpu: dict[int, tuple[str, float]] = {}

    def run(self) -> None:
        while self._process.poll() is None:
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(self._process.pid)
                for each in (root, *root.children(recursive=True)):
                    self._look_at(each, "driver" if each == root else "JVM" if each.name() == "java" else "executor")
            time.sleep(SAMPLED)

    def _look_at(self, process: psutil.Process, kind: str) -> None:
        self.memory[kind] = max(self.memory.get(kind, 0), process.memory_info().rss / 1e6)
        used = process.cpu_times()
        self.cpu[process.pid] = (kind, used.user + used.system)
        if self._kill and kind == "executor" and used.user > KILLED_AFTER:
            self._kill = False
            process.kill()
            print(f"an executor's process was killed after {used.user:.0f} s of computing", flush=True)


def differences(first: FolderLake, second: FolderLake) -> Iterator[str]:
    """What the two engines do not agree on."""
    results = [lake.read_json(lake_paths.result(BATCH, 1)) for lake in (first, second)]
    if results[0]["files"] != results[1]["files"]:
        yield f"accounts differ: {results[0]['files']} {results[1]['files']}"
    good = [rows(lake, result) for lake, result in zip((first, second), results, strict=True)]
    for ours, theirs in zip(*good, strict=False):
        if not ours.equals(theirs):
            yield f"rows from number {ours['_row_number'][0]} on differ"
            break
    if any(next(side, None) is not None for side in good):
        yield "one engine has more good rows"
    bad = [quarantined(lake) for lake in (first, second)]
    for one, other in zip(*bad, strict=False):
        if one != other:
            yield f"bad row {one[0]} differs"
            break
    if any(next(side, None) is not None for side in bad):
        yield "one engine has more bad rows"


def rows(lake: FolderLake, result: dict[str, Any]) -> Iterator[pa.Table]:
    """The good rows, by the hundred thousand."""
    waiting = None
    for part in result["parts"]:
        for batch in pq.ParquetFile(lake.path(part["key"])).iter_batches(ROWS_AT_ONCE):
            table = plain(pa.Table.from_batches([batch]))
            waiting = table if waiting is None else pa.concat_tables([waiting, table])
            while waiting.num_rows >= ROWS_AT_ONCE:
                yield waiting.slice(0, ROWS_AT_ONCE).combine_chunks()
                waiting = waiting.slice(ROWS_AT_ONCE).combine_chunks()
    if waiting is not None and waiting.num_rows:
        yield waiting.combine_chunks()


def plain(table: pa.Table) -> pa.Table:
    """The table without dictionaries, which differ where rows do not."""
    columns = [pc.cast(c, pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)


def quarantined(lake: FolderLake) -> Iterator[tuple[Any, ...]]:
    """The bad rows, in the order of their numbers."""
    for key, _ in lake.listing("quarantine/"):
        for bad in read_quarantine(lake.path(key)):
            yield bad.row_number, bad.raw, bad.errors


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
