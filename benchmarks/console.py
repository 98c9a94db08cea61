"""The console in front of a ledger of 50 datasets and 100,000 files: what a person waits for, and what it keeps.

An emulated AWS with nothing but the ledger's table and the list of contracts stands behind it; the console runs in a
process of its own, and the browser is Chromium. `status` is the command's own collect() against the same ledger.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import psutil
from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as NotSeenError

from headrace.adapters.ledger.items import file_item
from headrace.adapters.table import to_item
from headrace.domain.clock import written
from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts
from headrace_cli.commands.look import status
from headrace_cli.console.server import serve
from headrace_cli.stack.choice import STACK
from headrace_cli.stack.target import CONTRACTS_KEY, EXPORTS_KEY, target_at
from headrace_local import laptop
from tests.support.browser import chromium
from tests.support.fakes import contract, file
from tests.support.metered import TABLE, create_table

BUCKETS = {"LandingBucket": "landing", "LakeBucket": "lake"}
OUTPUTS = BUCKETS | {
    "LedgerTable": TABLE,
    "IngestStateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:ingest",
    "ExportTimeZone": "UTC",
}
AT_ONCE = 25
MOST_WAITED = 60
"""Seconds for an event to be seen."""
FATES = [FileStatus.LOADED] * 90 + [FileStatus.DUPLICATE] * 8 + [FileStatus.FAILED, FileStatus.HELD]
PATHS = ("", "files?match={number}", "files?dataset={dataset}&show=failed", "file/{file_id}", "files?page=3",
         "quarantine?dataset={dataset}", "held", "contracts", "contract/{dataset}", "executions")  # fmt: skip


def main() -> None:
    """Fill a ledger, open the console, and print what was measured."""
    parser = argparse.ArgumentParser(prog="make bench-console", description=__doc__)
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--clicks", type=int, default=1_500, help="a day: one every twenty seconds")
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.home:
        serve(target_at(arguments.home), 0, lambda address: print(address, flush=True))
        return
    with TemporaryDirectory(prefix="headrace-console-") as folder:
        home = Path(folder) / "home"
        state = laptop.up(home)
        try:
            clients = {
                name: boto3.client(name, **state.client_arguments()) for name in ("cloudformation", "dynamodb", "s3")
            }
            filled(clients, arguments.datasets, arguments.files)
            measure(home, clients["dynamodb"], arguments)
        finally:
            laptop.down(home)


def filled(clients: dict[str, Any], datasets: int, files: int) -> None:
    """A ledger and a lake as a stack of so many datasets has them."""
    create_table(clients["dynamodb"])
    outputs = {name: {"Value": value} for name, value in OUTPUTS.items()}
    template = {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}, "Outputs": outputs}
    clients["cloudformation"].create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    for bucket in BUCKETS.values():
        clients["s3"].create_bucket(Bucket=bucket)
    listed = [replace(contract(name), freshness_seconds=600).to_json() for name in names(datasets)]
    clients["s3"].put_object(Bucket="lake", Key=CONTRACTS_KEY, Body=json.dumps(listed).encode())
    clients["s3"].put_object(Bucket="lake", Key=EXPORTS_KEY, Body=b"[]")
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda items: put(clients["dynamodb"], items), chunks(records(datasets, files))))
    print(f"{files:,} files of {datasets} datasets written in {time.perf_counter() - began:.0f} s", flush=True)


def names(datasets: int) -> list[str]:
    """The datasets."""
    return [f"feed_{number:03}" for number in range(datasets)]


def records(datasets: int, files: int) -> Iterator[FileRecord]:
    """Files of three months, nearly all loaded."""
    now, chosen = datetime.now(UTC), random.Random(7)
    for number in range(files):
        dataset, came = f"feed_{number % datasets:03}", now - timedelta(minutes=130_000 * (files - number) / files)
        fate = chosen.choice(FATES)
        yield file(
            f"{number}", file_id=f"{number:024x}", dataset=dataset, key=f"{dataset}/2026/part-{number:09}.csv.gz",
            arrived_at=written(came), updated_at=written(came + timedelta(seconds=chosen.randrange(20, 90))),
            status=fate, sha256=f"{number:064x}", contract_version="1.0.0",
            rows=RowCounts(1000, 990, 4, 6), reason="the header lacks a column" if fate is FileStatus.FAILED else None,
        )  # fmt: skip


def chunks(files: Iterator[FileRecord]) -> Iterator[list[FileRecord]]:
    """As many as one request takes."""
    chunk: list[FileRecord] = []
    for record in files:
        chunk.append(record)
        if len(chunk) == AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def put(dynamodb: Any, files: list[FileRecord]) -> None:
    """Write records as the ledger has them."""
    items = [
        to_item(file_item(record) | {"pk": f"FILE#{record.file_id}", "sk": "FILE", "dataset_files": record.dataset})
        for record in files
    ]
    dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in items]})


def measure(home: Path, dynamodb: Any, arguments: argparse.Namespace) -> None:
    """Open the console and print each figure as it is known."""
    command = [sys.executable, "-m", "benchmarks.console", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, sync_playwright() as play:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            page = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]).new_page()
            page.goto(address)
            root = page.url.rstrip("/")
            say("first paint while the ledger is read", painted(page, f"{root}/"), "s")
            began = time.perf_counter()
            page.wait_for_selector("#needs li", timeout=600_000)
            say("whole ledger read", time.perf_counter() - began, "s")
            overview = measure_pages(page, root)
            measure_day(page, root, process.pid, arguments)
            measure_event(page, root, dynamodb)
            measure_status(home, arguments.datasets, overview)
        finally:
            process.terminate()


def measure_pages(page: Page, root: str) -> float:
    """The overview and the search, in the browser. Returns the overview's first paint."""
    overview = statistics.median(painted(page, f"{root}/") for _ in range(7))
    say("overview: first paint, median of 7", overview, "s")
    searches = [painted(page, f"{root}/files?match=part-{number * 9_001:09}") for number in range(7)]
    say("file search: first paint, median of 7", statistics.median(searches), "s")
    return overview


