"""Where and how the laptop is broken: the named fault points of `chaos`, and faults composed from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace_local.known_faults import text_of

SDK_TRIES = 6
"""How often a function's own client tries a call: so many failures in a row reach the function."""

Fault = dict[str, Any]
CALLS: dict[str, list[tuple[str, str] | tuple[str, str, int]]] = {
    "StarterFunction": [
        ("dynamodb", "PutItem"), ("dynamodb", "PutItem", 2), ("dynamodb", "PutItem", 3), ("dynamodb", "GetItem"),
        ("states", "StartExecution"),
    ],
    "RecordBatchFunction": [
        ("dynamodb", "GetItem"), ("dynamodb", "Query"), ("dynamodb", "TransactWriteItems"),
        ("dynamodb", "BatchGetItem"), ("dynamodb", "TransactWriteItems", 2), ("s3", "PUT"), ("dynamodb", "PutItem"),
    ],
    "TransformFunction": [
        ("s3", "GET"), ("dynamodb", "BatchGetItem"), ("dynamodb", "PutItem"), ("s3", "PUT"),
    ],
    "PrepareLoadFunction": [("s3", "GET"), ("s3", "PUT"), ("dynamodb", "PutItem")],
    "RunStatementsFunction": [("redshift-data", "BatchExecuteStatement"), ("redshift-data", "DescribeStatement")],
    "RecordOutcomeFunction": [
        ("s3", "GET"), ("dynamodb", "BatchGetItem"), ("dynamodb", "TransactWriteItems"), ("dynamodb", "PutItem"),
        ("dynamodb", "UpdateItem"), ("dynamodb", "Query"), ("dynamodb", "PutItem", 2), ("dynamodb", "UpdateItem", 2),
    ],
    "HandOverFunction": [("dynamodb", "UpdateItem"), ("dynamodb", "GetItem")],
}  # fmt: skip
"""What a function asks of AWS on a file's way, in that order; with a number, the how manieth call of the operation."""
STAGED_SHARE = 0.25
"""How many of the composed runs go through a stage table."""
FAILURE_CALLS: list[tuple[str, str, str, int]] = [
    ("told", "dynamodb", "PutItem", 1),
    ("noted", "dynamodb", "UpdateItem", 1),
    ("condemned", "dynamodb", "UpdateItem", 5),
    ("tombstone", "redshift-data", "BatchExecuteStatement", 1),
    ("fate", "redshift-data", "ExecuteStatement", 1),
    ("set apart", "dynamodb", "TransactWriteItems", 1),
]
"""What recording a failure asks of AWS, down to the files of a batch that is given up."""
UNKNOWN_WORDS = "ERROR: a sentence that nobody has read yet"
WAREHOUSE_ERRORS = {
    "1023": "redshift-serializable",
    "deadlock": "redshift-deadlock",
    "conflict": "redshift-snapshot-conflict",
}
"""Entries of the catalogue of errors, whose text the warehouse answers with."""


@dataclass(frozen=True, slots=True)
class Point:
    """A named way to break things: faults for the laptop, or something that the bench does itself.

    A `staged` point is for a dataset that goes through a stage table, a `heavy` one for the Glue job.

    Faults composed by chance may wait for a call that never comes; a named point's must strike.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    deed: str = ""
    by_chance: bool = False
    staged: bool = False
    heavy: bool = False


def points() -> list[Point]:
    """Every point, in the order of a file's way."""
    found = [Point("nothing")]
    for function, calls in CALLS.items():
        for service, operation, *turn in calls:
            where = {"service": service, "operation": operation, "caller": function, "call": turn[0] if turn else 1}
            name = f"{function.removesuffix('Function')}: {service} {operation}" + "".join(f" {n}" for n in turn)
            for when in ("before", "after"):
                found.append(Point(f"{name}, killed {when}", ({**where, "what": "kill", "when": when},)))
                found.append(Point(f"{name}, 5xx {when}", ({**where, "when": when},)))
            found.append(Point(f"{name}, throttled", ({**where, "what": "throttle", "times": 2},)))
    found += [_unanswered("StarterFunction", "states", "StartExecution"), _unanswered("TransformFunction", "s3", "PUT")]
    found += [
        *_of_the_warehouse(),
        *_of_the_workflow(),
        *_of_failures(),
        *_stops(),
        *_restarts(),
        *_deeds(),
        *_unblocks(),
        *_pages(),
    ]
    return [*found, *_of_merges(), *_of_glue()]


