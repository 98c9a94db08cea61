"""`make hostile`: every kind of hostile file, one process each, with what it took. Fails where one breaks a limit.

`ARGS="--only zip"` takes the kinds with that in their name, `--share 0.1` makes smaller files. With `--journal FILE` a
run that was stopped goes on: kinds that the journal has of the same commit are not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.hostile.kinds import KINDS, Hostile
from benchmarks.hostile.run import problem
from headrace_cli.output.formatting import size

MOST_MB, MOST_SECONDS = 1000, 300
LONGEST = 30
"""Seconds of computing between two looks at the limits: a function is killed a minute after it stops reading."""
KILLED_AFTER = 4 * 3600
"""Seconds, for one that waits for ever: one that computes for ever is ended by the function's time."""
ROOT = Path(__file__).resolve().parents[2]


def written(kind: Hostile, share: float, path: Path) -> int:
    """Makes the file. Returns its bytes."""
    made = kind.make(share)
    pieces: Iterable[bytes] = [made] if isinstance(made, bytes) else made
    with path.open("wb") as target:
        for piece in pieces:
            target.write(piece)
    return path.stat().st_size


def main() -> int:
    """Prints a row for each kind; returns how many are not as they should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the names of kinds")
    parser.add_argument("--share", type=float, default=1.0, help="the share of the full sizes")
    parser.add_argument("--scratch", type=Path, help="folder for the files, one at a time; 1 GB")
    parser.add_argument("--journal", type=Path, help="file of what was found, to go on with it")
    options = parser.parse_args()
    journal = Journal(options.journal, options.share)
    print(
        "| file | bytes | verdict | rows | MB | CPU s | longest block, s | reason |\n|---|---:|---|---:|---:|---:|---:|---|"
    )
    problems: list[str] = []
    chosen = [(number, kind) for number, kind in enumerate(KINDS) if options.only in kind.name]
    with TemporaryDirectory(dir=options.scratch) as folder:
        for number, kind in chosen:
            path = Path(folder) / "hostile"
            found = journal.known.get(kind.name)
            if found is None:
                found = {"bytes": written(kind, options.share, path)} | _run(number, path)
                journal.note(kind.name, found)
            problems += [f"{kind.name}: {said}" for said in _problems(kind, found)]
            print(_row(kind, found), flush=True)
    print(f"\n{len(chosen)} files, {len(problems)} not as they should be", *problems, sep="\n  ")
    return min(len(problems), 1)


class Journal:
    """What was found of each kind, of this commit and share: a line each in a file, if there is one."""

    def __init__(self, path: Path | None, share: float) -> None:
        self._path = path
        self._of = {"commit": _commit(), "share": share}
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        entries = [json.loads(line) for line in lines]
        self.known: dict[str, dict[str, Any]] = {
            entry["kind"]: entry["found"] for entry in entries if entry.items() >= self._of.items()
        }

    def note(self, kind: str, found: dict[str, Any]) -> None:
        """Keep what was found."""
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._of | {"kind": kind, "found": found}) + "\n")


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _run(number: int, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.hostile.run", str(number), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=KILLED_AFTER)
    if done.returncode:
        return {"verdict": "died", "reason": done.stderr[-200:], "rows": 0, "mb": 0.0, "seconds": 0.0, "longest": 0.0}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _problems(kind: Hostile, found: dict[str, Any]) -> list[str]:
    said = [problem(kind, found)]
    said += [f"it takes {found['mb']:,.0f} MB"] if found["mb"] > MOST_MB else []
    said += [f"it takes {found['seconds']:,.0f} s"] if found["seconds"] > MOST_SECONDS else []
    said += [f"{found['longest']:,.0f} s pass without a look at the limits"] if found["longest"] > LONGEST else []
    return [text for text in said if text]


def _row(kind: Hostile, found: dict[str, Any]) -> str:
    reason = found["reason"].replace("|", "/").replace("\n", " ")[:160]
    cells = [kind.name, size(found["bytes"]), found["verdict"], f"{found['rows']:,}"]
    return (
        f"| {' | '.join(cells)} | {found['mb']:,.0f} | {found['seconds']:,.1f} | {found['longest']:,.1f} | {reason} |"
    )


if __name__ == "__main__":
    sys.exit(main())
