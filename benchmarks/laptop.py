"""How fast the whole pipeline is on this machine: many files through its own laptop, from landing to queryable.

Run it with `make bench`, or `python benchmarks/laptop.py --files 10` for a quick look. The result is printed, compared
with the newest one of the same size, and stored in `benchmarks/results/<date>-<commit>.json`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import psutil

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts
from headrace_cli.commands.files.wait import wait_until_quiet
from headrace_cli.laptop import laptop
from headrace_cli.laptop.samples import Write, generators
from headrace_cli.output.console import show, table
from headrace_cli.output.failures import CommandError, report
from headrace_cli.output.formatting import duration, moment, number
from headrace_cli.output.progress import Stages
from headrace_cli.stack.landing import file_id_of, upload
from headrace_cli.stack.target import Target
from headrace_cli.stack.warehouse import query
from headrace_cli.stack.watch import Watch

RESULTS = Path(__file__).parent / "results"
FILES, ROWS = 100, 10_000
STAGES = 5
"""Start, build, deploy, write files, load them."""
MOST_IN_WAREHOUSE = 25
"""Per cent of the time from landing to queryable."""
PARALLEL_UPLOADS = 8
SAMPLE_SECONDS = 0.25
DAEMON = "laptop (AWS and warehouse)"
FUNCTION = re.compile(r"(?:.+-)?(\w+?)(?:Function)?-[0-9A-F]+")
LOADED = "Loaded"
"""The batch's story says so when its load has been committed and counted."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be loaded: the files of one dataset."""

    contract: Contract
    write: Write
    files: int
    rows: int


class ProcessMeter:
    """CPU seconds, and memory at its highest, of a laptop's processes by what they are. Sampled, so nearly exact."""

    def __init__(self, pid: int) -> None:
        self._daemon = psutil.Process(pid)
        self._names: dict[int, str] = {pid: DAEMON}
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._peak: dict[str, int] = defaultdict(int)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        for process in self._family():
            self._first[process.pid] = self._sample(process)[1]
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def result(self) -> dict[str, dict[str, float]]:
        """`{kind: {"processes", "cpu_seconds", "peak_mb"}}`; memory is that of all processes of a kind together."""
        found: dict[str, dict[str, float]] = {}
        for pid, cpu in self._last.items():
            kind = self._names[pid]
            item = found.setdefault(kind, {"processes": 0, "cpu_seconds": 0.0, "peak_mb": 0.0})
            item["processes"] += 1
            item["cpu_seconds"] = round(item["cpu_seconds"] + cpu - self._first.get(pid, 0.0), 2)
            item["peak_mb"] = round(self._peak[kind] / 1e6, 1)
        return dict(sorted(found.items(), key=lambda item: -item[1]["cpu_seconds"]))

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._sample_all()
        self._sample_all()

    def _sample_all(self) -> None:
        memory: dict[str, int] = defaultdict(int)
        for process in self._family():
            kind, cpu, resident = self._sample(process)
            self._last[process.pid] = max(cpu, self._last.get(process.pid, 0.0))
            memory[kind] += resident
        for kind, resident in memory.items():
            self._peak[kind] = max(self._peak[kind], resident)

    def _family(self) -> list[psutil.Process]:
        return [self._daemon, *self._daemon.children(recursive=True)]

    def _sample(self, process: psutil.Process) -> tuple[str, float, int]:
        try:
            with process.oneshot():
                times = process.cpu_times()
                return self._name(process), times.user + times.system, process.memory_info().rss
        except psutil.Error:  # it has just ended; what was seen of it last counts
            return self._names.setdefault(process.pid, "other"), 0.0, 0

    def _name(self, process: psutil.Process) -> str:
        if process.pid not in self._names:
            function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
            match = FUNCTION.fullmatch(function)
            self._names[process.pid] = f"function {match[1] if match else function}" if function else "other"
        return self._names[process.pid]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, print and store its result. Returns the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        result = measure(asked.dataset, asked.files, asked.rows)
    except Exception as error:
        return report(error, as_json=False)
    before = newest_result(result)
    path = store(result)
    show(as_table(result, before))
    print(f"\nStored in {path}" + (f", compared with {before['name']}" if before else ""))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", help="default: the first CSV dataset with a key whose samples can be sized")
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--rows", type=int, default=ROWS, help="per file")
    return parser


