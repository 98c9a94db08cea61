"""Checking a file against its contract without any cloud: what would load, what would not, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headrace.domain.contract import Contract
from headrace.domain.files.key_values import folder_values
from headrace.domain.ingest.row_limits import hopeless, too_many_bad
from headrace.transform import BadRow, Block, FileReport, FileTransform, PartWriter, QuarantineWriter

SHOWN = 20
FILE_ID = BATCH_ID = "check"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict on a file. The paths are None unless a folder was given.

    `first_bad` holds the first bad rows, `broken` counts rows per broken rule, as `column: rule`;
    `held` says why the pipeline would hold the file back, if it would.
    """

    rows_read: int
    rows_good: int
    rows_bad: int
    parquet: Path | None
    quarantine: Path | None
    report: FileReport
    first_bad: tuple[BadRow, ...]
    broken: dict[str, int]
    held: str | None


def check_file(
    contract: Contract, path: Path, out: Path | None = None, shown: int = SHOWN, key: str | None = None
) -> CheckResult:
    """Reads the whole file by the contract; with `out`, writes `<stem>.parquet` and `<stem>.quarantine.parquet` there.
    `shown` limits `first_bad`. It is read as if it had landed under `key`, or as `local_key` says.

    Raises FileRejected when the file as a whole is not what the contract says, and OSError when it cannot be read.
    """
    with path.open("rb") as stream, _Outputs(contract, path, out) as outputs:
        landed = local_key(contract, path) if key is None else key
        transform = FileTransform(contract, stream, name=path.name, key=landed, file_id=FILE_ID, batch_id=BATCH_ID)
        first_bad, broken, held = _read(transform, outputs, shown)
    report = transform.report
    return CheckResult(
        rows_read=report.rows_read,
        rows_good=report.rows_good,
        rows_bad=report.rows_bad,
        parquet=outputs.parquet,
        quarantine=outputs.quarantine,
        report=report,
        first_bad=first_bad,
        broken=broken,
        held=held or too_many_bad(contract, report.rows_read, report.rows_bad, broken),
    )


def local_key(contract: Contract, path: Path) -> str:
    """The key of a local file: its name, with its own folders where the contract's templates of folders fit them."""
    parts = path.resolve().parts[1:]
    depth = len(contract.folder_templates)
    for start in range(len(parts) - 1 - depth, -1, -1) if depth else ():
        below = "/".join(parts[start:])
        if folder_values(contract.folder_templates, below) is not None:
            return contract.prefix + below
    return contract.prefix + path.name


def _read(
    transform: FileTransform, outputs: _Outputs, shown: int
) -> tuple[tuple[BadRow, ...], dict[str, int], str | None]:
    first: list[BadRow] = []
    broken: Counter[str] = Counter()
    held: str | None = None
    for block in transform:
        if held:
            return tuple(first), dict(broken), held
        outputs.write(block)
        first += block.bad[: shown - len(first)]
        broken.update(f"{error.column or 'row'}: {error.rule}" for row in block.bad for error in row.errors)
        report = transform.report
        held = hopeless(outputs.contract, report.rows_read, report.rows_bad, broken)
    return tuple(first), dict(broken), None


class _Outputs:
    """The two Parquet files of a check, or nothing at all without a folder. A rejected file leaves none behind."""

    def __init__(self, contract: Contract, path: Path, out: Path | None) -> None:
        stem = path.name.split(".")[0] or path.name
        self.parquet = out / f"{stem}.parquet" if out else None
        self.quarantine = out / f"{stem}.quarantine.parquet" if out else None
        self.contract = contract
        self._key = path.name

    def __enter__(self) -> Self:
        if self.parquet and self.quarantine:
            self.parquet.parent.mkdir(parents=True, exist_ok=True)
            for path in (self.parquet, self.quarantine):
                path.open("wb").close()  # Python's errors name the file alone; Arrow's are a sentence of their own
            self._good = PartWriter(self.parquet, self.contract)
            self._bad = QuarantineWriter(self.quarantine, self.contract, batch_id=BATCH_ID)
        return self

    def write(self, block: Block) -> None:
        if self.parquet:
            self._good.write(block.good)
            self._bad.write(block.bad, file_id=FILE_ID, key=self._key)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.parquet and self.quarantine:
            self._good.close()
            self._bad.close()
            if kind is not None:
                self.parquet.unlink()
                self.quarantine.unlink()
