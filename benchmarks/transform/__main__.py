"""How fast, how small and how exact the transform is, beside what else could do its work: `make bench-transform`.

Every engine runs in its own process with one thread. CPU seconds are user and system together. The result is
printed and stored in `benchmarks/results/transform/<date>-<commit>.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.transform.check import check
from benchmarks.transform.data import Events

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "transform"
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
ROWS = 5_000_000
SMALL_ROWS = 10_000
SMALL_TIMES = 25
FRESH_TIMES = 5
TURNS = 6
"""What is compared closely runs so often, in fresh processes, in turns of another order; the median is printed."""
NO_CHECK = "not checked: knows no bad rows"


@dataclass(frozen=True, slots=True)
class Engine:
    """Something that does the work: a function in a module of this folder."""

    title: str
    module: str
    function: str
    python: Path = Path(sys.executable)


OURS = Engine("Headrace", "engines", "headrace_csv")
OURS_JSON = Engine("Headrace", "engines", "headrace_json")
FLOOR = Engine("floor: Arrow's parse and write", "engines", "floor")
FLOOR_WITH_LINEAGE = Engine("floor, lineage columns written too", "engines", "floor_with_lineage")
PLAIN = Engine("plain Python csv", "engines", "plain_csv")
PLAIN_BRIEFLY = Engine("plain Python csv, first fault only", "engines", "plain_csv_briefly")
PLAIN_JSON = Engine("orjson on every line", "engines", "plain_json")
PANDAS = Engine("pandas", "pandas_engine", "pandas_csv", BENCH_PYTHON)


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine on one file. `with_import` is the CPU of a fresh process up to the end of the first file."""

    part: str
    engine: str
    rows: int
    cpu_seconds: float
    with_import: float
    peak_mb: float
    correct: str


def main() -> int:
    """Measures all, prints the tables, stores the result."""
    options = _options()
    with TemporaryDirectory(dir=options.scratch) as folder:
        bench = Bench(Path(folder), options.rows)
        measured = [row for part in PARTS for row in _shown(part(bench))]
        if options.large:
            measured += _shown(bench.measure("memory", OURS, Events(options.large)))
    path = _store(options.rows, measured)
    print(f"\n{as_table(measured)}\n\nstored in {path.relative_to(ROOT)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the large file")
    parser.add_argument("--large", type=int, default=0, help="measure the memory at so many rows too, such as 20000000")
    parser.add_argument("--scratch", type=Path, help="folder for the files; 3 GB for the usual size")
    return parser.parse_args()


