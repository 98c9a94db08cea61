"""The figures of fetching from servers: `make bench-ftp`.

    python -m benchmarks.ftp.bench                        all parts, at full size
    python -m benchmarks.ftp.bench --only memory --size 500    one part, smaller

Results are printed, and kept in `benchmarks/results/ftp/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ftp import fleet, single
from benchmarks.ftp.stage import ROOT

PARTS = {
    "throughput": (single.throughput, 500),
    "memory": (single.memory, 2000),
    "listing": (single.listing, 10_000),
    "failures": (single.failures, 1000),
    "hanging": (fleet.one_hangs, 40),
    "events": (fleet.many_events, 2_300_000),
}
RESULTS = ROOT / "benchmarks" / "results" / "ftp"


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(PARTS), action="append", help="this part; may be given again")
    parser.add_argument("--size", type=int, help="megabytes, files or events instead of the part's own number")
    asked = parser.parse_args()
    for name in asked.only or PARTS:
        measure, size = PARTS[name]
        with single.scratch() as folder:
            rows = measure(Path(folder), asked.size or size)
        for row in rows:
            print("  ".join(f"{key}: {value}" for key, value in row.items()), flush=True)
        keep(name, asked.size or size, rows)
    return 0


def keep(name: str, size: int, rows: list[single.Row]) -> None:
    """One file per day, part and size."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    now = datetime.now(UTC)
    document = {
        "at": now.isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": [round(value, 1) for value in os.getloadavg()],
        "rows": rows,
    }
    path = RESULTS / f"{now:%Y-%m-%d}-{name}-{size}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
