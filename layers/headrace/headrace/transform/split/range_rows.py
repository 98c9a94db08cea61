"""The second pass: the rows of one range, and the report over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import pyarrow as pa

from headrace.domain.contract import Contract
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.detected import Detected, counted
from headrace.transform.drift import SEEN
from headrace.transform.file import BLOCK_BYTES, cycles_left_alone
from headrace.transform.json_files.columns import known_keys
from headrace.transform.json_files.reader import NAMED, JsonReader, other_dataset
from headrace.transform.key_columns import key_columns
from headrace.transform.lineage import Lineage
from headrace.transform.operations import check_operations, has_operations
from headrace.transform.outcome import Block, FileReport, Limits
from headrace.transform.readers import reader_of
from headrace.transform.split.head import Head
from headrace.transform.split.ranges import Range
from headrace.transform.split.source import Source, Stretch

UNKNOWN = "unknown_columns"


@dataclass(slots=True)
class RangeReport:
    """The account of one range. `unknown` are fields without a column, `samples` what the first rows had in them.

    `is_ours` says whether an object of JSON had a key of the contract, `has_operations` whether a row of a change log
    named its operation.
    """

    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    unknown: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    is_ours: bool = False
    has_operations: bool = False
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)


class RangeTransform:
    """Reads one range; iterate it for its blocks, then read `report`.

    Raises FileRejected as `FileTransform` does, but for what only all ranges together show: see `report_of`.
    """

    def __init__(  # noqa: PLR0913 - what identifies the file, and which records of it
        self,
        contract: Contract,
        source: Source,
        head: Head,
        part: Range,
        *,
        file_id: str,
        batch_id: str,
        key: str,
        limits: Limits,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._contract = contract
        self._key = key
        self._source = source
        self._head = head
        self._part = part
        self._lineage = Lineage(contract, file_id, batch_id)
        self._limits = limits
        self._block_bytes = block_bytes
        self._unknown = next((place for place, column in enumerate(contract.columns) if column.unknown), None)
        self.report = RangeReport()

    def __iter__(self) -> Iterator[Block]:
        with self._source.open(self._part.start) as stream, cycles_left_alone():
            yield from self._blocks(stream)
        part = self._part
        if part.rows is not None and self.report.rows_read != part.rows:
            raise AssertionError(f"{self.report.rows_read} records, not {part.rows}, from byte {part.start}")

    def _blocks(self, stream: BinaryIO) -> Iterator[Block]:
        part, head = self._part, self._head
        text = TextBytes(Stretch(stream, part.start, part.border).read, head.encoding, within=True)
        within, key = head.within(part.before, part.rows), key_columns(self._contract, self._key)
        reader = reader_of(self._contract, text, self._limits, self._block_bytes, within, key)
        for parsed in reader.parse():
            self._note_samples(parsed.table)
            self.report.changed += counted(parsed.changes, {row.row_number for row in parsed.bad})
            named = self.report.has_operations or has_operations(self._contract, parsed.table)
            self.report.has_operations = named
            block = self._lineage.block(parsed)
            self._count(block)
            yield block
        self.report.unknown = reader.detected.get(UNKNOWN, [])
        self.report.is_ours = isinstance(reader, JsonReader) and reader.is_ours

    def _count(self, block: Block) -> None:
        self.report.rows_good += block.good.num_rows
        self.report.rows_bad += len(block.bad)
        self.report.rows_read += block.good.num_rows + len(block.bad)

    def _note_samples(self, table: pa.Table) -> None:
        if self._unknown is None or len(self.report.samples) >= SEEN:
            return
        unknown = table.column(self._unknown)
        if unknown.null_count < len(unknown):
            self.report.samples += unknown.drop_null().slice(0, SEEN - len(self.report.samples)).to_pylist()


def report_of(  # noqa: PLR0913 - what identifies the file, and what was found out of it
    contract: Contract,
    head: Head,
    ranges: Sequence[RangeReport],
    *,
    name: str,
    file_id: str,
    size: int,
    sha256: str | None,
) -> FileReport:
    """The report over all ranges of a file, in order: that of one pass.

    Raises FileRejected where one pass does so in the end: for objects of which none has a key of the contract, or an
    operation that a change log needs.
    """
    detected = Detected(contract)
    detected.values["compression"] = "none"
    for part in ranges:
        detected.see(pa.chunked_array([pa.array(part.samples, pa.string())]))
        detected.add(part.changed)
    unknown = list(dict.fromkeys(name for part in ranges for name in part.unknown))[:NAMED]
    of_all = {key: value for key, value in head.detected.items() if key != UNKNOWN}
    if head.layout is not None:
        unknown = head.layout.unknown
    elif unknown and not any(part.is_ours for part in ranges):
        raise other_dataset(known_keys(contract))
    good = sum(part.rows_good for part in ranges)
    check_operations(contract, name, good, named=any(part.has_operations for part in ranges))
    detected.tell(of_all | ({UNKNOWN: unknown} if unknown else {}))
    return FileReport(
        name,
        file_id,
        rows_read=sum(part.rows_read for part in ranges),
        rows_good=good,
        rows_bad=sum(part.rows_bad for part in ranges),
        bytes_read=size,
        sha256=sha256,
        detected=detected.values,
    )