def measure(dataset: str | None, files: int, rows: int) -> dict[str, Any]:
    """Load the files on a laptop that is made for it and removed after it. Raises CommandError when it goes wrong."""
    with TemporaryDirectory(prefix="headrace-bench-") as folder:
        os.environ["HEADRACE_HOME"] = str(Path(folder) / "home")
        stages = Stages(STAGES)
        try:
            state = laptop.start(None, stages)
            laptop.deploy(stages)
            target = laptop.laptop_target()
            load = chosen(target, dataset, files, rows)
            return _measured(stages, target, load, state.pid, Path(folder))
        finally:
            laptop.stop()


def chosen(target: Target, dataset: str | None, files: int, rows: int) -> Load:
    """The dataset asked for, or the first that fits."""
    found = generators([dataset] if dataset else target.contracts)
    for name, write in found.items():
        contract = target.contract(name)
        if dataset or (contract.format.traits.delimited and contract.primary_key and can_be_sized(write)):
            return Load(contract, write, files, rows)
    raise CommandError("no dataset has a sample generator whose files can be counted and sized")


def can_be_sized(write: Callable[..., list[Path]]) -> bool:
    """Whether a generator makes as many files as it is asked for."""
    if not {"files", "rows"} <= set(inspect.signature(write).parameters):
        return False
    with TemporaryDirectory() as folder:
        return len(write(Path(folder), files=2, rows=1)) == 2


def _measured(stages: Stages, target: Target, load: Load, pid: int, folder: Path) -> dict[str, Any]:
    with stages.stage("Writing files"):
        paths = load.write(folder / "files", files=load.files, rows=load.rows)
        stages.show(f"{len(paths)} files of {load.rows:,} rows")
    watch = Watch(target)
    with stages.stage("Loading"), ProcessMeter(pid) as meter:
        landed = _drop(target, load.contract, paths)
        last = wait_until_quiet(watch, 60 + 10 * load.files, lambda look: stages.show(look.sentence))
    if not last.quiet:
        raise CommandError(f"not all was loaded: {last.sentence}, open {last.open}")
    files = target.ledger.files.get_all(landed)
    check(target, load.contract, files)
    return head(load) | figures(target, files, landed) | {"processes": meter.result()}


def _drop(target: Target, contract: Contract, paths: list[Path]) -> dict[str, float]:
    """Upload all at once. Returns by file id when each was there, by this machine's clock."""
    bucket = target.output("LandingBucket")
    target.client("s3")

    def send(path: Path) -> tuple[str, float]:
        key = contract.prefix + path.name
        return file_id_of(bucket, key, upload(target, path, key)), time.time()

    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        return dict(pool.map(send, paths))


def check(target: Target, contract: Contract, files: list[FileRecord]) -> None:
    """A benchmark of something that went wrong says nothing: every file is loaded, and all rows are accounted for."""
    rows = sum((file.rows for file in files), RowCounts())
    counted = query(target, f"SELECT COUNT(*) FROM {contract.target}").rows[0][0]
    if any(file.status is not FileStatus.LOADED for file in files) or not rows.balanced or counted != rows.loaded:
        raise CommandError(f"the rows do not add up: {rows}, and the table has {counted}")


