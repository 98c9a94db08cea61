"""A file for the Glue job: made on the spot, sent through a real Spark, balanced, queried, and priced.

    make demo-glue                     a file of 200 MB
    make demo-glue ARGS="--mb 5000"

The laptop stays up afterwards, and takes all files of more than 1 MB for large until it is deployed again.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headrace_cli.commands.files.drop import key_for, upload_all
from headrace_cli.laptop import laptop
from headrace_cli.laptop.samples import generators
from headrace_cli.main import run as headrace
from headrace_cli.output.console import stdout
from headrace_cli.output.failures import CommandError
from headrace_cli.output.progress import Stages
from headrace_cli.stack.athena import Athena
from headrace_cli.stack.home import laptop_home
from headrace_cli.stack.target import Target

DATASET = "task_events"
ROWS_AT_ONCE = 50_000
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"}
PATIENCE = 3 * 3600
QUERY = "SELECT event_type, COUNT(*) AS n, AVG(duration_ms) AS ms FROM {} GROUP BY 1 ORDER BY 1"
COUNTED = f"SELECT count(*) FROM {DATASET}_files WHERE current"
REGISTERED = 120
"""Seconds until the function of the lake's tables has heard of the batch."""
DPU_HOUR, GB_SECOND = 0.44, 0.0000166667
"""Dollars, us-east-1: https://aws.amazon.com/glue/pricing/ and https://aws.amazon.com/lambda/pricing/."""
FUNCTION_GB, FUNCTION_SECONDS, FUNCTION_BYTES = 1.769, 900, 80e6
"""A function's memory, its longest time, and the bytes that it reads in a second (docs/glue.md)."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration. Returns 0 when all went as it must."""
    parser = argparse.ArgumentParser(
        prog="make demo-glue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=int, default=200, help="size of the file")
    asked = parser.parse_args(arguments)
    os.environ["HEADRACE_PARAMETERS"] = f"{os.environ.get('HEADRACE_PARAMETERS', '')} SparkAboveBytes=1000000"
    stages = Stages(5)
    laptop.start(None, stages)
    laptop.deploy(stages)
    target = laptop.laptop_target()
    known = {run["Id"] for run in runs_of(target)}
    with TemporaryDirectory(prefix="headrace-glue-") as folder, stages.stage("Writing and dropping a file"):
        file, rows = write(Path(folder), asked.mb * 10**6)
        size = file.stat().st_size
        key = key_for(target.contract(DATASET).prefix, file, None)
        upload_all(target, DATASET, {file: key}, stages.show)
        stages.show(f"{rows:,} rows, {size / 1e6:,.0f} MB")
    with stages.stage("Transforming in Spark"):
        run = watched(target, known, stages)
    say("Everything after the transform does not know which engine it was:")
    waited = type_in("wait", "--timeout", str(PATIENCE))
    type_in("trace", key)
    type_in("sql", QUERY.format(f"public.{DATASET}"))
    await_tables(Athena(target), key, target)
    type_in("lake", QUERY.format(f"{DATASET}_current"))
    prices(size, run)
    return int(bool(waited) or run["JobRunState"] != "SUCCEEDED")


def write(folder: Path, size: int) -> tuple[Path, int]:
    """A file of at least this many bytes, one row in a hundred bad, and its rows.

    The same rows over and over, but for their ids: writing new ones would take longer than transforming them.
    """
    seed = time.time_ns() % 10**9
    (sample,) = generators([DATASET])[DATASET](folder / "sample", files=1, rows=ROWS_AT_ONCE, seed=seed)
    header, _, body = sample.read_bytes().partition(b"\n")
    path, pieces = folder / f"large-{seed}.csv", 0
    with path.open("wb") as target:
        target.write(header + b"\n")
        while target.tell() < size:
            target.write(re.sub(rb"(?m)^t%d-" % seed, b"t%d-" % (seed + pieces), body))
            pieces += 1
    return path, pieces * ROWS_AT_ONCE


def runs_of(target: Target) -> list[dict[str, Any]]:
    """The job's runs, the newest first."""
    return list(target.client("glue").get_job_runs(JobName=target.output("SparkJob"))["JobRuns"])


def watched(target: Target, known: set[str], stages: Stages) -> dict[str, Any]:
    """Shows what the new run says until it has ended. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        new = [run for run in runs_of(target) if run["Id"] not in known]
        if new and new[0]["JobRunState"] in ENDED:
            stages.show(f"{new[0]['JobRunState'].lower()}, {new[0]['ExecutionTime']} s with Spark's start")
            return new[0]
        if new:
            said = laptop_home() / "glue" / new[0]["Id"] / "output.log"
            lines = said.read_text().splitlines() if said.exists() else []
            stages.show((lines or ["Spark starts"])[-1])
        time.sleep(0.5)
    raise TimeoutError("no run has ended")


def await_tables(athena: Athena, key: str, target: Target) -> None:
    """Until the file's rows count in the lake's view, or long enough."""
    (file,) = (file for file in target.ledger.files.newest(DATASET, 100) if file.key == key)
    deadline = time.monotonic() + REGISTERED
    while time.monotonic() < deadline:
        with suppress(CommandError):  # there is no such table yet
            if athena.query(f"{COUNTED} AND file_id = '{file.file_id}'").first(1)[0] == [[1]]:
                return
        time.sleep(1)


def prices(size: int, run: dict[str, Any]) -> None:
    """What this would have cost on AWS, by either engine, from seconds counted here or for AWS's speed."""
    seconds = max(60, run["ExecutionTime"])
    glue = run["NumberOfWorkers"] * seconds / 3600 * DPU_HOUR
    needed = size / FUNCTION_BYTES
    function = f"${needed * FUNCTION_GB * GB_SECOND:.4f}, {needed:,.0f} s"
    if needed > FUNCTION_SECONDS:
        function = f"not possible: {needed:,.0f} s are needed, and a function has {FUNCTION_SECONDS}"
    say(
        f"On AWS: Glue ${glue:.3f} ({run['NumberOfWorkers']} DPU x {seconds} s, as long as here and at least a minute);"
        f" Lambda {function}.\nThat is why only files that a function cannot finish go to Glue."
    )


def say(text: str) -> None:
    """A line between the commands."""
    stdout().print(f"\n{text}", markup=False)


def type_in(*words: str) -> int:
    """Run a command as a person types it."""
    stdout().print(f"$ headrace {' '.join(words)}", style="bold", markup=False)
    sys.stdout.flush()
    return headrace(list(words))


if __name__ == "__main__":
    sys.exit(main())
