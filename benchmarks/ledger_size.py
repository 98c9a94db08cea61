"""`make bench-ledger`: what commands cost over a ledger of a million files in 200 datasets: time, memory, read units.

The ledger is made of the deployed code's own items, one by one when they are read, in a DynamoDB of this process that
knows queries and reads and counts their units; it adds no time of a network. Each command is a process of its own,
whose memory is counted from before the command. The first line of each is over counters, the second over a ledger that
has none yet, as before.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.adapters.ledger import DynamoLedger
from headrace.adapters.ledger.items import file_item
from headrace.adapters.table import to_item
from headrace.domain.clock import written
from headrace.domain.ingest.counts import counts_of
from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts
from headrace_cli.main import run
from tests.support.fakes import contract, file
from tests.support.item_size import size_of
from tests.unit.cli.stack import FakeStack

FILES, DATASETS, DAYS = 1_000_000, 200, 100
PAGE = 1 << 20
COMMANDS = (("status",), ("held",), ("files", "--failed"), ("files", "dataset_007", "--held"))
REACH = {"seconds": 2.0, "MB": 150, "read units": 250}
TODAY = datetime.now(UTC)
Item = dict[str, Any]


def dataset_name(number: int) -> str:
    """Of a dataset."""
    return f"dataset_{number:03}"


class Ledger:
    """A client of DynamoDB over a ledger that is made up as it is read; `units` counts read units."""

    def __init__(self, files: int, *, counted: bool) -> None:
        self._each = files // DATASETS
        self._counted = counted
        self.units = 0.0

    def file(self, dataset: int, number: int) -> FileRecord:
        """One of a dataset's files, which arrive evenly; one in a thousand has failed."""
        at = TODAY - timedelta(days=DAYS) + number * timedelta(days=DAYS) / self._each
        known = file(f"{number:08}.csv", file_id=f"{dataset:08x}{number:016x}", arrived_at=written(at))
        known = replace(known, dataset=dataset_name(dataset), batch=f"{dataset_name(dataset)}-{number // 17}")
        if number % 1000 == 0:
            return replace(known, status=FileStatus.FAILED, reason="empty")
        return replace(
            known, status=FileStatus.LOADED, rows=RowCounts(100, 99, 0, 1), sha256="f" * 64, seen_at=written(at)
        )

    def get_paginator(self, _: str) -> Ledger:
        """Of queries, the only ones that are asked for."""
        return self

    def paginate(self, **request: Any) -> Iterator[Item]:
        """The pages of a query, each of a megabyte at most."""
        for page in _pages(self._found(request)):
            self.units += math.ceil(max(1, sum(map(size_of, page))) / 4096) / (
                1 if request.get("ConsistentRead") else 2
            )
            yield {"Items": [] if request.get("Select") == "COUNT" else page, "Count": len(page)}

    def query(self, **request: Any) -> Item:
        """Its first page."""
        return next(self.paginate(**request))

    def _found(self, request: Item) -> Iterable[Item]:
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items() if "S" in value}
        if "IndexName" in request:
            return self._index(values[":dataset"], values[":since"], values.get(":until", "~"))
        if values[":pk"] == "COUNTS" and self._counted:
            return map(self._totals, range(DATASETS))
        if values[":pk"].startswith("COUNTS#dataset_") and self._counted:
            return self._days(int(values[":pk"][-3:]), values[":since"])
        return ()

    def _days(self, dataset: int, since: str) -> Iterator[Item]:
        days: dict[str, Counter[str]] = {}
        for number in range(self._each):
            known = self.file(dataset, number)
            days.setdefault(known.arrived_at[:10], Counter()).update(counts_of(known))
        for day, numbers in days.items():
            if day >= since:
                yield to_item({"pk": f"COUNTS#{dataset_name(dataset)}", "sk": f"{day}#00"} | numbers)

    def _index(self, name: str, since: str, until: str) -> Iterator[Item]:
        for number in range(self._each if name.startswith("dataset_") else 0):
            known = self.file(int(name[-3:]), number)
            if since <= known.arrived_at <= until:
                sk, key = "#".join(known.order), f"KEY#{known.bucket}/{known.key}"
                entry = {"file_id": known.file_id, "arrived_at": known.arrived_at, "dataset_files": name}
                yield to_item({"pk": key, "sk": sk} | entry)

    def _totals(self, dataset: int) -> Item:
        kinds = (self.file(dataset, 0), self.file(dataset, 1))
        failed = math.ceil(self._each / 1000)
        numbers = Counter[str]()
        for known, times in zip(kinds, (failed, self._each - failed), strict=True):
            numbers.update({name: number * times for name, number in counts_of(known).items()})
        at = written(TODAY)
        return to_item({"pk": "COUNTS", "sk": f"{dataset_name(dataset)}#00", "whole": True, "changed_at": at} | numbers)

    def batch_get_item(self, RequestItems: Item) -> Item:  # noqa: N803 - boto3's name
        """The items of keys, of which some may not be there."""
        ((table, asked),) = RequestItems.items()
        items = [self._item(key["pk"]["S"]) for key in asked["Keys"]]
        for item in items:
            self.units += math.ceil(max(1, size_of(item)) / 4096) / (1 if asked["ConsistentRead"] else 2)
        return {"Responses": {table: [item for item in items if item]}}

    def get_item(self, Key: Item, **_: Any) -> Item:  # noqa: N803 - boto3's name
        """One item."""
        self.units += 1
        return {"Item": self._item(Key["pk"]["S"])}

    def _item(self, pk: str) -> Item:
        if pk.startswith("FILE#"):
            known = self.file(int(pk[5:13], 16), int(pk[13:], 16))
            return to_item({"pk": pk, "sk": "FILE"} | file_item(known))
        if pk.startswith("LANE#") and pk.endswith("#live"):
            return to_item({"pk": pk, "sk": "STATE", "generation": self._each // 17, "loaded_at": written(TODAY)})
        return {}


def _pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    page, size, empty = list[Item](), 0, True
    for item in items:
        page.append(item)
        size += size_of(item)
        if size >= PAGE:
            yield page
            page, size, empty = [], 0, False
    if page or empty:
        yield page


def measure(command: tuple[str, ...], files: int, *, counted: bool) -> dict[str, float]:
    """Run a command in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (command, files, counted))


def _measured(command: tuple[str, ...], files: int, counted: bool) -> dict[str, float]:
    client, stack = Ledger(files, counted=counted), FakeStack()
    stack.deploy(*(contract(dataset_name(number)) for number in range(DATASETS)))
    target = stack.target
    target.ledger = DynamoLedger(client, "ledger")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = run([*command, "--json"], target)
    seconds = time.perf_counter() - began
    assert code == 0, said.getvalue()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "MB": memory - before, "read units": client.units}


def main() -> None:
    """Measure each command, with counters and without. Exits with 1 where `status` takes more than it may."""
    parser = argparse.ArgumentParser(prog="make bench-ledger", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    files = parser.parse_args().files
    print(f"{files:,} files in {DATASETS} datasets\n{'command':<24}" + "".join(f"{name:>14}" for name in REACH))
    over = False
    for command in COMMANDS:
        for counted in (True, False):
            found = measure(command, files, counted=counted)
            name = " ".join(command) + ("" if counted else ", before")
            print(f"{name:<24}{found['seconds']:>14.2f}{found['MB']:>14.0f}{found['read units']:>14,.1f}", flush=True)
            over |= counted and command == ("status",) and any(found[name] > REACH[name] for name in REACH)
    sys.exit(over)


if __name__ == "__main__":
    main()
