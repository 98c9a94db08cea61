"""What one process of a cluster does for a file that is read by several: it finds a border, counts, or makes rows.

A task that fails because of S3 or the disk raises, and is done again elsewhere; everything that is the file's own fault
is an answer. A task done again writes the same objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Self

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.load import Part
from headrace.errors import HeadraceError, ObjectGoneError
from headrace.transform import Block, FileRejected, FileTransform, Limits
from headrace.transform.file import limits_of
from headrace.transform.split.borders import border
from headrace.transform.split.head import Head
from headrace.transform.split.range_rows import RangeReport, RangeTransform
from headrace.transform.split.ranges import Range
from headrace.transform.split.skim import Skim, Span, skim
from headrace.usecases.ports import Lake
from headrace.usecases.unit.account import Account
from headrace.usecases.unit.folder import is_full, unit_folder
from headrace.usecases.unit.parts import Pair
from headrace.usecases.unit.transform import Services, broke_on

PART_BYTES = 256 << 20
"""A part is closed once it has so many bytes, and another begun: COPY takes parts of up to 1 GB
(https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-use-multiple-files.html)."""
DECOMPRESSED = 2 << 40
ZIPPED = 40 << 30
"""A zip must fit on the disk of a worker, of which Glue's smallest has 94 GB
(https://docs.aws.amazon.com/glue/latest/dg/worker-types.html)."""


@dataclass(frozen=True, slots=True)
class FileWork:
    """What all tasks of a file share. `name` begins the names of its parts; `head` is known of a file that is cut.

    `key` is the one under which its rows landed first.
    """

    contract: Contract
    file: FileRecord
    batch: str
    name: str
    key: str
    head: Head | None = None

    @property
    def limits(self) -> Limits:
        """As a function has them, but for what its disk and its time allow."""
        limits = limits_of(self.contract)
        return replace(limits, decompressed=max(DECOMPRESSED, limits.decompressed), zipped=ZIPPED)


@dataclass(frozen=True, slots=True)
class Landed:
    """The landed file, readable from any place on."""

    lake: Lake
    file: FileRecord

    @property
    def size(self) -> int:
        """In bytes."""
        return self.file.size

    def open(self, start: int = 0) -> BinaryIO:
        """The bytes from `start` on."""
        return self.lake.open_at(self.file.bucket, self.file.key, self.file.version, start)


@dataclass(frozen=True, slots=True)
class RangeWork:
    """One range of a file. Its bad rows after `most_bad` are not wanted."""

    number: int
    part: Range
    most_bad: int


@dataclass(slots=True)
class Written:
    """What a task read and wrote. `rejected` is the code and the reason why the file as a whole is not read.

    `last_bad` is the number of the last bad row, at which reading ended if there were more than wanted.
    """

    report: RangeReport = field(default_factory=RangeReport)
    broken: Counter[str] = field(default_factory=Counter)
    parts: list[Part] = field(default_factory=list)
    bad_parts: list[str] = field(default_factory=list)
    last_bad: int = 0
    rejected: tuple[str, str] | None = None
    gone: bool = False


@dataclass(slots=True)
class WholeWritten(Written):
    """The same of a file that one process read from beginning to end."""

    account: Account | None = None


def find_border(work: FileWork, place: int, services: Services) -> int:
    """Where a range begins near a place."""
    assert work.head is not None
    return border(work.contract, work.head, Landed(services.lake, work.file), place, work.limits)


def skim_span(work: FileWork, span: Span, services: Services) -> Skim:
    """The first pass over a span."""
    assert work.head is not None
    return skim(work.contract, work.head, Landed(services.lake, work.file), span, work.limits)


def write_range(work: FileWork, item: RangeWork, services: Services) -> Written:
    """The second pass over a range: its rows are in the lake afterwards."""
    assert work.head is not None
    source, written = Landed(services.lake, work.file), Written()
    transform = RangeTransform(
        work.contract,
        source,
        work.head,
        item.part,
        file_id=work.file.file_id,
        batch_id=work.batch,
        key=work.key,
        limits=work.limits,
    )
    written.report = transform.report
    with (
        unit_folder() as folder,
        _Parts(folder, work, item.number, written, services.lake) as parts,
        _answering(work, written),
    ):
        for block in _wanted(transform, item.most_bad, written):
            parts.write(block)
    return written


def write_whole(work: FileWork, number: int, services: Services) -> WholeWritten:
    """A file that cannot be cut, read from beginning to end."""
    written = WholeWritten()
    with (
        unit_folder() as folder,
        _Parts(folder, work, number, written, services.lake) as parts,
        _answering(work, written),
        services.lake.open(work.file.bucket, work.file.key, work.file.version) as stream,
    ):
        transform = FileTransform(
            work.contract,
            stream,
            name=work.file.key,
            file_id=work.file.file_id,
            batch_id=work.batch,
            key=work.key,
            limits=work.limits,
        )
        written.account = _read(work.contract, transform, parts)
    return written


def _read(contract: Contract, transform: FileTransform, parts: _Parts) -> Account:
    account = Account(transform.report)
    for block in transform:
        parts.write(account.add(block, transform.report, contract))
        if account.held:
            return account
    return replace(account, report=transform.report)


def _wanted(transform: RangeTransform, most_bad: int, written: Written) -> Iterator[Block]:
    """The blocks of a range up to the last bad row that is wanted."""
    for block in transform:
        too_many = transform.report.rows_bad - most_bad
        bad = block.bad[: len(block.bad) - too_many] if too_many > 0 else block.bad
        for row in bad:
            written.broken.update(f"{error.column or 'row'}: {error.rule}" for error in row.errors)
        written.last_bad = bad[-1].row_number if bad else written.last_bad
        yield Block(block.good, bad)
        if too_many >= 0:
            transform.report.rows_bad = most_bad
            return


class _Parts:
    """The parts of one task, closed and uploaded as they get large."""

    def __init__(self, folder: Path, work: FileWork, number: int, written: Written, lake: Lake) -> None:
        self._folder = folder
        self._work = work
        self._number = number
        self._written = written
        self._lake = lake
        self._count = 0
        self._pair = self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            self._close()

    def write(self, block: Block) -> None:
        """Add a block's rows."""
        self._pair.write([block.good], block.bad, self._work.file)
        if self._pair.size > PART_BYTES:
            self._close()
            self._pair = self._next()

    def _close(self) -> None:
        self._written.parts += self._pair.upload(self._lake)
        self._written.bad_parts += [self._pair.bad_key] if self._pair.bad_key else []
        for path in self._folder.iterdir():
            path.unlink()

    def _next(self) -> Pair:
        more = f"-{self._count:05}" if self._count else ""
        self._count += 1
        name = f"{self._work.name}-{self._number:05}{more}"
        return Pair(self._folder, self._work.contract, self._work.batch, name)


@contextmanager
def _answering(work: FileWork, written: Written) -> Iterator[None]:
    """Keeps what is the file's fault, or ours, as an answer. The troubles of S3 and of the disk pass through."""
    try:
        yield
    except FileRejected as rejected:
        written.rejected = (rejected.code, rejected.reason)
    except ObjectGoneError:
        written.gone = True
    except HeadraceError:
        raise
    except Exception as error:
        if is_full(error):
            raise
        written.rejected = ("broke", broke_on(work.file, error))