def figures(target: Target, files: list[FileRecord], landed: dict[str, float]) -> dict[str, Any]:
    """Throughput from the first landing to the last load, and how long each file took from landing to queryable."""
    queryable = {batch: _loaded_at(target, batch) for batch in {file.batch for file in files if file.batch}}
    took = sorted(queryable[str(file.batch)] - landed[file.file_id] for file in files)
    first, last = min(landed.values()), max(queryable.values())
    seconds = last - first
    rows = sum(file.rows.read for file in files)
    return {
        "batches": len(queryable),
        "rows_read": rows,
        "seconds": round(seconds, 2),
        "files_per_minute": round(60 * len(files) / seconds, 1),
        "rows_per_second": round(rows / seconds),
        "warehouse_share": round(_in_warehouse(target, first, last) / seconds, 3),
        "latency_seconds": {"p50": percentile(took, 50), "p95": percentile(took, 95), "max": percentile(took, 100)},
    }


def _in_warehouse(target: Target, first: float, last: float) -> float:
    """Seconds that the embedded Redshift spent on statements between two moments, by its own history."""
    start, end = (datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat() for moment in (first, last))
    answer = query(
        target,
        "SELECT COALESCE(SUM(elapsed_time), 0) FROM sys_query_history"
        f" WHERE start_time >= '{start}' AND start_time <= '{end}'",
    )
    return float(answer.rows[0][0]) / 1e6


def _loaded_at(target: Target, batch: str) -> float:
    return max(moment(event.at).timestamp() for event in target.ledger.events.of_batch(batch) if event.step == LOADED)


def percentile(ordered: list[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 2)


def head(load: Load) -> dict[str, Any]:
    """What was measured, of which commit, where."""
    return machine() | {
        "dataset": load.contract.dataset,
        "files": load.files,
        "rows_per_file": load.rows,
    }


def machine() -> dict[str, Any]:
    """When, which commit, where."""
    memory = psutil.virtual_memory().total
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD") or "none",
        "clean": not _git("status", "--porcelain"),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "cpus": psutil.cpu_count(),
            "memory_gb": round(memory / 1e9, 1),
            "load_average": round(psutil.getloadavg()[0], 2),
        },
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip() if done.returncode == 0 else ""


def store(result: dict[str, Any]) -> Path:
    """Write the result under its date and commit; one of another size than usual says so in its name."""
    RESULTS.mkdir(exist_ok=True)
    files, rows = result["files"], result["rows_per_file"]
    size = "" if (files, rows) == (FILES, ROWS) else f"-{files}x{rows}"
    path = RESULTS / f"{result['at'][:10]}-{result['commit']}{size}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def newest_result(like: dict[str, Any]) -> dict[str, Any] | None:
    """The newest stored result of the same load, with its file's name; None when there is none."""
    size = ("dataset", "files", "rows_per_file")
    stored = ({**json.loads(path.read_text()), "name": path.name} for path in RESULTS.glob("*.json"))
    alike = [item for item in stored if all(item[name] == like[name] for name in size)]
    return max(alike, key=lambda item: str(item["at"]), default=None)


def as_table(result: dict[str, Any], before: dict[str, Any] | None) -> Any:
    """The figures, beside those of an earlier result if there is one."""
    was = dict(_lines(before)) if before else {}
    rows = [
        (name, number(value), number(was.get(name)), _change(value, was.get(name))) for name, value in _lines(result)
    ]
    title = f"{result['files']} files of {result['rows_per_file']:,} rows, {duration(result['seconds'])}"
    return table((title, "now", "before", "change"), rows, numbers=("now", "before", "change"))


def _lines(result: dict[str, Any]) -> Iterable[tuple[str, float]]:
    yield "files per minute", result["files_per_minute"]
    yield "rows per second", result["rows_per_second"]
    if "warehouse_share" in result:  # results of before it was measured lack it
        yield f"embedded Redshift: % of the time (at most {MOST_IN_WAREHOUSE})", 100 * result["warehouse_share"]
    for name, seconds in result["latency_seconds"].items():
        yield f"landing to queryable, {name}, s", seconds
    for kind, use in result["processes"].items():
        yield f"{kind}: CPU, s", use["cpu_seconds"]
        yield f"{kind}: memory, MB", use["peak_mb"]


def _change(value: float, before: float | None) -> str:
    return f"{100 * (value / before - 1):+.0f} %" if before else ""


if __name__ == "__main__":
    sys.exit(main())
