"""The fault bench itself: lands files while faults strike, waits until all is at rest, and compares everything."""

from __future__ import annotations

import contextlib
import io
import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.faults.chaos_leftovers import Generations, Leftovers
from benchmarks.faults.chaos_points import Fault, Point
from headrace.domain.ingest.ledger import LIVE, FileStatus
from headrace.usecases.recovery.reconcile import reconcile
from headrace.usecases.recovery.unblock import unblock
from headrace_cli.stack.landing import file_id_of
from headrace_cli.stack.target import Target
from headrace_cli.stack.warehouse import query
from headrace_cli.stack.watch import Watch

FILES, ROWS = 3, 10
LATE_SECONDS = 30
PATIENCE = 150
"""Seconds within which everything must be right and nothing left, whatever broke."""
HEAVY_PATIENCE = 400
"""The same where each try begins with Spark's start."""
SWEEP_SECONDS = 4
VISIBILITY_SECONDS = "5"


@dataclass(slots=True)
class Result:
    """What came of one point. `wrong` says in words what is not as it must be."""

    name: str
    injected: int
    seconds: float
    wrong: list[str] = field(default_factory=list)


def _executors(laptop: int) -> list[psutil.Process]:
    """The laptop's processes in which Python runs Spark's tasks, below a daemon of the JVM."""
    found = []
    for process in psutil.Process(laptop).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            parent = process.parent()
            if parent and "pyspark.daemon" in process.cmdline() and "pyspark.daemon" in parent.cmdline():
                found.append(process)
    return found


