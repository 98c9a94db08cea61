"""One unit of a batch, its files spread over the processes of a cluster."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any, Protocol, TypeVar

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BatchRecord, FileRecord
from headrace.domain.ingest.load import Part
from headrace.domain.ingest.row_limits import hopeless, most_bad_rows
from headrace.errors import ObjectGoneError
from headrace.transform import FileRejected, FileReport
from headrace.transform.split.head import Head, read_head
from headrace.transform.split.range_rows import report_of
from headrace.transform.split.ranges import Range, settled_ranges, spans_of
from headrace.usecases import lake_paths
from headrace.usecases.ports import Lake
from headrace.usecases.unit.account import Account
from headrace.usecases.unit.spread_tasks import (
    FileWork,
    Landed,
    RangeWork,
    Written,
    find_border,
    skim_span,
    write_range,
    write_whole,
)
from headrace.usecases.unit.transform import Services, landed_key, transform_with

RANGE_BYTES = 64 << 20
MOST_RANGES = 2_000
"""A larger file has longer ranges. Each of them becomes a part, and a line of the manifest."""
PIECE = 1 << 20
Item = TypeVar("Item")
Result = TypeVar("Result")


class Cluster(Protocol):
    """Processes with services of their own."""

    def map(
        self, task: Callable[[FileWork, Item, Services], Result], work: FileWork, items: Sequence[Item]
    ) -> list[Result]:
        """The results of a task for each item, in order. A task that raises is tried again; in the end this raises."""


def transform_spread(
    batch: BatchRecord,
    number: int,
    services: Services,
    cluster: Cluster,
    range_bytes: int = RANGE_BYTES,
    *,
    run: str = "",
) -> dict[str, Any]:
    """Transform the unit's files as `transform_unit` does, with the same results, without limits of time and memory.

    `run` names the cluster's run in the batch's history.
    """
    services.events.note_batch(batch.batch, "Transforming in Glue", {"unit": number, "run": run})
    contract = services.contracts.get(batch.dataset)
    return transform_with(_Spread(contract, batch, number, services, cluster, range_bytes), batch, number, services)


@dataclass(slots=True)
class SpreadRows:
    """The rows of one file, which are in the lake already: they are taken away again where they do not count."""

    file: FileRecord
    name: str
    dataset: str
    batch: str
    lake: Lake
    kept: list[Part]
    parts: list[Part] = field(default_factory=list)
    bad_parts: list[str] = field(default_factory=list)

    def keep(self) -> None:
        """The file counts."""
        self.kept += self.parts
        self._remove_but({part.key for part in self.parts} | set(self.bad_parts))

    def keep_bad(self) -> None:
        """The file is held back: its bad rows stay for people to read, its good rows do not."""
        self._remove_but(set(self.bad_parts))

    def drop(self) -> None:
        """The file does not count: nothing of it stays."""
        self._remove_but(set())

    def wrote(self, written: Sequence[Written]) -> None:
        """Which of what was written may stay."""
        self.parts = [part for each in written for part in each.parts]
        self.bad_parts = [key for each in written for key in each.bad_parts]

    def _remove_but(self, kept: set[str]) -> None:
        """Takes away what this try or an earlier one left under the file's names."""
        for path in (lake_paths.part, lake_paths.quarantine):
            prefix = path(self.dataset, self.batch, f"{self.name}-").removesuffix(lake_paths.PARQUET)
            for key, _ in list(self.lake.listing(prefix)):
                if key not in kept:
                    self.lake.remove(key)


