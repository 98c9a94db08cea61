"""The overview: every dataset at a glance, and on top what needs a person."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from headrace.domain.clock import written
from headrace.domain.ingest.ledger import BACKFILL, UNROUTABLE, FileRecord, FileStatus
from headrace_cli.commands.look import status
from headrace_cli.output.formatting import count, moment
from headrace_cli.stack.lateness import UNDER_WAY

if TYPE_CHECKING:
    from headrace.domain.contract import Contract
    from headrace_cli.console.memory import Memory

HOURS = 24
SHORT_LIVED, LONG_LIVED = 5.0, 60.0
"""Seconds that a dataset's figures hold while files are under way, whose lateness is a matter of time; and else."""


class Overview:
    """The figures of every dataset, made again only when its files have changed or time may have changed them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._made: dict[str, tuple[int, float, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def collect(self) -> dict[str, Any]:
        """`{"datasets": [`status`'s own, with "promise", "share", "p50", "p95", "per_minute", "hours"], "needs"}`."""
        memory = self._memory
        with self._lock:
            datasets = [self._figures(contract) for contract in memory.view.contracts.values()]
        strays = sum(1 for _ in memory.ordered(UNROUTABLE))
        return {
            "datasets": datasets,
            "unroutable": strays,
            "needs": needs(datasets, strays),
            "complete": memory.complete,
            "files_read": memory.files_read,
            "cut": memory.cut,
        }

    def _figures(self, contract: Contract) -> dict[str, Any]:
        version, now = self._memory.version(contract.dataset), time.monotonic()
        made_of, made_at, made = self._made.get(contract.dataset, (-1, 0.0, {}))
        moving = bool(made) and any(made["files"][str(state)] for state in UNDER_WAY)
        if made_of == version and now - made_at < (SHORT_LIVED if moving else LONG_LIVED):
            return made
        account: dict[str, Any] = status.collect(self._memory.view, contract.dataset)["datasets"][0]
        files, at = self._memory.ordered(contract.dataset), datetime.now(UTC)
        ends = self._memory.ends(loads_of_the_day(files, at))
        figures = account | figures_of(contract, files, ends, at)
        figures["state"] = state_of(figures)
        self._made[contract.dataset] = version, now, figures
        return figures


def figures_of(
    contract: Contract, files: Sequence[FileRecord], ends: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """What `status` does not say: the promise, the last day by the hour, how long files took, the share that is bad."""
    loaded, took = recently_loaded(files, ends, now)
    hours = [loaded[hour] for hour in range(HOURS)]
    read = sum(file.rows.read for file in files)
    bad = sum(file.rows.quarantined for file in files)
    return {
        "promise": contract.freshness_seconds,
        "description": contract.description,
        "table": contract.target,
        "hours": hours,
        "per_minute": round(hours[-1] / 60, 1),
        "share": bad / read if read else 0.0,
        "p50": percentile(took, 0.5),
        "p95": percentile(took, 0.95),
    }


def loads_of_the_day(files: Sequence[FileRecord], now: datetime) -> Iterator[str]:
    """The batches that may have loaded files since a day ago, the newest files' first.

    A record was written last when its file was loaded, or later.
    """
    begin = written(now - timedelta(hours=HOURS))
    loaded = (file for file in reversed(files) if file.status is FileStatus.LOADED and (file.updated_at or "") >= begin)
    return (file.loaded_by for file in loaded if file.loaded_by)


def recently_loaded(
    files: Iterable[FileRecord], ends: Mapping[str, str], now: datetime
) -> tuple[Counter[int], list[float]]:
    """Of the last day: the rows by hour, the last hour being number 23, and the seconds from arrival to queryable.

    A file is loaded when its batch ends (`ends`): its own record changes later, when another file takes its rows over.
    Backfills and reloads did not arrive when they are loaded, so they count as rows only.
    """
    rows: Counter[int] = Counter()
    took: list[float] = []
    begin = written(now - timedelta(hours=HOURS))
    for file in files:
        at = ends.get(file.loaded_by or "")
        if file.status is not FileStatus.LOADED or at is None or at < begin:
            continue
        loaded = moment(at)
        hour = HOURS - 1 - int((now - loaded).total_seconds() // 3600)
        rows[min(max(hour, 0), HOURS - 1)] += file.good_rows
        if file.lane != BACKFILL and not file.reload and file.released is None:
            took.append((loaded - moment(file.arrived_at)).total_seconds())
    return rows, took


def percentile(values: list[float], share: float) -> float | None:
    """The value below which this share of them is: the nearest rank. None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def state_of(figures: dict[str, Any]) -> str:
    """One word for a dataset, the worst first."""
    files = figures["files"]
    if figures["late"]:
        return "late"
    if files["failed"]:
        return "failed"
    if files["held"]:
        return "held"
    if any(files[str(state)] for state in UNDER_WAY):
        return "running"
    return "loaded" if figures["last_load"] else "empty"


def needs(datasets: list[dict[str, Any]], strays: int) -> list[dict[str, str]]:
    """`{"kind", "what", "link", "command"}` of all that waits for a person, the most urgent first."""
    found: list[tuple[int, dict[str, str]]] = []
    for item in datasets:
        name, files = item["dataset"], item["files"]
        for rank, (kind, number, verb) in enumerate(
            (
                ("late", item["late"], "not in the table within the promised time"),
                ("failed", files["failed"], "failed"),
                ("held", files["held"], "held, for you to release or reject"),
                ("waiting", files["waiting"], "without a marker or manifest yet"),
            )
        ):
            if number:
                need = {
                    "kind": kind,
                    "what": f"{name}: {count(number, 'file')} {verb}",
                    "link": "held" if kind == "held" else f"files?dataset={name}&show={kind}",
                    "command": "headrace held" if kind == "held" else f"headrace files {name} --{kind}",
                }
                found.append((rank, need))
    if strays:
        what = f"{count(strays, 'file')} of no dataset: no contract accepts the key"
        found.append((1, {"kind": "failed", "what": what, "link": "files?show=unroutable",
                          "command": "headrace status --failed"}))  # fmt: skip
    return [need for _, need in sorted(found, key=lambda item: item[0])]