def _unanswered(function: str, service: str, operation: str) -> Point:
    where = {"service": service, "operation": operation, "caller": function, "times": SDK_TRIES}
    return Point(f"{function.removesuffix('Function')}: {service} {operation}, down for {SDK_TRIES} calls", (where,))


def _of_the_warehouse() -> Iterator[Point]:
    load = {"service": "redshift-data", "operation": "BatchExecuteStatement", "caller": "RunStatementsFunction"}
    yield Point("load: submitted, the answer lost", ({**load, "when": "after"},))
    for name, entry in WAREHOUSE_ERRORS.items():
        refusal = {"what": "refuse", "text": text_of(entry), "times": 2}
        yield Point(f"load: refused, {name}", ({**load, **refusal},))
    ask = {"service": "redshift-data", "operation": "ExecuteStatement", "caller": "RecordOutcomeFunction"}
    yield Point("outcome: the warehouse answers 5xx", ({**ask, "times": SDK_TRIES},))


def _of_the_workflow() -> Iterator[Point]:
    """Calls that Step Functions itself makes."""
    for function in ("RecordBatch", "Transform", "PrepareLoad", "RunStatements", "RecordOutcome", "HandOver"):
        where = {"service": "lambda", "operation": "invoke", "path": function}
        yield Point(f"workflow: Lambda {function}, 5xx before", (where,))
        yield Point(f"workflow: Lambda {function}, the answer lost", ({**where, "when": "after"},))
        yield Point(f"workflow: Lambda {function}, throttled", ({**where, "what": "throttle", "times": 2},))
    for service, operation, name in (("sns", "publish", "SNS"), ("events", "putEvents", "EventBridge")):
        where = {"service": service, "operation": operation}
        yield Point(f"workflow: {name}, 5xx before", (where,))
        yield Point(f"workflow: {name}, the answer lost", ({**where, "when": "after"},))
        yield Point(f"workflow: {name}, throttled", ({**where, "what": "throttle", "times": 2},))


def _of_failures() -> Iterator[Point]:
    """What is broken while a failure is recorded: a load is refused until its batch is given up."""
    load = {"service": "redshift-data", "operation": "BatchExecuteStatement", "caller": "RunStatementsFunction"}
    refused = {**load, "what": "refuse", "text": UNKNOWN_WORDS, "times": 3}
    yield Point("failure: refused until the batch is given up", (refused,))
    yield Point("failure: refused until every part of it is kept", ({**refused, "times": 7},))
    for step, service, operation, call in FAILURE_CALLS:
        where = {"service": service, "operation": operation, "caller": "RecordFailureFunction", "call": call}
        for when in ("before", "after"):
            yield Point(f"failure: {step}, killed {when}", (refused, {**where, "what": "kill", "when": when}))
        yield Point(f"failure: {step}, down for {SDK_TRIES} calls", (refused, {**where, "times": SDK_TRIES}))
    task = {"service": "lambda", "operation": "invoke", "path": "RecordFailure"}
    yield Point("failure: Lambda, 5xx before", (refused, task))
    yield Point("failure: Lambda, the answer lost", (refused, {**task, "when": "after"}))
    turn = {"service": "dynamodb", "operation": "UpdateItem", "caller": "HandOverFunction", "what": "kill"}
    yield Point("failure: hand over killed before", (refused, turn))
    yield Point("failure: hand over killed after", (refused, {**turn, "when": "after"}))
    yield Point("failure: staged, refused until the merge is given up", ({**refused, "call": 2},), staged=True)


