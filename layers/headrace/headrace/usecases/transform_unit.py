"""One unit of work: stream each of its files once, good rows to Parquet, bad rows to quarantine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from headrace.domain.bad_rows import too_many_bad
from headrace.domain.contract import Contract
from headrace.domain.ledger import BatchRecord, FileRecord
from headrace.domain.outcome import FileResult, Verdict
from headrace.domain.replay import replay_of
from headrace.errors import HeadraceError, ObjectGoneError
from headrace.observability import logger
from headrace.transform import Block, FileRejected, FileReport, FileTransform
from headrace.usecases import paths
from headrace.usecases.claim import claim
from headrace.usecases.ports import Services
from headrace.usecases.results import UnitResult
from headrace.usecases.unit_folder import is_full, unit_folder
from headrace.usecases.unit_parts import FileRows, UnitParts


def transform_unit(batch: BatchRecord, number: int, services: Services) -> dict[str, Any]:
    """Transform the unit's files and write parts and results to the lake. Returns counts of files and rows.

    A file that cannot be read as its contract says fails alone. Trouble with S3, the ledger or the disk fails the unit,
    which is then done again from the start and writes the same.
    """
    contract = services.catalog.contract(batch.dataset)
    references = services.lake.read_json(paths.unit(batch.batch, number))
    with unit_folder() as folder:
        parts = UnitParts(folder, contract, batch.batch, number)
        files = services.ledger.files(reference["file_id"] for reference in references)
        results = [_transform_file(file, contract, parts, services) for file in files]
        result = UnitResult(number, contract.digest, parts.upload(services.lake), results)
    services.lake.write_json(paths.result(batch.batch, number), result.to_json())
    return _summary(result)


@dataclass(slots=True)
class _Account:
    """What is counted of a file while it streams."""

    broken: Counter[str] = field(default_factory=Counter)

    def add(self, block: Block) -> None:
        for row in block.bad:
            self.broken.update(f"{error.column or 'row'}: {error.rule}" for error in row.errors)


def _transform_file(file: FileRecord, contract: Contract, parts: UnitParts, services: Services) -> FileResult:
    rows = parts.begin(file)
    try:
        report, account = _read(file, contract, rows, parts.batch, services)
    except (FileRejected, ObjectGoneError) as error:
        result = FileResult(file.file_id, Verdict.FAILED, reason=str(error), contract_version=contract.version)
    except (HeadraceError, MemoryError):
        raise
    except Exception as error:  # a fault of ours must cost this file only, and be seen
        if is_full(error):
            raise
        logger.exception("a file could not be transformed", extra={"file": file.file_id, "key": file.key})
        reason = f"the transform broke on this file, which is a fault of Headrace: {type(error).__name__}: {error}"
        result = FileResult(file.file_id, Verdict.FAILED, reason=reason, contract_version=contract.version)
    else:
        result = _judged(file, report, account, contract, services)
    if result.verdict is Verdict.GOOD:
        rows.keep()
    elif result.rows_bad:
        rows.keep_bad()
    else:
        rows.drop()
    services.ledger.tell_file(file.file_id, "Transformed", _story(result))
    return result


def _read(
    file: FileRecord, contract: Contract, rows: FileRows, batch: str, services: Services
) -> tuple[FileReport, _Account]:
    account = _Account()
    with services.lake.open(file.bucket, file.key, file.version) as stream:
        transform = FileTransform(contract, stream, name=file.key, file_id=file.file_id, batch_id=batch)
        for block in transform:
            rows.add(block)
            account.add(block)
    return transform.report, account


def _judged(
    file: FileRecord, report: FileReport, account: _Account, contract: Contract, services: Services
) -> FileResult:
    """Whether a file that was read counts. Trouble with the ledger is not the file's, and passes through."""
    assert report.sha256 is not None
    held = too_many_bad(contract, report.rows_read, report.rows_bad, account.broken)
    if held:
        return _counted(report, Verdict.FAILED, contract, account, held)
    # Rows that come back from quarantine may equal those of another file, and are not a copy of them.
    replayed = replay_of(contract, file.key)
    holder = claim(file, f"{report.sha256}-{replayed}" if replayed else report.sha256, contract, services)
    if holder:
        return _duplicate(report, holder, contract)
    return _counted(report, Verdict.GOOD, contract, account)


def _counted(
    report: FileReport, verdict: Verdict, contract: Contract, account: _Account, reason: str | None = None
) -> FileResult:
    return FileResult(
        report.file_id,
        verdict,
        rows_read=report.rows_read,
        rows_good=report.rows_good if verdict is Verdict.GOOD else 0,
        rows_bad=report.rows_bad,
        sha256=report.sha256,
        reason=reason,
        contract_version=contract.version,
        detected=report.detected,
        broken=dict(account.broken),
    )


def _duplicate(report: FileReport, holder: FileRecord, contract: Contract) -> FileResult:
    return FileResult(
        report.file_id,
        Verdict.DUPLICATE,
        rows_read=report.rows_read,
        sha256=report.sha256,
        reason=_whose_content(report, holder),
        duplicate_of=holder.file_id,
        contract_version=contract.version,
        detected=report.detected,
    )


def _whose_content(report: FileReport, holder: FileRecord) -> str:
    if holder.key == report.name:
        return f"it is the same file, sent again: its content came with version {holder.version}"
    return f"its content is that of {holder.key} (version {holder.version}), which has it already"


def _story(result: FileResult) -> dict[str, Any]:
    told = {"verdict": str(result.verdict), "read": result.rows_read, "good": result.rows_good, "bad": result.rows_bad}
    return told | ({"reason": result.reason} if result.reason else {})


def _summary(result: UnitResult) -> dict[str, Any]:
    verdicts = Counter(file.verdict for file in result.files)
    return {
        "unit": result.unit,
        "files": {str(verdict): count for verdict, count in sorted(verdicts.items())},
        "rows_good": sum(file.rows_good for file in result.files),
        "rows_bad": sum(file.rows_bad for file in result.files),
    }
