"""Several servers on a laptop of their own: one that hangs beside four, transfers that break, millions of events."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.ftp.polls import poll
from benchmarks.ftp.stage import Offered, contract, laptop, serving, target_of
from headrace.domain.source import Protocol
from headrace_cli.stack.target import Target

Row = dict[str, Any]
KINDS = (Protocol.FTP, Protocol.SFTP, Protocol.FTPS, Protocol.SFTP, Protocol.FTP)
NAMES = ("amber", "birch", "cedar", "delta", "ember")
FORMATS = {
    "as_csv": {"format": "csv"},
    "as_lines": {"format": "jsonl"},
    "as_pipes": {"format": "csv", "delimiter": "|"},
}
SPEAKS = {"amber": "as_csv", "birch": "as_lines", "cedar": "as_pipes", "delta": "as_csv", "ember": "as_lines"}
SUFFIXES = {"as_csv": "csv", "as_lines": "jsonl", "as_pipes": "txt"}
ROUND_SECONDS = 900
RUNS = 3
BREAKING = "5"


@contextmanager
def fleet(folder: Path, *, chance: str = "0", hanging: str = "") -> Iterator[tuple[Any, dict[str, Offered]]]:
    """Five servers in three formats, and the laptop that fetches from them."""
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(
                serving(name, kind, folder / name, "--chance", chance, "--hang", "login" if name == hanging else "")
            )
            for name, kind in zip(NAMES, KINDS, strict=True)
        }
        entries = {name: server.entry(f"*.{SUFFIXES[SPEAKS[name]]}", completeWhen="rename", timeoutSeconds=15)
                   for name, server in servers.items()}  # fmt: skip
        contracts = {
            dataset: contract(dataset, form, [entries[name] for name in NAMES if SPEAKS[name] == dataset])
            for dataset, form in FORMATS.items()
        }
        yield stack.enter_context(laptop(contracts, list(servers.values()))), servers


def one_hangs(folder: Path, files: int) -> list[Row]:
    """How long four servers take, polled alone and beside a fifth that hangs at its login."""
    with fleet(folder, hanging="ember") as (made, servers):
        target = target_of(made)
        fine = [name for name in NAMES if name != "ember"]
        poll(target, fine)  # functions are warm after this
        alone, beside = [], []
        for run in range(RUNS):
            offer_many(servers, fine, files, f"alone-{run}")
            alone.append(poll(target, fine))
            offer_many(servers, fine, files, f"beside-{run}")
            target.poll_orders.send("ember")
            beside.append(poll(target, fine))
        taken = sum(target.source_ledger.state(name).files_taken for name in fine)
    usual, hindered = statistics.median(alone), statistics.median(beside)
    return [
        {
            "part": f"one of five hangs, {files} files on each of the others",
            "alone s": round(usual, 2),
            "beside it s": round(hindered, 2),
            "more %": round(100 * (hindered / usual - 1), 1),
            "files taken": taken,
            "offered": 2 * RUNS * files * len(fine),
        }
    ]


def many_events(folder: Path, events: int) -> list[Row]:
    """Events in files of 1,000 to 100,000 from five servers, 5 of 100 transfers broken: each once in the warehouse."""
    with fleet(folder, chance=BREAKING) as (made, servers):
        target = target_of(made)
        sizes = file_sizes(events)
        written = write_events(servers, sizes)
        begun = datetime.now().astimezone()
        rounds = until_taken(target, len(sizes))
        waited = made.run("wait", "--timeout", "1500")
        assert waited.returncode == 0, waited.stdout
        return [accounted(target, made, written, begun, rounds, len(sizes))]


def until_taken(target: Target, files: int) -> int:
    """Poll all servers, round after round, until every file was taken. Returns the rounds."""
    for number in range(1, 6):
        poll(target, NAMES)
        if sum(target.source_ledger.state(name).files_taken for name in NAMES) >= files:
            return number
    return number


def accounted(target: Target, made: Any, written: dict[str, int], begun: datetime, rounds: int, files: int) -> Row:
    """What the servers had, what was taken, what the warehouse has, and how long the slowest file took."""
    loaded = [file for dataset in FORMATS for file in target.ledger.files.of_dataset(dataset)]
    slowest = max((datetime.fromisoformat(str(file.updated_at)) - begun).total_seconds() for file in loaded)
    counts = {
        dataset: json.loads(made.run("sql", query.format(dataset), "--json").stdout)["rows"][0]
        for dataset in FORMATS
        for query in ("SELECT COUNT(*), COUNT(DISTINCT event_id) FROM public.{}",)
    }
    taken = sum(target.source_ledger.state(name).files_taken for name in NAMES)
    return {
        "part": f"{sum(written.values()):,} events from five servers, {BREAKING} % of the transfers broken",
        "files": files,
        "taken without help": taken,
        "taken %": round(100 * taken / files, 2),
        "rounds": rounds,
        "written": written,
        "in the warehouse": {dataset: rows for dataset, (rows, _) in counts.items()},
        "each once": all(rows == keys == written[dataset] for dataset, (rows, keys) in counts.items()),
        "slowest file, from the poll to queryable s": round(slowest, 1),
        "and with the longest wait for a round min": round((slowest + rounds * ROUND_SECONDS) / 60, 1),
    }


def file_sizes(events: int) -> list[int]:
    """Numbers of rows from 1,000 to 100,000, small files more often than large ones, that add up."""
    chance = random.Random(7)
    sizes: list[int] = []
    while (left := events - sum(sizes)) > 0:
        sizes.append(min(left, int(1000 * 100 ** chance.random())))
    return sizes


def write_events(servers: dict[str, Offered], sizes: list[int]) -> dict[str, int]:
    """Write each file to one of the servers in its format. Returns the rows by dataset."""
    written, first = dict.fromkeys(FORMATS, 0), 0
    for number, rows in enumerate(sizes):
        name = NAMES[number % len(NAMES)]
        dataset = SPEAKS[name]
        body = "".join(lines(dataset, first, rows))
        (servers[name].root / f"events-{number:05}.{SUFFIXES[dataset]}").write_text(body)
        written[dataset] += rows
        first += rows
    return written


def lines(dataset: str, first: int, rows: int) -> Iterator[str]:
    """A file's lines in the format of its dataset."""
    head = ("event_id", "kind", "at", "milliseconds")
    mark = {"as_csv": ",", "as_pipes": "|"}.get(dataset)
    if mark:
        yield mark.join(head) + "\n"
    for number in range(first, first + rows):
        seconds = number % 86400
        at = f"2026-03-02T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
        values = (f"e{number:09}", "started" if number % 3 else "done", at, number % 5000)
        yield (mark.join(map(str, values)) if mark else json.dumps(dict(zip(head, values, strict=True)))) + "\n"


def offer_many(servers: dict[str, Offered], names: list[str], files: int, label: str) -> None:
    """Put small files on servers. Contents differ, so that none is a copy of another."""
    for name in names:
        for number in range(files):
            key = f"{name}-{label}-{number}-{time.time_ns()}"[:32]
            body = f"event_id,kind,at,milliseconds\n{key},done,2026-03-02T06:00:00Z,1\n"
            (servers[name].root / f"{label}-{number:04}.{SUFFIXES[SPEAKS[name]]}").write_text(body)
