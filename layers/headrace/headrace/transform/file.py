"""One landed file, read once: hashed, decompressed, decoded, validated, typed."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.bounds import LONGEST_NAME, cut
from headrace.domain.contract import Contract
from headrace.transform.decode.compression import SNIFF_BYTES, Member, open_members, sniff
from headrace.transform.decode.landed_bytes import Guard, LandedBytes
from headrace.transform.drift import LISTED, Drift, is_name
from headrace.transform.outcome import BadRow, Block, FileRejected, FileReport, Limits
from headrace.transform.readers import READERS
from headrace.transform.rules.parsed import Parsed
from headrace.transform.schema import arrow_schema, one_text


class FileTransform:
    """Streams one landed file once; iterate it for its blocks, then read `report`.

    Row numbers count the records of the file from 1: the header and blank lines are not counted, a record over several
    lines is one. Iterating raises FileRejected when the file as a whole is not what the contract says; blocks that came
    before are then void. Errors of the stream itself pass through as they are. Either way `report` holds what was read,
    and after a rejection the hash is still that of the whole file.
    """

    def __init__(  # noqa: PLR0913 - what identifies the file, and how to read it
        self,
        contract: Contract,
        stream: BinaryIO,
        *,
        name: str,
        file_id: str,
        batch_id: str,
        block_bytes: int = 6 << 20,
        limits: Limits | None = None,
        guard: Guard = lambda: None,
    ) -> None:
        self._contract = contract
        self._source = LandedBytes(stream, guard)
        self._batch_id = batch_id
        self._block_bytes = block_bytes
        agreed = contract.format
        self._limits = limits or Limits(agreed.max_line_bytes, decompressed=agreed.max_decompressed_bytes)
        self._schema = arrow_schema(contract)
        self._unknown = next((place for place, column in enumerate(contract.columns) if column.unknown), None)
        self._unnamed: set[str] = set()
        self._drift = Drift(typed=contract.format.traits.typed)
        self.report = FileReport(name, file_id)

    def __iter__(self) -> Iterator[Block]:
        try:
            with _cycles_left_alone():
                yield from self._blocks()
        except FileRejected:
            with contextlib.suppress(Exception):
                self._close_report()
            raise
        self._close_report()

    def _blocks(self) -> Iterator[Block]:
        first = self._source.read(SNIFF_BYTES)
        compression = sniff(first, self._contract.format.compression)
        self.report.detected["compression"] = compression
        for member in open_members(self._source, first, compression, self._limits):
            if member.name:
                self._count_member(member.name)
            try:
                yield from self._member(member)
            except FileRejected as rejected:
                raise FileRejected(rejected.code, _in_member(member.name, rejected.reason), rejected.line) from rejected

    def _count_member(self, name: str) -> None:
        """A zip may have members without end, and a name may be as long as it likes: the first few are named."""
        members = self.report.detected.setdefault("members", {"count": 0, "first": []})
        members["count"] += 1
        if members["count"] <= LISTED:
            members["first"].append(cut(name, LONGEST_NAME))

    def _member(self, member: Member) -> Iterator[Block]:
        reader = READERS[self._contract.format.kind](self._contract, member.read, self._limits, self._block_bytes)
        before = self.report.rows_read
        for parsed in reader.parse():
            yield self._block(parsed, before)
            self._source.guard()
        self._tell(reader.detected)

    def _tell(self, detected: dict[str, Any]) -> None:
        """What a member showed of itself, and the drift up to here."""
        known = self.report.detected.get("unknown_columns", [])
        self.report.detected.update(detected)
        unknown = list(dict.fromkeys([*known, *detected.get("unknown_columns", [])]))
        if not unknown:
            return
        named = [name for name in unknown if len(name) <= LONGEST_NAME and is_name(name)][:LISTED]
        self._unnamed |= {name for name in unknown if not is_name(name)}
        self.report.detected["unknown_columns"] = named
        if self._unknown is not None:
            self.report.detected["drift"] = self._drift.told(named, len(self._unnamed))

    def _block(self, parsed: Parsed, before: int) -> Block:
        """Adds the lineage, and moves row numbers on by the members before this one."""
        good = parsed.table.num_rows
        if self._unknown is not None:
            self._drift.see(parsed.table.column(self._unknown))
        self.report.rows_good += good
        self.report.rows_bad += len(parsed.bad)
        self.report.rows_read += good + len(parsed.bad)
        numbers = pc.add(parsed.numbers, before) if before else parsed.numbers
        lineage = [one_text(self.report.file_id, good), numbers, one_text(self._batch_id, good)]
        bad = [BadRow(row.row_number + before, row.raw, row.errors) for row in parsed.bad] if before else parsed.bad
        return Block(pa.table([*parsed.table.columns, *lineage], schema=self._schema), bad)

    def _close_report(self) -> None:
        self._source.drain()
        self.report.bytes_read = self._source.bytes_read
        self.report.sha256 = self._source.sha256


def _in_member(name: str, reason: str) -> str:
    return f"{cut(name, LONGEST_NAME)!r} in the archive: {reason}" if name else reason


@contextlib.contextmanager
def _cycles_left_alone() -> Iterator[None]:
    """Stops the search for cycles of objects for a while.

    Bad rows are tuples by the hundred thousand, and in no cycle: looking for cycles among them took a third of the
    time of a file in which every row is bad.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()
