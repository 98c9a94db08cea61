"""Break the laptop at named points while files load, and compare the warehouse with what it would be unbroken.

    python -m benchmarks.chaos                   every point
    python -m benchmarks.chaos --seeds 300       faults composed from seeds 1 to 300
    python -m benchmarks.chaos --seed 7          one of them again
    python -m benchmarks.chaos --seeds 300 --journal seeds.jsonl     goes on where the journal ends

Two of the stack's clocks are turned on so that a run takes minutes, not hours: a message that was not handled comes
back after 5 seconds instead of 360, and the sweeper runs every 4 seconds instead of every 5 minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headrace.domain.ledger import FileStatus
from headrace.usecases.reconcile import reconcile
from headrace_cli.landing import file_id_of
from headrace_cli.target import Choice, Target, target_for
from headrace_cli.warehouse import query
from headrace_cli.watch import Watch
from tests.e2e.conftest import Laptop, copy_checkout

FILES, ROWS = 3, 10
PATIENCE = 150
SWEEP_SECONDS = 4
VISIBILITY_SECONDS = "5"
SDK_TRIES = 6
"""How often a function's own client tries a call: so many failures in a row reach the function."""

Fault = dict[str, Any]
CALLS = {
    "StarterFunction": [
        ("dynamodb", "TransactWriteItems"), ("dynamodb", "PutItem"), ("dynamodb", "GetItem"),
        ("states", "StartExecution"),
    ],
    "RecordBatchFunction": [
        ("dynamodb", "GetItem"), ("dynamodb", "Query"), ("dynamodb", "TransactWriteItems"), ("dynamodb", "UpdateItem"),
        ("dynamodb", "DeleteItem"), ("s3", "PUT"), ("dynamodb", "PutItem"),
    ],
    "TransformFunction": [
        ("s3", "GET"), ("dynamodb", "GetItem"), ("dynamodb", "PutItem"), ("s3", "PUT"),
    ],
    "PrepareLoadFunction": [("s3", "GET"), ("s3", "PUT"), ("dynamodb", "PutItem")],
    "RecordOutcomeFunction": [("s3", "GET"), ("dynamodb", "UpdateItem"), ("dynamodb", "PutItem")],
    "HandOverFunction": [("dynamodb", "UpdateItem"), ("dynamodb", "GetItem")],
}  # fmt: skip
STAGED_SHARE = 0.25
"""How many of the composed runs go through a stage table."""
WAREHOUSE_WORDS = {
    "1023": "ERROR: 1023 DETAIL: Serializable isolation violation on table",
    "deadlock": "ERROR: deadlock detected",
    "conflict": "ERROR: could not complete because of conflict with concurrent transaction",
}


@dataclass(frozen=True, slots=True)
class Point:
    """A named way to break things: faults for the laptop, or something that the bench does itself.

    A `staged` point is for a dataset that goes through a stage table.

    Faults composed by chance may wait for a call that never comes; a named point's must strike.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    deed: str = ""
    by_chance: bool = False
    staged: bool = False


@dataclass(slots=True)
class Result:
    """What came of one point. `wrong` says in words what is not as it must be."""

    name: str
    injected: int
    seconds: float
    wrong: list[str] = field(default_factory=list)


def points() -> list[Point]:
    """Every point, in the order of a file's way."""
    found = [Point("nothing")]
    for function, calls in CALLS.items():
        for service, operation in calls:
            where = {"service": service, "operation": operation, "caller": function}
            name = f"{function.removesuffix('Function')}: {service} {operation}"
            for when in ("before", "after"):
                found.append(Point(f"{name}, killed {when}", ({**where, "what": "kill", "when": when},)))
                found.append(Point(f"{name}, 5xx {when}", ({**where, "when": when},)))
            found.append(Point(f"{name}, throttled", ({**where, "what": "throttle", "times": 2},)))
    found += [_unanswered("StarterFunction", "states", "StartExecution"), _unanswered("TransformFunction", "s3", "PUT")]
    found += [*_of_the_warehouse(), *_of_the_workflow(), *_stops(), *_restarts(), *_deeds()]
    return [*found, *_of_merges()]