def measure_status(home: Path, datasets: int, overview: float) -> None:
    """The command's own answer, from the ledger."""
    began = time.perf_counter()
    counted = status.collect(target_at(home))
    taken = time.perf_counter() - began
    assert len(counted["datasets"]) == datasets
    say("headrace status: collect()", taken, f"s, {taken / overview:.0f} times the overview's first paint")


def painted(page: Page, url: str) -> float:
    """Seconds until the browser shows the page's first content."""
    page.goto(url)
    script = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    page.wait_for_function(script)
    return float(page.evaluate(script)) / 1000


def measure_event(page: Page, root: str, dynamodb: Any) -> None:
    """From a write to the ledger to its sight on an open page, without a reload."""
    page.goto(f"{root}/files?dataset=feed_001&match=event")
    page.wait_for_timeout(1_000)
    seen = []
    for number in range(10):
        key = f"feed_001/event-{number}.csv"
        record = file(
            f"e{number}", file_id=f"e{number:023x}", dataset="feed_001", key=key, arrived_at=written(datetime.now(UTC))
        )
        began = time.perf_counter()
        put(dynamodb, [record])
        try:
            page.get_by_role("link", name=key).wait_for(timeout=MOST_WAITED * 1000)
        except NotSeenError:
            say("event to page: not seen within", MOST_WAITED, "s")
            return
        seen.append(time.perf_counter() - began)
    say("event to page, median / worst of 10", statistics.median(seen), f"/ {max(seen):.2f} s")


def measure_day(page: Page, root: str, pid: int, arguments: argparse.Namespace) -> None:
    """Memory of the server while somebody clicks through a day, with a page open that is kept current."""
    server, chosen, slowest = psutil.Process(pid), random.Random(11), 0.0
    known = [server.memory_info().rss]
    for click in range(arguments.clicks):
        number = chosen.randrange(arguments.files)
        values = {"number": number, "dataset": f"feed_{number % arguments.datasets:03}", "file_id": f"{number:024x}"}
        began = time.perf_counter()
        answer = page.request.get(f"{root}/{PATHS[click % len(PATHS)].format(**values)}")
        slowest = max(slowest, time.perf_counter() - began)
        assert answer.status == 200, (PATHS[click % len(PATHS)], answer.text())
        answer.dispose()
        if click % (arguments.clicks // 5) == 0:
            known.append(server.memory_info().rss)
    known.append(server.memory_info().rss)
    said = ", ".join(f"{size / 1e6:.0f}" for size in known)
    say(
        f"memory over {arguments.clicks} clicks: {said}",
        known[-1] / 1e6,
        f"MB at the end; the slowest click {slowest:.2f} s",
    )


def say(what: str, value: float, unit: str) -> None:
    """One figure."""
    print(f"{what:<60}{value:>9.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