def _of_merges() -> Iterator[Point]:
    """A staged dataset's second load is its merge."""
    load = {"service": "redshift-data", "operation": "BatchExecuteStatement", "caller": "RunStatementsFunction"}
    yield Point("merge: nothing", staged=True)
    for call, what in ((1, "stage"), (2, "merge")):
        text = text_of(WAREHOUSE_ERRORS["1023"])
        yield Point(f"{what}: submitted, the answer lost", ({**load, "when": "after", "call": call},), staged=True)
        yield Point(f"{what}: refused, 1023", ({**load, "what": "refuse", "text": text, "call": call},), staged=True)
        yield Point(f"{what}: stopped before", ({**load, "what": "stop", "call": call},), staged=True)
        yield Point(f"{what}: stopped after", ({**load, "what": "stop", "when": "after", "call": call},), staged=True)
    outcome = {"service": "redshift-data", "operation": "ExecuteStatement", "caller": "RecordOutcomeFunction"}
    for call, what in ((1, "stage"), (2, "merge")):
        yield Point(f"{what}: outcome killed", ({**outcome, "what": "kill", "call": call},), staged=True)
    write = {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "RecordOutcomeFunction"}
    yield Point("stage: outcome killed while it stages", ({**write, "what": "kill", "when": "after"},), staged=True)


def _of_glue() -> Iterator[Point]:
    """Files for the Glue job: starts and answers that are lost, runs that are killed and stopped."""
    yield Point("glue: nothing", heavy=True)
    for operation, what in (("startJobRun", "start"), ("startJobRun.sync", "run")):
        where = {"service": "glue", "operation": operation}
        yield Point(f"glue: {what}, 5xx before", (where,), heavy=True)
        yield Point(f"glue: {what}, the answer lost", ({**where, "when": "after"},), heavy=True)
    job = {"caller": "TransformJobRole"}
    result = {**job, "service": "s3", "operation": "PUT", "path": "/results/"}
    for when in ("before", "after"):
        yield Point(
            f"glue: the driver killed {when} its result", ({**result, "what": "kill", "when": when},), heavy=True
        )
    yield Point(
        f"glue: S3 down for {SDK_TRIES} calls of its", ({**result, "path": "", "times": SDK_TRIES},), heavy=True
    )
    note = {**job, "service": "dynamodb", "operation": "PutItem"}
    yield Point(
        "glue: the execution stopped while its run works", ({**note, "what": "stop", "when": "after"},), heavy=True
    )
    yield Point("glue: a run stopped by hand", deed="run stopped", heavy=True)
    yield Point("glue: an executor killed", deed="executor killed", heavy=True)


def _unblocks() -> Iterator[Point]:
    """Executions are stopped, and a person unblocks the batch at once, beside all that recovers by itself."""
    for caller, service, operation in (
        ("RecordBatchFunction", "dynamodb", "TransactWriteItems"),
        ("TransformFunction", "s3", "PUT"),
        ("RunStatementsFunction", "redshift-data", "BatchExecuteStatement"),
        ("RecordOutcomeFunction", "dynamodb", "UpdateItem"),
    ):
        where = {"service": service, "operation": operation, "caller": caller, "what": "stop"}
        for when in ("before", "after"):
            name = f"unblocked: stopped in {caller.removesuffix('Function')}, {when} {operation}"
            yield Point(name, ({**where, "when": when},), deed="unblocked")


def _pages() -> Iterator[Point]:
    """Earlier versions lose their rows, a page for each file: the bench's laptop has pages of one."""
    ask = {"service": "redshift-data", "operation": "ExecuteStatement", "caller": "RecordOutcomeFunction"}
    yield Point("pages: nothing", deed="replaced")
    for page in (1, 2, 3):
        yield Point(f"pages: killed at page {page}", ({**ask, "what": "kill", "call": page + 1},), deed="replaced")
    write = {"service": "dynamodb", "operation": "UpdateItem", "caller": "RecordOutcomeFunction"}
    for when in ("before", "after"):
        yield Point(f"pages: the note killed {when}", ({**write, "what": "kill", "when": when},), deed="replaced")


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
    yield Point("the stack redeployed in mid-load", deed="deployed")


def composed(seed: int) -> Point:
    """Two or three faults at once, chosen by a seed, at calls chosen by it as well."""
    chance = random.Random(seed)
    chosen = chance.sample(
        [point for point in points() if point.faults and not point.deed and not point.heavy], chance.choice((2, 3))
    )
    faults = tuple({**fault, "call": chance.randint(1, 3)} for point in chosen for fault in point.faults)
    name = f"seed {seed}: " + " + ".join(point.name for point in chosen)
    return Point(name, faults, by_chance=True, staged=chance.random() < STAGED_SHARE)
