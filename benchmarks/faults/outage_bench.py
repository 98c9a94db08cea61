"""The outage bench itself: refuses a service while files land, waits until all is at rest, and compares everything."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.faults.chaos_bench import ROWS, content, meter
from benchmarks.faults.chaos_leftovers import Leftovers
from headrace.domain.ingest.ledger import FileStatus
from headrace_cli.stack.landing import file_id_of
from headrace_cli.stack.target import Target
from headrace_cli.stack.warehouse import query
from headrace_cli.stack.watch import Watch

SCALE = 60
"""A second stands for so many."""
FOREVER = 10**9
DATASETS = ("bulk", "staged")
OUTAGES: dict[str, dict[str, Any]] = {
    "S3": {"service": "s3"},
    "DynamoDB": {"service": "dynamodb"},
    "Lambda": {"service": "lambda"},
    "Data API": {"service": "redshift-data"},
    "warehouse, in words that no catalogue knows": {
        "service": "redshift-data", "operation": "BatchExecuteStatement", "caller": "RunStatementsFunction",
        "what": "refuse", "text": "ERROR: a sentence that nobody has read yet",
    },
    "Step Functions": {"service": "states"},
    "SNS": {"service": "sns"},
    "EventBridge": {"service": "events"},
    "Secrets Manager": {"service": "secretsmanager"},
}  # fmt: skip
"""What is refused, as the laptop's faults name it."""
SWEEP_SECONDS = 5
"""The sweeper's five minutes, scaled."""
VISIBILITY_SECONDS = 2
"""The intake queue's two minutes, scaled."""
LAND_SECONDS = 3.0
PATIENCE = 120
"""Seconds within which all must be loaded after the end: two hours, scaled."""


@dataclass(slots=True)
class Recovery:
    """What came of one outage. `wrong` says in words what is not as it must be."""

    name: str
    files: int
    refused: int
    messages: int
    recovery_seconds: float
    wrong: list[str] = field(default_factory=list)


class OutageBench:
    """Refuses one service after the other on one laptop. `messages` tells what people have heard."""

    def __init__(self, target: Target, messages: Callable[[], list[str]], datasets: tuple[str, ...] = DATASETS) -> None:
        self._target = target
        self._messages = messages
        self._datasets = datasets
        self._watch = Watch(target)
        self._leftovers = Leftovers(target)
        self._sweeper = function_named(target, "SweeperFunction")
        self._swept = 0.0
        self._bucket = target.output("LandingBucket")

    def run(self, name: str, seconds: float) -> Recovery:
        """Refuse a service for so many seconds, then wait until everything is at rest."""
        tag = f"o{list(OUTAGES).index(name)}"
        before = {dataset: self._leftovers.generations(dataset) for dataset in self._datasets}
        heard = len(self._messages())
        landed: list[tuple[str, int, str]] = []
        with quickly_redelivered(self._target):
            landed += self._land(tag, 0)
            time.sleep(1)
            refused = self._refuse(OUTAGES[name], seconds, tag, landed)
            ended = time.monotonic()
            landed += self._land(tag, len(landed))
            wrong = self._settle(ended, before)
        recovered = time.monotonic() - ended
        wrong += [*self._wrong_files(landed), *self._wrong_rows(tag, landed)]
        if not refused:
            wrong.append("nothing was refused")
        return Recovery(name, len(landed), refused, len(self._messages()) - heard, round(recovered, 1), wrong)

    def _refuse(self, what: dict[str, Any], seconds: float, tag: str, landed: list[tuple[str, int, str]]) -> int:
        """Land files while it lasts. Returns how many calls were refused."""
        refused = 0
        for kind in ("error", "throttle"):
            faults(self._target, "POST", {"operation": "", "what": kind, "times": FOREVER} | what)
            until = time.monotonic() + seconds / 2
            while time.monotonic() < until:
                landed += self._land(tag, len(landed))
                self._sweep()
                time.sleep(min(LAND_SECONDS, max(0.1, until - time.monotonic())))
            refused += sum(fault["struck"] for fault in faults(self._target, "GET"))
        faults(self._target, "DELETE")
        return refused

    def _land(self, tag: str, number: int) -> list[tuple[str, int, str]]:
        """One file for each dataset: the dataset, the file's number and its id."""
        found = []
        for dataset in self._datasets:
            key = f"{dataset}/{tag}/{number}.csv"
            answer = self._target.client("s3").put_object(Bucket=self._bucket, Key=key, Body=content(tag, number))
            found.append((dataset, number, file_id_of(self._bucket, key, str(answer["VersionId"]))))
            number += 1
        return found

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            with contextlib.suppress(Exception):  # it may be Lambda that is out of order
                self._target.client("lambda").invoke(FunctionName=self._sweeper, InvocationType="Event", Payload=b"{}")
            self._swept = time.monotonic()

    def _settle(self, ended: float, before: dict[str, dict[str, int]]) -> list[str]:
        """Wait until nothing is on its way and nothing is left; returns what still is when patience ends."""
        while True:
            look = self._watch.look()
            left = [str(look.open)] if not look.quiet else []
            left += [line for name, was in before.items() for line in self._leftovers.of(name, was)] if not left else []
            if not left:
                return []
            if time.monotonic() - ended > PATIENCE:
                return [f"not at rest {PATIENCE} s after the end: {'; '.join(left)}"]
            self._sweep()
            time.sleep(0.25)

    def _wrong_files(self, landed: list[tuple[str, int, str]]) -> Iterator[str]:
        for _, _, file_id in landed:
            file = self._target.ledger.files.get(file_id)
            if file.status is not FileStatus.LOADED:
                yield f"{file.key} is {file.status}: {file.reason}"
            elif not file.rows.balanced or (file.rows.read, file.rows.loaded) != (ROWS + 1, ROWS):
                yield f"{file.key} has {file.rows}"

    def _wrong_rows(self, tag: str, landed: list[tuple[str, int, str]]) -> Iterator[str]:
        for dataset in self._datasets:
            text = f"SELECT meter, value FROM {self._target.contract(dataset).target} WHERE LOWER(meter) LIKE '{tag}-%'"
            rows = sorted((str(name), int(value)) for name, value in query(self._target, text).rows)
            numbers = [number for name, number, _ in landed if name == dataset]
            wanted = sorted((meter(tag, number, row), row) for number in numbers for row in range(ROWS))
            if dataset == "staged":  # its contract's transformation
                wanted = sorted((name.upper(), value * 10) for name, value in wanted)
            if rows != wanted:
                yield f"{dataset}: {len(rows)} rows instead of {len(wanted)}, or others"


