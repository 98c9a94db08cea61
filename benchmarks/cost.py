"""What `headrace cost` says of a run, beside what the laptop counted of it by request.

    python -m benchmarks.cost                  1,000 files at 100 a minute, three datasets: about a quarter of an hour
    python -m benchmarks.cost --files 60       a quick look

Compared is what the files asked for: the sweeper's and the schedules' own requests belong to the stack, requests to
queues follow the laptop's own rhythm, and GB-seconds are in both the counted calls x the seconds that are assumed.
Printed, and stored in `benchmarks/results/cost`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.laptop import machine
from benchmarks.own_laptop import own_laptop, store, tell
from benchmarks.small import SMALL, Feeder, with_contracts
from headrace.domain.clock import now
from headrace_cli.commands.files.wait import wait_until_quiet
from headrace_cli.cost.account import seen_in, spent_since, transitions_of
from headrace_cli.cost.prices import USUAL, price_table, usd
from headrace_cli.cost.requests import Usage, counted, usage_of
from headrace_cli.output.console import show, table
from headrace_cli.output.formatting import moment
from headrace_cli.stack.target import Target, target_at
from headrace_cli.stack.watch import Watch

RESULTS = Path(__file__).parent / "results" / "cost"
RATE, FILES = 100, 1000
REACH_PERCENT = 5.0
FUNCTION = re.compile(r"[A-Z][A-Za-z]*Function")
STANDING = {"SweeperFunction", "OrderPollsFunction", "ReconcileFunction", "JudgeDayFunction", "RecoverFunction"}
"""Functions whose requests are the stack's own, with files or without."""
NOT_COMPARED = {"queue_request", "rpu_hour", "dpu_hour", "metric_month"}
PUTS = {"PUT", "POST", "LIST", "PutObject", "ListObjectsV2"}
FREE = {"DELETE", "DeleteObject"}
LATE_SECONDS = 10
"""The lake's tables follow a load by so much."""


def main() -> int:
    """Print and store both. Returns 1 when they differ by more than is to be reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=FILES)
    asked = parser.parse_args()
    with own_laptop("cost", "LongestWait=3600", with_contracts) as laptop:
        target = target_at(laptop.home)
        result = measured(target, laptop.page("requests"), asked.files)
    print_comparison(result)
    print(f"\nStored in {store(machine() | {'files': asked.files} | result, RESULTS, str(asked.files))}")
    return int(abs(result["percent"]) > REACH_PERCENT)


def measured(target: Target, page: str, files: int) -> dict[str, Any]:
    """Land files at a steady rate, wait until all is loaded, and compare."""
    feeder, begun = Feeder(target), now()
    turns = count()
    ask(page, "POST")
    tell(f"{files:,} files at {RATE} a minute")
    feeder.feed(SMALL, RATE, lambda: next(turns) >= files)
    last = wait_until_quiet(Watch(target), 1200, lambda _look: None)
    if not last.quiet:
        raise SystemExit(f"not all was loaded: {last.sentence}")
    time.sleep(LATE_SECONDS)
    return compared(target, begun, ask(page, "GET"), files)


def ask(page: str, method: str) -> list[dict[str, Any]]:
    """What the laptop has counted. POST begins anew, DELETE ends it."""
    data = b"{}" if method == "POST" else None
    with urlopen(Request(page, data=data, method=method)) as answer:
        found: list[dict[str, Any]] = json.load(answer)["requests"]
    return found


def compared(target: Target, since: str, requests: Iterable[Mapping[str, Any]], files: int) -> dict[str, Any]:
    """`{"meters": {meter: {"counted", "said"}}, "counted_usd", "said_usd", "percent"}` for what came since a time."""
    spent = spent_since(target, since)
    said = Counter[str]()
    for each in spent:
        said.update(each.usage())
    said.subtract(usage_of(megabyte=sum(each.megabytes for each in spent)))  # time, not requests
    found = counted_usage(requests, files) | {"transition": _transitions(target, since)}
    meters = [meter for meter in price_table() if meter not in NOT_COMPARED and (found.get(meter) or said[meter])]
    costs = [usd({meter: usage.get(meter, 0.0) for meter in meters}, USUAL) for usage in (found, said)]
    return {
        "loads": sum(each.loads for each in spent),
        "meters": {meter: {"counted": found.get(meter, 0.0), "said": said[meter]} for meter in meters},
        "counted_usd": costs[0],
        "said_usd": costs[1],
        "percent": 100 * (costs[1] / costs[0] - 1),
    }


def counted_usage(requests: Iterable[Mapping[str, Any]], files: int) -> Usage:
    """The laptop's counts by meter, with what the producers did: an object and an event for each file."""
    usage = Counter[str]({"put": files, "event": files})
    memory, seconds = counted()["memory_mb"], counted()["seconds"]
    for item in requests:
        service, what, number = item["service"], item["what"], item["number"]
        function = (FUNCTION.search(item["caller"]) or [""])[0]
        if function in STANDING:
            continue
        if (service, what) == ("lambda", "run"):
            usage["call"] += number
            usage["gb_second"] += number * memory.get(function, 512) / 1024 * seconds.get(function, 0.0)
        elif meter := meter_of(service, what):
            usage[meter] += number
    return dict(usage)


def meter_of(service: str, what: str) -> str:
    """The meter that a request moves, empty for one that is free or counted otherwise."""
    if service == "s3":
        return "" if what in FREE else "put" if what in PUTS else "get"
    if service == "dynamodb":
        return {"write units": "write_unit", "read units": "read_unit"}.get(what, "")
    return {"events": "event", "sns": "notice", "glue": "catalog_request"}.get(service, "")


def _transitions(target: Target, since: str) -> float:
    """Those of all executions that began since then, by their histories."""
    client, machine_arn = target.client("stepfunctions"), target.output("IngestStateMachineArn")
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine_arn)
    total = 0.0
    for execution in (item for page in pages for item in page["executions"]):
        if execution["startDate"].timestamp() >= moment(since).timestamp():
            total += transitions_of(seen_in(client, execution["executionArn"]), _units(target, execution["name"]))
    return total


def _units(target: Target, name: str) -> int:
    try:
        return target.ledger.batches.get(name).units
    except KeyError:  # it had nothing to do
        return 0


def print_comparison(result: Mapping[str, Any]) -> None:
    """A line for each meter, and the sums."""
    headers = ("what", "counted", "headrace cost", "%")
    rows = [
        (price_table()[meter].what, f"{item['counted']:,.1f}", f"{item['said']:,.1f}", _percent(**item))
        for meter, item in result["meters"].items()
    ]
    rows.append(("USD", f"{result['counted_usd']:.4f}", f"{result['said_usd']:.4f}", f"{result['percent']:+.1f}"))
    show(table(headers, rows, numbers=headers[1:]))


def _percent(counted: float, said: float) -> str:
    return f"{100 * (said / counted - 1):+.1f}" if counted else ""


if __name__ == "__main__":
    sys.exit(main())