class Bench:
    """Breaks one laptop, over and over, while files of one dataset load.

    The contracts are those of `tests/e2e`: one that is loaded directly, one that is `staged`, one whose files are
    `heavy`. `deploy` redeploys, `process` is the laptop's.
    """

    def __init__(
        self,
        target: Target,
        dataset: str,
        staged: str = "",
        deploy: Callable[[], None] | None = None,
        *,
        heavy: str = "",
        process: int = 0,
    ) -> None:
        self._target = target
        self._datasets = {False: dataset, True: staged}
        self._heavy = heavy
        self._process = process
        self._dataset = dataset
        self._deploy = deploy
        self._watch = Watch(target)
        self._leftovers = Leftovers(target)
        self._sweeper = self._function("SweeperFunction")

    @contextlib.contextmanager
    def hastened(self) -> Iterator[None]:
        """Messages come back soon."""
        queues, url = self._target.client("sqs"), self._target.output("IntakeQueueUrl")
        names = ["VisibilityTimeout"]
        before = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": VISIBILITY_SECONDS})
        try:
            yield
        finally:
            queues.set_queue_attributes(QueueUrl=url, Attributes=before)

    def run(self, point: Point, tag: str) -> Result:
        """Load files while the point's faults strike; then compare everything."""
        self._dataset = self._heavy if point.heavy else self._datasets[point.staged]
        if point.deed == "replaced":
            self._land_before(tag)
        before = self._leftovers.generations(self._dataset)
        self._faults("POST", list(point.faults))
        start = time.monotonic()
        landed = self._land(tag, point.deed)
        wrong = self._settle(start, before)
        seconds = time.monotonic() - start
        if point.faults and not point.by_chance:
            self._until_struck()  # people are notified beside the load, and maybe after it
        injected = sum(fault["struck"] for fault in self._faults("GET")["faults"]) or int(bool(point.deed))
        self._faults("DELETE")
        wrong += list(self._wrong_rows(tag)) + list(self._wrong_files(landed))
        if point.faults and not injected and not point.by_chance:
            wrong.append("the fault never struck")
        return Result(point.name, injected, seconds, wrong)

    def differences(self) -> list[str]:
        """What the reconciliation finds after all of it."""
        datasets = [dataset for dataset in (*self._datasets.values(), self._heavy) if dataset]
        return [item.what for item in reconcile(datasets, self._target.landing, self._target.services).differences]

    def _land(self, tag: str, deed: str) -> list[str]:
        bodies = {f"{self._dataset}/{tag}/{file}.csv": content(tag, file) for file in range(FILES)}
        if deed == "overwritten":
            bodies |= {key: body for key, body in bodies.items() if self._put(key, b"meter,read_at,value\n" + bad())}
        if deed == "overwritten while read":
            bodies |= {key: body for key, body in bodies.items() if self._put(key, b"meter,read_at,value\n" + bad())}
            self._until_struck()
        versions = [(key, self._put(key, body), len(body)) for key, body in bodies.items()]
        if deed == "unblocked":
            self._until_struck()
            self._unblock()
        if deed in {"run stopped", "executor killed"}:
            self._strike_run(deed)
        if deed == "deployed" and self._deploy:
            self._deploy()
        if deed == "thrice":
            for key, version, size in [*reversed(versions), *versions]:
                self._tell(key, version, size)
        bucket = self._target.output("LandingBucket")
        return [file_id_of(bucket, key, version) for key, version, _ in versions]

    def _land_before(self, tag: str) -> None:
        """Let other rows be loaded under the keys of the run."""
        before = self._leftovers.generations(self._dataset)
        for file in range(FILES):
            self._put(f"{self._dataset}/{tag}/{file}.csv", content(f"{tag}x", file))
        wrong = self._settle(time.monotonic(), before)
        if wrong:
            raise RuntimeError(f"nothing was broken yet, and {wrong}")

    def _unblock(self) -> None:
        """What a person does who does not wait for the recovery: `headrace unblock`."""
        services = self._target.services
        name = services.lanes.state(self._dataset, LIVE).open_batch
        if name:
            with contextlib.redirect_stdout(io.StringIO()):  # metrics of outcomes are for a function's log
                unblock(name, "chaos", services)

    def _strike_run(self, deed: str) -> None:
        """Stop the run that is under way, or kill the processes in which its tasks run. Raises TimeoutError."""
        deadline = time.monotonic() + LATE_SECONDS * 2
        glue, job = self._target.client("glue"), self._target.output("SparkJob")
        while time.monotonic() < deadline:
            runs = glue.get_job_runs(JobName=job)["JobRuns"]
            active = [run["Id"] for run in runs if run["JobRunState"] == "RUNNING"]
            if active and deed == "run stopped":
                glue.batch_stop_job_run(JobName=job, JobRunIds=active)
                return
            if executors := _executors(self._process) if active else []:
                for each in executors:
                    each.kill()
                return
            time.sleep(0.05)
        raise TimeoutError(f"no run to strike: {deed}")

    def _until_struck(self) -> None:
        deadline = time.monotonic() + LATE_SECONDS
        while time.monotonic() < deadline and not any(fault["struck"] for fault in self._faults("GET")["faults"]):
            time.sleep(0.1)

    def _put(self, key: str, body: bytes) -> str:
        bucket = self._target.output("LandingBucket")
        return str(self._target.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])

    def _tell(self, key: str, version: str, size: int) -> None:
        item = {"key": key, "version-id": version, "size": size, "etag": "", "sequencer": "0"}
        detail = {"bucket": {"name": self._target.output("LandingBucket")}, "object": item}
        body = json.dumps({"time": "2026-01-01T00:00:00Z", "detail": detail})
        self._target.client("sqs").send_message(QueueUrl=self._target.output("IntakeQueueUrl"), MessageBody=body)

    def _settle(self, start: float, before: Generations) -> list[str]:
        """Wait until nothing is on its way and nothing is left; returns what still is when patience ends."""
        swept = time.monotonic()
        while True:
            look = self._watch.look()
            left = self._leftovers.of(self._dataset, before) if look.quiet else [str(look.open)]
            if not left:
                return []
            patience = HEAVY_PATIENCE if self._dataset == self._heavy else PATIENCE
            if time.monotonic() - start > patience:
                return [f"not at rest after {patience} s: {'; '.join(left)}"]
            if time.monotonic() - swept > SWEEP_SECONDS:
                self._target.client("lambda").invoke(FunctionName=self._sweeper, InvocationType="Event", Payload=b"{}")
                swept = time.monotonic()
            time.sleep(0.25)

    def _wrong_rows(self, tag: str) -> Iterator[str]:
        target = self._target.contract(self._dataset).target
        text = f"SELECT meter, value FROM {target} WHERE LOWER(meter) LIKE '{tag}-%'"
        rows = sorted((str(meter), int(value)) for meter, value in query(self._target, text).rows)
        wanted = sorted((meter(tag, file, row), row) for file in range(FILES) for row in range(ROWS))
        if self._dataset == self._datasets[True]:  # its contract's transformation
            wanted = sorted((name.upper(), value * 10) for name, value in wanted)
        if rows != wanted:
            yield f"{len(rows)} rows instead of {len(wanted)}, or others"

    def _wrong_files(self, landed: Iterable[str]) -> Iterator[str]:
        for file_id in landed:
            file = self._target.ledger.files.get(file_id)
            if file.status is not FileStatus.LOADED:
                yield f"{file.key} is {file.status}: {file.reason}"
            elif not file.rows.balanced or (file.rows.read, file.rows.loaded) != (ROWS + 1, ROWS):
                yield f"{file.key} has {file.rows}"

    def _faults(self, method: str, faults: list[Fault] | None = None) -> Any:
        request = urllib.request.Request(self._target.page("faults"), json.dumps(faults or []).encode(), method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _function(self, logical: str) -> str:
        pages = self._target.client("lambda").get_paginator("list_functions").paginate()
        return next(str(f["FunctionName"]) for page in pages for f in page["Functions"] if logical in f["FunctionName"])


def content(tag: str, file: int) -> bytes:
    """A small file: good rows, and a bad one."""
    rows = "".join(f"{meter(tag, file, row)},2026-01-01T00:00:00Z,{row}\n" for row in range(ROWS))
    return f"meter,read_at,value\n{rows}".encode() + bad()


def bad() -> bytes:
    """A row that is quarantined."""
    return b"bad,2026-01-01T00:00:00Z,-1\n"


def meter(tag: str, file: int, row: int) -> str:
    """Its own key for each row of each run."""
    return f"{tag}-{file}-{row}"