class _Spread:
    """Reads files one after the other, each with all processes."""

    def __init__(
        self,
        contract: Contract,
        batch: BatchRecord,
        number: int,
        services: Services,
        cluster: Cluster,
        range_bytes: int,
    ) -> None:
        self._contract = contract
        self._batch = batch.batch
        self._number = number
        self._lake = services.lake
        self._files = services.files
        self._cluster = cluster
        self._range_bytes = range_bytes
        self._parts: list[Part] = []

    def begin(self, file: FileRecord) -> SpreadRows:
        name = f"{self._number:04}-{file.file_id}"
        return SpreadRows(file, name, self._contract.dataset, self._batch, self._lake, self._parts)

    def upload(self) -> list[Part]:
        """Bad rows of small files, which a function has written before the contract left them to Spark, do not stay."""
        shared = lake_paths.quarantine(self._contract.dataset, self._batch, f"{self._number:04}")
        if shared in dict(self._lake.listing(shared)):
            self._lake.remove(shared)
        return self._parts

    def read(self, file: FileRecord, rows: SpreadRows) -> tuple[FileReport, Account]:
        key = landed_key(file, self._contract, self._files)
        work = FileWork(self._contract, file, self._batch, rows.name, key)
        source = Landed(self._lake, file)
        head = read_head(self._contract, source, work.limits) if file.size > self._range_bytes else None
        if head is None:
            return self._whole(work, rows)
        work = replace(work, head=head)
        with ThreadPoolExecutor(1) as beside, _stopping() as stopped:
            sha256 = beside.submit(_sha256, source, stopped)
            ranges = self._ranges(work, head)
            if ranges is None:
                return self._whole(work, rows)
            account, reports = self._rows(work, ranges, rows)
            if account.held:
                return account.report, account
            report = report_of(
                self._contract,
                head,
                [written.report for written in reports],
                name=file.key,
                file_id=file.file_id,
                size=file.size,
                sha256=sha256.result(),  # waited for here: leaving the block stops it
            )
        return report, replace(account, report=report)

    def _whole(self, work: FileWork, rows: SpreadRows) -> tuple[FileReport, Account]:
        (written,) = self._cluster.map(write_whole, work, [0])
        rows.wrote([written])
        _refuse(work.file, written)
        assert written.account is not None
        return written.account.report, written.account

    def _ranges(self, work: FileWork, head: Head) -> list[Range] | None:
        size = work.file.size
        step = max(self._range_bytes, -(-size // MOST_RANGES))
        starts = self._cluster.map(find_border, work, range(head.body + step, size, step))
        return settled_ranges(
            spans_of([head.body, *starts], size), lambda spans: self._cluster.map(skim_span, work, spans)
        )

    def _rows(self, work: FileWork, ranges: Sequence[Range], rows: SpreadRows) -> tuple[Account, list[Written]]:
        """The rows of all ranges, or up to the bad row that is one too many."""
        most = most_bad_rows(self._contract)
        items = [RangeWork(number, part, most + 1) for number, part in enumerate(ranges)]
        written = self._cluster.map(write_range, work, items)
        rows.wrote(written)
        account = Account(FileReport(work.file.key, work.file.file_id))
        bad = 0
        for item, each in zip(items, written, strict=True):
            if bad + each.report.rows_bad > most:
                (last,) = self._cluster.map(write_range, work, [replace(item, most_bad=most + 1 - bad)])
                rows.wrote([*written[: item.number], last])
                return self._held(account, last), written
            _refuse(work.file, each)
            bad += each.report.rows_bad
            account.broken.update(each.broken)
        return account, written

    def _held(self, account: Account, last: Written) -> Account:
        bad, read = most_bad_rows(self._contract) + 1, last.last_bad
        broken: Counter[str] = account.broken + last.broken
        account.report.detected["compression"] = "none"
        report = replace(account.report, rows_read=read, rows_bad=bad)
        return Account(report, broken, hopeless(self._contract, read, bad, broken))


def _refuse(file: FileRecord, written: Written) -> None:
    if written.gone:
        raise ObjectGoneError(file.key)
    if written.rejected:
        raise FileRejected(*written.rejected)


@contextmanager
def _stopping() -> Iterator[Event]:
    """An event that happens when the block is left."""
    stopped = Event()
    try:
        yield stopped
    finally:
        stopped.set()


def _sha256(source: Landed, stopped: Event) -> str:
    """The content's identity, which one process reads from beginning to end while others make rows."""
    found = hashlib.sha256()
    with source.open() as stream:
        while not stopped.is_set() and (piece := stream.read(PIECE)):
            found.update(piece)
    return found.hexdigest()