def _unanswered(function: str, service: str, operation: str) -> Point:
    where = {"service": service, "operation": operation, "caller": function, "times": SDK_TRIES}
    return Point(f"{function.removesuffix('Function')}: {service} {operation}, down for {SDK_TRIES} calls", (where,))


def _of_the_warehouse() -> Iterator[Point]:
    load = {"service": "redshift-data", "operation": "BatchExecuteStatement"}
    yield Point("load: 5xx before it is submitted", (load,))
    yield Point("load: submitted, the answer lost", ({**load, "when": "after"},))
    yield Point("load: throttled", ({**load, "what": "throttle"},))
    for name, text in WAREHOUSE_WORDS.items():
        yield Point(f"load: refused, {name}", ({**load, "what": "refuse", "text": text, "times": 2},))
    look = {"service": "redshift-data", "operation": "DescribeStatement"}
    yield Point("look at the load: 5xx", (look,))
    yield Point("look at the load: throttled", ({**look, "what": "throttle"},))
    ask = {"service": "redshift-data", "operation": "ExecuteStatement", "caller": "RecordOutcomeFunction"}
    yield Point("outcome: the warehouse answers 5xx", ({**ask, "times": SDK_TRIES},))


def _of_the_workflow() -> Iterator[Point]:
    """Calls that Step Functions itself makes."""
    for function in ("RecordBatch", "Transform", "PrepareLoad", "RecordOutcome", "HandOver"):
        where = {"service": "lambda", "operation": "invoke", "path": function}
        yield Point(f"workflow: Lambda {function}, 5xx before", (where,))
        yield Point(f"workflow: Lambda {function}, the answer lost", ({**where, "when": "after"},))
        yield Point(f"workflow: Lambda {function}, throttled", ({**where, "what": "throttle", "times": 2},))
    for service, operation, name in (("sns", "publish", "SNS"), ("events", "putEvents", "EventBridge")):
        where = {"service": service, "operation": operation}
        yield Point(f"workflow: {name}, 5xx before", (where,))
        yield Point(f"workflow: {name}, the answer lost", ({**where, "when": "after"},))
        yield Point(f"workflow: {name}, throttled", ({**where, "what": "throttle", "times": 2},))


def _of_merges() -> Iterator[Point]:
    """A staged dataset's second load is its merge."""
    load = {"service": "redshift-data", "operation": "BatchExecuteStatement", "caller": "IngestStateMachine"}
    yield Point("merge: nothing", staged=True)
    for call, what in ((1, "stage"), (2, "merge")):
        text = WAREHOUSE_WORDS["1023"]
        yield Point(f"{what}: submitted, the answer lost", ({**load, "when": "after", "call": call},), staged=True)
        yield Point(f"{what}: refused, 1023", ({**load, "what": "refuse", "text": text, "call": call},), staged=True)
        yield Point(f"{what}: stopped before", ({**load, "what": "stop", "call": call},), staged=True)
        yield Point(f"{what}: stopped after", ({**load, "what": "stop", "when": "after", "call": call},), staged=True)
    outcome = {"service": "redshift-data", "operation": "ExecuteStatement", "caller": "RecordOutcomeFunction"}
    for call, what in ((1, "stage"), (2, "merge")):
        yield Point(f"{what}: outcome killed", ({**outcome, "what": "kill", "call": call},), staged=True)
    write = {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "RecordOutcomeFunction"}
    yield Point("stage: outcome killed while it stages", ({**write, "what": "kill", "when": "after"},), staged=True)


def _restarts() -> Iterator[Point]:
    """All functions' processes end at once."""
    for state, caller, operation in (
        ("Record the batch", "RecordBatchFunction", "TransactWriteItems"),
        ("Record the outcome", "RecordOutcomeFunction", "UpdateItem"),
        ("Hand over", "HandOverFunction", "UpdateItem"),
    ):
        where = {"service": "dynamodb", "operation": operation, "caller": caller, "what": "restart", "when": "after"}
        yield Point(f"all functions restarted in {state}", (where,))