class HostileBench:
    """How long a file whose function never ends keeps the next file of its dataset waiting.

    The fault is a call of S3 by the transform that takes longer than the function may: `seconds`, its time-out.
    """

    def __init__(self, target: Target, seconds: float) -> None:
        self._target = target
        self._seconds = seconds
        self._bucket = target.output("LandingBucket")

    def run(self) -> dict[str, Any]:
        """Land a hostile file with another beside it, one while it is transformed, one while it is tried again."""
        hang = {"service": "s3", "operation": "GET", "caller": "TransformFunction", "path": "/bulk/hostile.csv"}
        faults(self._target, "POST", hang | {"what": "hang", "times": FOREVER})
        beside, hostile = self._put("bulk/beside.csv", content("h", 0)), self._put("bulk/hostile.csv", content("h", 1))
        start = self._until_struck(1)
        after = self._put("bulk/next.csv", content("h", 2))
        waited = {"next": self._until(after, start), "beside": self._until(beside, start)}
        start = self._until_struck(2)
        again = self._put("bulk/again.csv", content("h", 3))
        waited["while_tried_again"] = self._until(again, start)
        self._until(hostile, start)
        faults(self._target, "DELETE")
        others = self._target.ledger.files.get_all([beside, after, again])
        wrong = [f"{one.key} is {one.status}: {one.reason}" for one in others if one.status is not FileStatus.LOADED]
        longest = max(waited.values())
        if longest > 2 * self._seconds:
            wrong.append("a file waited for more than two time-outs")
        ended = self._target.ledger.files.get(hostile)
        return {
            "time_out_seconds": self._seconds,
            "waited_seconds": {name: round(seconds, 1) for name, seconds in waited.items()},
            "longest_in_time_outs": round(longest / self._seconds, 2),
            "hostile_file": f"{ended.status}: {ended.reason}",
            "wrong": wrong,
        }

    def _until_struck(self, times: int) -> float:
        """When the fault has struck so often; now, when there is no more patience."""
        begun = time.monotonic()
        while faults(self._target, "GET")[0]["struck"] < times and time.monotonic() - begun < PATIENCE:
            time.sleep(0.05)
        return time.monotonic()

    def _put(self, key: str, body: bytes) -> str:
        answer = self._target.client("s3").put_object(Bucket=self._bucket, Key=key, Body=body)
        return file_id_of(self._bucket, key, str(answer["VersionId"]))

    def _until(self, file_id: str, start: float) -> float:
        """Seconds until a file is loaded or failed; as many as there is patience for."""
        while time.monotonic() - start < PATIENCE:
            known = self._target.ledger.files.known([file_id]).get(file_id)
            if known and known.status in {FileStatus.LOADED, FileStatus.FAILED, FileStatus.HELD}:
                break
            time.sleep(0.1)
        return time.monotonic() - start


def faults(target: Target, method: str, *wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask the laptop for faults, or about them; those that it has now."""
    request = urllib.request.Request(target.page("faults"), json.dumps(wanted).encode(), method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return list(json.load(answer)["faults"])


def function_named(target: Target, logical: str) -> str:
    """The name of the stack's function with this logical id."""
    pages = target.client("lambda").get_paginator("list_functions").paginate()
    return next(str(f["FunctionName"]) for page in pages for f in page["Functions"] if logical in f["FunctionName"])


@contextlib.contextmanager
def quickly_redelivered(target: Target) -> Iterator[None]:
    """An event that could not be recorded comes back soon."""
    queues, url = target.client("sqs"), target.output("IntakeQueueUrl")
    before = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
    try:
        yield
    finally:
        queues.set_queue_attributes(QueueUrl=url, Attributes=before)
