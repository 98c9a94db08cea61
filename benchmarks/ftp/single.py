"""What one poll takes: throughput beside curl, memory, a large folder."""

from __future__ import annotations

import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from benchmarks.ftp.stage import ROOT, Offered, serving
from headrace.domain.source import Protocol
from headrace_local import laptop
from tests.servers.faults import PASSWORD, USER

Row = dict[str, Any]
RUNS, POLLS = 5, 2
THROWN_AWAY, KEPT = "-o /dev/null", "-o curled.csv"
HASHED = "| tee >(md5sum > md5) | sha256sum > sha256"
PYTHON = [sys.executable, "-W", "ignore", "-m"]


def throughput(folder: Path, megabytes: int) -> list[Row]:
    """Each protocol beside curl, in turns; the median of the runs. Bytes come from /dev/urandom."""
    (folder / "files").mkdir()
    write_random(folder / "files" / "large.csv", megabytes)
    rows = []
    for kind in Protocol:
        with serving("bench", kind, folder / "files") as server, forgetful_s3() as s3:
            ways: dict[str, Callable[[], Row]] = {
                "curl": partial(curled, server, folder, THROWN_AWAY),
                "curl to a file": partial(curled, server, folder, KEPT),
                "curl, md5sum and sha256sum": partial(curled, server, folder, HASHED),
                "Headrace": partial(polled, server),
                "Headrace, S3 upload": partial(polled, server, s3=s3),
            }
            found = [{way: run() for way, run in ways.items()} for _ in range(RUNS)]
        rows += [{"part": f"{kind}, {way}"} | _against_curl(found, way, megabytes) for way in ways]
    return rows


def _against_curl(found: list[dict[str, Row]], way: str, megabytes: int) -> Row:
    seconds, curls = (statistics.median(run[name]["seconds"] for run in found) for name in (way, "curl"))
    return {
        "MB/s": round(megabytes / seconds),
        "of curl %": round(100 * curls / seconds),
        "CPU s": round(statistics.median(run[way]["cpu_seconds"] for run in found), 2),
    }


def memory(folder: Path, megabytes: int) -> list[Row]:
    """A large file, once with each protocol, with boto3 and its uploads: the peak of the whole process."""
    root = folder / "huge"
    root.mkdir()
    with (root / "huge.csv").open("wb") as file:
        file.truncate(megabytes * 10**6)
    rows = []
    for kind in Protocol:
        with serving("bench", kind, root) as server, forgetful_s3() as s3:
            found = polled(server, s3=s3)
        rows.append({"part": f"{kind}, {megabytes:,} MB", "peak MB": found["peak_mb"], "seconds": found["seconds"]})
    return rows


def listing(folder: Path, files: int) -> list[Row]:
    """A folder whose files are all known, with the ledger's table in the emulated DynamoDB."""
    root = folder / "many"
    root.mkdir()
    for number in range(files):
        (root / f"{number:06}.csv").touch()
    rows = []
    for kind in Protocol:
        with serving("bench", kind, root) as server, dynamodb(folder / f"home-{kind}") as reached:
            found = polled(server, dynamodb=reached, complete="marker", polls=2)
        assert found["tally"]["listed"] == files, found
        rows.append(
            {
                "part": f"{kind}, {files:,} known files",
                "seconds": found["seconds"],
                "CPU s": found["cpu_seconds"],
                "peak MB": found["peak_mb"],
            }
        )
    return rows


def failures(folder: Path, files: int) -> list[Row]:
    """Files of 20 kB on a server of each protocol that breaks 5 of 100 transfers: how many are taken without help."""
    rows = []
    for kind in Protocol:
        root = folder / f"broken-{kind}"
        root.mkdir()
        for number in range(files):
            (root / f"{number:05}.csv").write_bytes(os.urandom(20_000))
        with serving("bench", kind, root, "--chance", "5") as server:
            found = polled(server, polls=POLLS)
        rows.append(
            {
                "part": f"{kind}, {files:,} files, 5 % of the transfers broken",
                "taken": found["taken"],
                "taken %": round(100 * found["taken"] / files, 2),
                "polls": POLLS,
            }
        )
    return rows


def polled(server: Offered, **asked: Any) -> Row:
    """One poll of a server in a fresh process."""
    order = {"kind": server.kind, "port": server.port, "secret": server.secret, "location": "/*.csv"} | asked
    done = subprocess.run(
        [*PYTHON, "benchmarks.ftp.one_poll"],
        cwd=ROOT,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
    )
    found: Row = json.loads(done.stdout.splitlines()[-1])
    assert found["trouble"] is None, found
    assert not found["tally"]["problems"], found
    return found


def curled(server: Offered, folder: Path, what_then: str) -> Row:
    """The same file with curl, and what is done with it then: the end of a command for bash."""
    scheme = "ftp" if server.kind is Protocol.FTPS else str(server.kind)
    command = ["curl", "-sS", "-u", f"{USER}:{PASSWORD}", f"{scheme}://127.0.0.1:{server.port}/large.csv"]
    if server.kind is Protocol.FTPS:
        (folder / "ca.pem").write_text(server.secret["ca"])
        command += ["--ssl-reqd", "--cacert", str(folder / "ca.pem")]
    command += ["-k"] if server.kind is Protocol.SFTP else []
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["bash", "-c", f"set -o pipefail; {shlex.join(command)} {what_then}"], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.monotonic() - begun, "cpu_seconds": cpu}


@contextmanager
def forgetful_s3() -> Iterator[str]:
    """The address of an S3 that forgets."""
    command = [*PYTHON, "benchmarks.ftp.forgetful_s3"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()


@contextmanager
def dynamodb(home: Path) -> Iterator[dict[str, str]]:
    """What a client needs to reach an emulated DynamoDB that has the ledger's table."""
    state = laptop.up(home)
    keys = {"pk": "HASH", "sk": "RANGE"}
    boto3.client("dynamodb", **state.client_arguments()).create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    try:
        yield state.client_arguments()
    finally:
        laptop.down(home)


def write_random(path: Path, megabytes: int) -> None:
    """A file that nothing can compress."""
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(10**6))


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for the files of a run."""
    return tempfile.TemporaryDirectory(prefix="headrace-ftp-bench-")