def _stops() -> Iterator[Point]:
    places = {
        "Record the batch": ("RecordBatchFunction", "dynamodb", "TransactWriteItems"),
        "Transform each unit": ("TransformFunction", "s3", "PUT"),
        "Prepare the load": ("PrepareLoadFunction", "s3", "PUT"),
        "COPY and MERGE": ("", "redshift-data", "BatchExecuteStatement"),
        "Look at the load": ("", "redshift-data", "DescribeStatement"),
        "Record the outcome": ("RecordOutcomeFunction", "dynamodb", "UpdateItem"),
        "Hand over": ("HandOverFunction", "dynamodb", "UpdateItem"),
    }
    for state, (caller, service, operation) in places.items():
        for when in ("before", "after"):
            where = {"service": service, "operation": operation, "caller": caller, "what": "stop", "when": when}
            yield Point(f"execution stopped in {state}, {when} its effect", (where,))


def _deeds() -> Iterator[Point]:
    yield Point("Slack answers 5xx", ({"service": "slack", "operation": "POST"},))
    yield Point("every event three times, out of order", deed="thrice")
    yield Point("each object overwritten at once", deed="overwritten")
    reading = {"service": "s3", "operation": "GET", "caller": "TransformFunction", "what": "delay", "times": 2}
    yield Point("objects overwritten while they are read", (reading,), deed="overwritten while read")
    yield Point("the stack deployed anew in mid-load", deed="deployed")


class Bench:
    """Breaks one laptop, over and over, while files of one dataset load.

    The contracts are those of `tests/e2e`: one that is loaded directly, one that is `staged`. `deploy` deploys anew.
    """

    def __init__(
        self, target: Target, dataset: str, staged: str = "", deploy: Callable[[], None] | None = None
    ) -> None:
        self._target = target
        self._datasets = {False: dataset, True: staged}
        self._dataset = dataset
        self._deploy = deploy
        self._watch = Watch(target)
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
        self._dataset = self._datasets[point.staged]
        self._faults("POST", list(point.faults))
        start = time.monotonic()
        landed = self._land(tag, point.deed)
        quiet = self._settle(start)
        seconds = time.monotonic() - start
        injected = sum(fault["struck"] for fault in self._faults("GET")["faults"]) or int(bool(point.deed))
        self._faults("DELETE")
        wrong = [] if quiet else [f"not at rest after {PATIENCE} s: {self._watch.look().open}"]
        wrong += list(self._wrong_rows(tag)) + list(self._wrong_files(landed))
        if point.faults and not injected and not point.by_chance:
            wrong.append("the fault never struck")
        return Result(point.name, injected, seconds, wrong)

    def differences(self) -> list[str]:
        """What the reconciliation finds after all of it."""
        datasets = [dataset for dataset in self._datasets.values() if dataset]
        return [item.what for item in reconcile(datasets, self._target.landing, self._target.services).differences]

    def _land(self, tag: str, deed: str) -> list[str]:
        bodies = {f"{self._dataset}/{tag}/{file}.csv": content(tag, file) for file in range(FILES)}
        if deed == "overwritten":
            bodies |= {key: body for key, body in bodies.items() if self._put(key, b"meter,read_at,value\n" + bad())}
        if deed == "overwritten while read":
            bodies |= {key: body for key, body in bodies.items() if self._put(key, b"meter,read_at,value\n" + bad())}
            self._until_struck()
        versions = [(key, self._put(key, body), len(body)) for key, body in bodies.items()]
        if deed == "deployed" and self._deploy:
            self._deploy()
        if deed == "thrice":
            for key, version, size in [*reversed(versions), *versions]:
                self._tell(key, version, size)
        bucket = self._target.output("LandingBucket")
        return [file_id_of(bucket, key, version) for key, version, _ in versions]

    def _until_struck(self) -> None:
        deadline = time.monotonic() + PATIENCE
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

    def _settle(self, start: float) -> bool:
        swept = time.monotonic()
        while time.monotonic() - start < PATIENCE:
            if self._watch.look().quiet:
                return True
            if time.monotonic() - swept > SWEEP_SECONDS:
                self._target.client("lambda").invoke(FunctionName=self._sweeper, InvocationType="Event", Payload=b"{}")
                swept = time.monotonic()
            time.sleep(0.25)
        return False

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
            file = self._target.ledger.file(file_id)
            if file.status is not FileStatus.LOADED:
                yield f"{file.key} is {file.status}: {file.reason}"
            elif not file.rows.balanced or (file.rows.read, file.rows.loaded) != (ROWS + 1, ROWS):
                yield f"{file.key} has {file.rows}"

    def _faults(self, method: str, faults: list[Fault] | None = None) -> Any:
        url = f"{self._target.endpoint_url}/_headrace/faults"
        request = urllib.request.Request(url, json.dumps(faults or []).encode(), method=method)
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
    """A key of its own for each row of each run."""
    return f"{tag}-{file}-{row}"