class Bench:
    """Makes the files as they are needed, and runs engines on them."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder = folder
        self.rows = rows

    def measure(
        self, part: str, engine: Engine, events: Events, times: int = 1, *, kind: str = "csv"
    ) -> Iterator[Measured]:
        """Runs the engine on the file of these events; nothing if it is not installed."""
        if not engine.python.exists():
            print(f"{engine.title} is left out: {engine.python} is not there", file=sys.stderr)
            return
        source = self._file(events, kind)
        found = run(engine, source, self._folder, times)
        correct = NO_CHECK if engine in {FLOOR, FLOOR_WITH_LINEAGE} else _verdict(events, self._folder, kind)
        seconds = statistics.median(found["cpu_seconds"])
        yield Measured(part, engine.title, events.rows, seconds, found["with_import"], found["peak_mb"], correct)

    def _file(self, events: Events, kind: str) -> Path:
        path = self._folder / f"{events.rows}-{events.bad_every}.{kind}"
        if not path.exists():
            (events.write_csv if kind == "csv" else events.write_json_lines)(path)
        return path


def run(engine: Engine, source: Path, folder: Path, times: int) -> dict[str, Any]:
    """The engine in a fresh process. Raises CalledProcessError when it fails."""
    command = [engine.python, "-m", "benchmarks.transform.run", engine.module, engine.function, source, folder, times]
    paths = [str(ROOT), str(ROOT / "layers" / "headrace")]
    one_thread = {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | one_thread,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _verdict(events: Events, folder: Path, kind: str) -> str:
    return str(check(events, folder, kind=kind))


def large_file(bench: Bench) -> Iterator[Measured]:
    """One row in a hundred is bad; the floors have a clean file."""
    clean, usual = Events(bench.rows, bad_every=0), Events(bench.rows)
    rivals = ((FLOOR, clean), (FLOOR_WITH_LINEAGE, clean), (OURS, usual))
    found: dict[Engine, list[Measured]] = {engine: [] for engine, _ in rivals}
    for turn in range(TURNS):  # each is first, and each comes after each, since memory that was just freed costs less
        for engine, events in rivals[turn % len(rivals) :] + rivals[: turn % len(rivals)]:
            found[engine] += bench.measure("large file", engine, events)
    for measured in found.values():
        yield _median(measured, by="cpu_seconds")
    for engine in (PANDAS, PLAIN):
        yield from bench.measure("large file", engine, usual)


def memory(bench: Bench) -> Iterator[Measured]:
    """A tenth of the large file: the peak must not grow with the file."""
    yield from bench.measure("memory", OURS, Events(bench.rows // 10))


def small_file(bench: Bench) -> Iterator[Measured]:
    """Warm: the same file many times in one process. Fresh: import and first file."""
    yield from bench.measure("small file, warm", OURS, Events(SMALL_ROWS), SMALL_TIMES)
    fresh = [
        found for _ in range(FRESH_TIMES) for found in bench.measure("small file, fresh", OURS, Events(SMALL_ROWS))
    ]
    yield _median(fresh, by="with_import")


def all_bad(bench: Bench) -> Iterator[Measured]:
    """Every row is bad."""
    for engine in (OURS, PLAIN, PLAIN_BRIEFLY):
        yield from bench.measure("every row bad", engine, Events(bench.rows // 25, bad_every=1), 3)


def json_lines(bench: Bench) -> Iterator[Measured]:
    """The same rows as JSON Lines."""
    for engine in (OURS_JSON, PLAIN_JSON):
        yield from bench.measure("JSON Lines", engine, Events(bench.rows // 10), 3, kind="jsonl")


PARTS: tuple[Callable[[Bench], Iterator[Measured]], ...] = (large_file, memory, small_file, all_bad, json_lines)


def _median(found: list[Measured], by: str) -> Measured:
    return sorted(found, key=attrgetter(by))[len(found) // 2]


def _shown(rows: Iterator[Measured]) -> list[Measured]:
    found = []
    for row in rows:
        print(f"{row.part}: {row.engine}, {row.cpu_seconds:.3f} s CPU, {row.correct}", file=sys.stderr)
        found.append(row)
    return found


def as_table(measured: list[Measured]) -> str:
    """The rows as Markdown, each with its ratio to Headrace in the same part."""
    ours = {(row.part, row.rows): row.cpu_seconds for row in measured if row.engine == OURS.title}
    lines = [
        "| part | engine | rows | CPU s | µs a row | against Headrace | fresh process, CPU s | peak MB | correct |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in measured:
        ratio = row.cpu_seconds / ours[row.part, row.rows]
        lines.append(
            f"| {row.part} | {row.engine} | {row.rows:,} | {row.cpu_seconds:.3f}"
            f" | {row.cpu_seconds / row.rows * 1e6:.2f}"
            f" | {ratio:.2f} | {row.with_import:.3f} | {row.peak_mb:.0f} | {row.correct} |"
        )
    return "\n".join(lines)


def _store(rows: int, measured: list[Measured]) -> Path:
    commit = _git("rev-parse", "--short", "HEAD") or "none"
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "clean": not _git("status", "--porcelain", "--untracked-files=no"),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 2),
        },
        "rows": rows,
        "measured": [asdict(row) for row in measured],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{result['at'][:10]}-{commit}-{rows}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
