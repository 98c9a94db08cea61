"""One engine in a separate process: `python -m benchmarks.transform.run MODULE ENGINE SOURCE FOLDER TIMES`.

Prints one line of JSON: CPU seconds (user and system) of every run, those of the import and the first run together, and
the peak of resident memory in MB.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path


def main(module: str, engine: str, source: str, folder: str, times: str) -> None:
    """Runs the engine so often on one file, with one thread."""
    run = getattr(importlib.import_module(f"benchmarks.transform.{module}"), engine)
    importlib.import_module("pyarrow").set_cpu_count(1)
    seconds: list[float] = []
    with_import = 0.0
    for _ in range(int(times)):
        before = time.process_time()
        run(Path(source), Path(folder))
        seconds.append(time.process_time() - before)
        with_import = with_import or time.process_time()
    print(json.dumps({"cpu_seconds": seconds, "with_import": with_import, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The highest resident memory of this process. Linux tells it without what the parent had before."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(line.split()[1]) * 1024 / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