def composed(seed: int) -> Point:
    """Two or three faults at once, chosen by a seed, at calls chosen by it as well."""
    chance = random.Random(seed)
    chosen = chance.sample([point for point in points() if point.faults and not point.deed], chance.choice((2, 3)))
    faults = tuple({**fault, "call": chance.randint(1, 3)} for point in chosen for fault in point.faults)
    name = f"seed {seed}: " + " + ".join(point.name for point in chosen)
    return Point(name, faults, by_chance=True, staged=chance.random() < STAGED_SHARE)


def show(result: Result) -> None:
    """A line of the table."""
    verdict = "right" if not result.wrong else "WRONG: " + "; ".join(result.wrong)
    print(f"{result.name:<72} {result.injected:>3} {result.seconds:>6.1f} s  {verdict}", flush=True)


def main() -> int:
    """Run on a laptop of its own. Returns 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Break the laptop at named points.")
    parser.add_argument("--only", default="", help="points whose name holds this")
    parser.add_argument("--seeds", type=int, default=0, help="compose faults from so many seeds instead")
    parser.add_argument("--seed", type=int, help="compose faults from this seed")
    parser.add_argument("--journal", type=Path, help="JSON Lines of the results; what is in it is not run again")
    options = parser.parse_args()
    chosen = [point for point in points() if options.only in point.name]
    if options.seeds or options.seed is not None:
        chosen = [composed(n) for n in ([options.seed] if options.seed is not None else range(1, options.seeds + 1))]
    with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as folder:
        laptop = Laptop(copy_checkout(Path(folder) / "checkout"), Path(folder) / "home")
        try:
            started = laptop.run("up", "--json")
            if started.returncode:
                print(started.stdout + started.stderr)
                return 1
            target = target_for(Choice(endpoint_url=laptop.endpoint))
            return run_all(chosen, Bench(target, "bulk", "staged", lambda: deploy_anew(laptop)), options.journal)
        finally:
            laptop.run("down", "--json")


def deploy_anew(laptop: Laptop) -> None:
    """Deploy changed code: every function gets a new layer."""
    package = laptop.checkout / "layers" / "headrace" / "headrace" / "__init__.py"
    package.write_text(package.read_text() + "\n# deployed in the middle of a load\n")
    laptop.headrace("deploy")


def run_all(chosen: list[Point], bench: Bench, journal: Path | None = None) -> int:
    """The table, and the verdict on it. What the journal has is counted, and not run again."""
    print(f"{'fault point':<72} {'hit':>3} {'until right':>8}  final state")
    kept = journal.read_text().splitlines() if journal and journal.exists() else []
    results = [Result(**json.loads(line)) for line in kept]
    known = {result.name for result in results}
    with bench.hastened():
        for number, point in enumerate(point for point in chosen if point.name not in known):
            results.append(bench.run(point, f"c{number}"))
            show(results[-1])
            if journal:
                with journal.open("a") as file:
                    file.write(json.dumps(asdict(results[-1])) + "\n")
    differences = bench.differences()
    wrong = sum(bool(result.wrong) for result in results)
    slowest = max(result.seconds for result in results)
    print(
        f"{len(results)} points, {wrong} wrong, the slowest {slowest:.1f} s; {differences or 'no difference'} anywhere"
    )
    return int(bool(wrong or differences))


if __name__ == "__main__":
    sys.exit(main())
