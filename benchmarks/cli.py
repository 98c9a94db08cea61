"""CPU time of commands before their first request: fresh processes, against an address at which nothing listens.

What is measured is the whole process, so it includes the failed connection and the sentence about it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

NOWHERE = ("--endpoint-url", "http://127.0.0.1:9")
COMPLETION = {"_HEADRACE_COMPLETE": "complete_bash", "COMP_WORDS": "headrace sta", "COMP_CWORD": "1"}
KEYS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
LIGHT, COMMAND = 200, 500
"""Milliseconds of CPU to stay below."""
ASKED = (
    ("--help", (), LIGHT),
    ("--version", (), LIGHT),
    ("status --help", (), LIGHT),
    ("status", NOWHERE, COMMAND),
    ("trace a.csv", NOWHERE, COMMAND),
    ("quarantine readings", NOWHERE, COMMAND),
    ("sql SELECT", NOWHERE, COMMAND),
    ("wait", NOWHERE, COMMAND),
    ("sources", NOWHERE, COMMAND),
    ("held", NOWHERE, COMMAND),
    ("export status", NOWHERE, COMMAND),
    ("retry a.csv", NOWHERE, COMMAND),
    ("reconcile", NOWHERE, COMMAND),
    ("replay readings", NOWHERE, COMMAND),
    ("migrate --plan", NOWHERE, COMMAND),
)


def main() -> None:
    """Print each command's CPU and wall time, the least of several runs."""
    parser = argparse.ArgumentParser(prog="make bench-cli", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(f"{'headrace …':<24}{'ms CPU':>8}{'ms wall':>9}{'to reach':>10}")
    show("(completion of sta)", [], COMPLETION, LIGHT, runs)
    for text, options, bound in ASKED:
        show(text, [*options, *text.split()], {}, bound, runs)


def show(name: str, arguments: list[str], environment: dict[str, str], bound: int, runs: int) -> None:
    """Measure one command line and print its line."""
    measured = [once(arguments, environment) for _ in range(runs)]
    cpu, wall = (min(values) * 1000 for values in zip(*measured, strict=True))
    print(f"{name:<24}{cpu:>8.0f}{wall:>9.0f}{f'<= {bound}':>10}{'  over' if cpu > bound else ''}", flush=True)


def once(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of CPU and of the clock that one process took."""
    command = [str(Path(sys.executable).with_name("headrace")), *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | KEYS | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime, time.perf_counter() - start


if __name__ == "__main__":
    main()
