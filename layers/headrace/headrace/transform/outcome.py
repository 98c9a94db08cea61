"""What the transform says about a file: its good rows, its bad rows, and the report over both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.domain.ingest.row_limits import MOST_BAD_ROWS
from headrace.errors import TerminalError

if TYPE_CHECKING:
    import pyarrow as pa


class RowError(NamedTuple):
    """One rule that a row broke. `column` is None where the row as a whole is at fault."""

    column: str | None
    rule: str
    reason: str


class BadRow(NamedTuple):
    """A row that does not go to the warehouse: its number, its exact bytes without the line end, and every error."""

    row_number: int
    raw: bytes
    errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one stretch of the file. `good` has the contract's columns in order, then the lineage columns."""

    good: pa.Table
    bad: list[BadRow]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may ask for: docs/formats.md says what becomes of one that asks for more.

    In bytes, each bounds something that is held at once: a line; a record whose quoted values span lines; a header; the
    names of unknown fields in all rows of a block, each of which repeats them as JSON (a dozen copies are made on the
    way); the directory of a zip; the window of an LZMA stream; what a library takes for a stretch of typed columns;
    the texts of a workbook.
    Others are bounded all in all: what a file is decompressed; a zip or another file that is read from its end, and the
    Parquet that is made of a file, which share a function's 10 GiB of disk.

    In numbers: the members of a zip; the names that a header has beyond the contract's; the values of one JSON
    document; the rows, and the cells, of which a block is made before the next is read, those counted in too that the
    file has nothing for; the bad rows of a file.
    """

    line: int = 16 << 20
    record: int = 1 << 20
    header: int = 1 << 20
    names: int = 32 << 20
    decompressed: int = 20 << 30
    zipped: int = 4 << 30
    parquet: int = 5 << 30
    directory: int = 8 << 20
    window: int = 64 << 20
    tables: int = 512 << 20
    strings: int = 256 << 20
    members: int = 20_000
    unknown_names: int = 2_000
    values: int = 500_000
    rows: int = 100_000
    cells: int = 1_000_000
    empty_cells: int = 4_000_000
    bad_rows: int = MOST_BAD_ROWS

    def rows_of(self, faults: int, columns: int, names: int = 0) -> int:
        """The rows of a block, given its columns and the faults that each may have, with a reason for each fault.

        Each row may repeat names of this many bytes.
        """
        most = (self.cells // max(faults, 1), self.empty_cells // max(columns, 1), self.names // max(names, 1))
        return max(1, min(self.rows, *most))


@dataclass(slots=True)
class FileReport:
    """The account of one file; rows_read = rows_good + rows_bad. `sha256` is of the bytes as they landed."""

    name: str
    file_id: str
    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    bytes_read: int = 0
    sha256: str | None = None
    detected: dict[str, Any] = field(default_factory=dict)


LONGEST_REASON = 1000
"""Characters. Reasons travel through the ledger and messages, whose sizes are limited."""


class FileRejected(TerminalError):  # noqa: N818 - the file is rejected; nothing of ours has failed
    """The file as a whole cannot be read as its contract says. `reason` is a sentence for a person.

    A reason goes to messages, ledger and logs, so it quotes nothing of a row. `line` may be one: it is for the person
    who has the file at hand, and goes nowhere else.
    """

    def __init__(self, code: str, reason: str, line: str = "") -> None:
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.line = line
