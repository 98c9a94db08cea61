"""Checking a file against its contract without any cloud: what would load, what would not, and why."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from headrace.domain.contract import Contract
from headrace.transform import BadRow, Block, FileReport, FileTransform, PartWriter, QuarantineWriter

SHOWN = 20
FILE_ID = "0" * 24
BATCH_ID = "check"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict on a file. The paths are None unless a folder was given.

    `first_bad` holds the first bad rows, `broken` counts rows per broken rule, as `column: rule`.
    """

    rows_read: int
    rows_good: int
    rows_bad: int
    parquet: Path | None
    quarantine: Path | None
    report: FileReport
    first_bad: tuple[BadRow, ...]
    broken: dict[str, int]


def check_file(contract: Contract, path: Path, out: Path | None = None) -> CheckResult:
    """Reads the whole file by the contract; with `out`, writes `<stem>.parquet` and `<stem>.quarantine.parquet` there.

    Raises FileRejected when the file as a whole is not what the contract says, and OSError when it cannot be read.
    """
    outputs = _Outputs(contract, path, out)
    with path.open("rb") as stream:
        transform = FileTransform(contract, stream, name=path.name, file_id=FILE_ID, batch_id=BATCH_ID)
        try:
            first_bad, broken = _read(transform, outputs)
        finally:
            outputs.close()
    report = transform.report
    counts = (report.rows_read, report.rows_good, report.rows_bad)
    return CheckResult(*counts, outputs.parquet, outputs.quarantine, report, first_bad, broken)


def _read(transform: FileTransform, outputs: _Outputs) -> tuple[tuple[BadRow, ...], dict[str, int]]:
    first: list[BadRow] = []
    broken: Counter[str] = Counter()
    for block in transform:
        outputs.write(block)
        first += block.bad[: SHOWN - len(first)]
        broken.update(f"{e.column or 'row'}: {e.rule}" for row in block.bad for e in row.errors)
    return tuple(first), dict(broken)


class _Outputs:
    """The two Parquet files of a check, or nothing at all without a folder."""

    def __init__(self, contract: Contract, path: Path, out: Path | None) -> None:
        stem = path.name.split(".")[0]
        self.parquet = out / f"{stem}.parquet" if out else None
        self.quarantine = out / f"{stem}.quarantine.parquet" if out else None
        self._key = path.name
        self._closing = ExitStack()
        if self.parquet and self.quarantine:
            self.parquet.parent.mkdir(parents=True, exist_ok=True)
            self._good = PartWriter(self.parquet, contract)
            self._bad = QuarantineWriter(self.quarantine, contract, batch_id=BATCH_ID)
            self._closing.callback(self._good.close)
            self._closing.callback(self._bad.close)

    def write(self, block: Block) -> None:
        if self.parquet:
            self._good.write(block.good)
            self._bad.write(block.bad, file_id=FILE_ID, key=self._key)

    def close(self) -> None:
        self._closing.close()
