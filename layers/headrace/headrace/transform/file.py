"""One landed file, read once: hashed, decompressed, decoded, validated, typed."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from headrace.domain.bounds import LONGEST_NAME, cut
from headrace.domain.contract import Contract
from headrace.domain.ingest.replay import replay_of
from headrace.transform.decode.compression import SNIFF_BYTES, Member, open_members, sniff
from headrace.transform.decode.landed_bytes import Guard, LandedBytes, Stream
from headrace.transform.detected import Detected
from headrace.transform.drift import LISTED
from headrace.transform.key_columns import KeyColumns, key_columns
from headrace.transform.lineage import Lineage
from headrace.transform.operations import check_operations, has_operations
from headrace.transform.outcome import Block, FileRejected, FileReport, Limits
from headrace.transform.readers import READERS
from headrace.transform.rules.parsed import Parsed
from headrace.transform.typed.documents import in_replays

BLOCK_BYTES = 6 << 20


def limits_of(contract: Contract) -> Limits:
    """How much a file of the contract may ask for."""
    return Limits(contract.format.max_line_bytes, decompressed=contract.format.max_decompressed_bytes)


class FileTransform:
    """Streams one landed file once; iterate it for its blocks, then read `report`.

    What stands in the file's key comes from `key`, which is its name unless one is given.
    Row numbers count the records of the file from 1: the header and blank lines are not counted, a record over several
    lines is one. Iterating raises FileRejected when the file as a whole is not what the contract says; blocks that came
    before are then void. Errors of the stream itself pass through as they are. Either way `report` holds what was read,
    and after a rejection the hash is still that of the whole file. A file of a group goes on after `rows_before` rows,
    with what was `detected` in the files before it.
    """

    def __init__(  # noqa: PLR0913 - what identifies the file, and how to read it
        self,
        contract: Contract,
        stream: Stream,
        *,
        name: str,
        file_id: str,
        batch_id: str,
        key: str | None = None,
        block_bytes: int = BLOCK_BYTES,
        limits: Limits | None = None,
        guard: Guard = lambda: None,
        rows_before: int = 0,
        detected: Detected | None = None,
    ) -> None:
        self._contract = contract = in_replays(contract) if replay_of(contract, name) else contract
        self._key = name if key is None else key
        self._source = LandedBytes(stream, guard)
        self._block_bytes = block_bytes
        self._limits = limits or limits_of(contract)
        self._lineage = Lineage(contract, file_id, batch_id)
        self._unknown = next((place for place, column in enumerate(contract.columns) if column.unknown), None)
        self._detected = detected or Detected(contract)
        self._rows_before = rows_before
        self._has_operations = False
        self.report = FileReport(name, file_id, detected=self._detected.values)

    def __iter__(self) -> Iterator[Block]:
        try:
            with cycles_left_alone():
                yield from self._blocks()
        except FileRejected:
            with contextlib.suppress(Exception):
                self._close_report()
            raise
        self._close_report()

    def _blocks(self) -> Iterator[Block]:
        columns = key_columns(self._contract, self._key)
        first = self._source.read(SNIFF_BYTES)
        compression = sniff(first, self._contract.format.compression, traits=self._contract.format.traits)
        self.report.detected["compression"] = compression
        for member in open_members(self._source, first, compression, self._limits):
            if member.name:
                self._count_member(member.name)
            try:
                yield from self._member(member, columns)
            except FileRejected as rejected:
                raise FileRejected(rejected.code, _in_member(member.name, rejected.reason), rejected.line) from rejected
        check_operations(self._contract, self.report.name, self.report.rows_good, named=self._has_operations)

    def _count_member(self, name: str) -> None:
        """A zip may have members without end, and a name may be as long as it likes: the first few are named."""
        members = self.report.detected.setdefault("members", {"count": 0, "first": []})
        members["count"] += 1
        if members["count"] <= LISTED:
            members["first"].append(cut(name, LONGEST_NAME))

    def _member(self, member: Member, key: KeyColumns | None) -> Iterator[Block]:
        open_reader = READERS[self._contract.format.kind]
        reader = open_reader(self._contract, member.read, self._limits, self._block_bytes, key)
        before = self._rows_before + self.report.rows_read
        for parsed in reader.parse():
            yield self._block(parsed, before)
            self._source.guard()
        self._detected.tell(reader.detected)

    def _block(self, parsed: Parsed, before: int) -> Block:
        """Adds the lineage, and moves row numbers on by the members before this one."""
        good = parsed.table.num_rows
        if self._unknown is not None:
            self._detected.see(parsed.table.column(self._unknown))
        if parsed.changes:
            self._detected.change(parsed.changes, {row.row_number for row in parsed.bad})
        self._has_operations = self._has_operations or has_operations(self._contract, parsed.table)
        self.report.rows_good += good
        self.report.rows_bad += len(parsed.bad)
        self.report.rows_read += good + len(parsed.bad)
        return self._lineage.block(parsed, before)

    def _close_report(self) -> None:
        self._source.drain()
        self.report.bytes_read = self._source.bytes_read
        self.report.sha256 = self._source.sha256


def _in_member(name: str, reason: str) -> str:
    return f"{cut(name, LONGEST_NAME)!r} in the archive: {reason}" if name else reason


@contextlib.contextmanager
def cycles_left_alone() -> Iterator[None]:
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
