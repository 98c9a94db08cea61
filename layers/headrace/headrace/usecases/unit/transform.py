"""One unit of work: stream each of its files once, good rows to Parquet, bad rows to quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from headrace.domain.contract import Contract
from headrace.domain.ingest.bad_rows import hopeless, most_bad_rows, too_many_bad
from headrace.domain.ingest.ledger import TRANSFORMED, BatchRecord, FileRecord
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.replay import replay_of
from headrace.errors import HeadraceError, ObjectGoneError, place_of
from headrace.observability import logger
from headrace.transform import Block, FileRejected, FileReport, FileTransform
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.ports import HasCatalog, HasContents, HasEvents, HasFiles, HasLake
from headrace.usecases.unit.allowance import COSTLY, Allowance, too_large
from headrace.usecases.unit.deduplicate import claim
from headrace.usecases.unit.folder import is_full, unit_folder
from headrace.usecases.unit.parts import FileRows, UnitParts


class Services(HasCatalog, HasContents, HasEvents, HasFiles, HasLake, Protocol):
    """The ports used here."""


def transform_unit(
    batch: BatchRecord, number: int, services: Services, allowance: Allowance | None = None
) -> dict[str, Any]:
    """Transform the unit's files and write parts and results to the lake. Returns counts of files and rows.

    A file that cannot be read as its contract says fails alone, and so does one that takes more time or memory than
    `allowance` has for it. Trouble with S3, the ledger or the disk fails the unit, which is then done again from the
    start and writes the same; only of files that were too much for it nothing more is tried.
    """
    contract = services.catalog.contract(batch.dataset)
    references = services.lake.read_json(lake_paths.unit(batch.batch, number))
    with unit_folder() as folder:
        parts = UnitParts(folder, contract, batch.batch, number)
        files = services.files.get_all(reference["file_id"] for reference in references)
        unit = _Unit(contract, parts, lake_paths.refused(batch.batch, number), services, allowance or Allowance())
        results = unit.transform(files)
        result = UnitResult(number, contract.digest, parts.upload(services.lake), results)
    services.lake.write_json(lake_paths.result(batch.batch, number), result.to_json())
    return _summary(result)


@dataclass(slots=True)
class _Account:
    """What is counted of a file while it streams. `held` says why what comes after `report` need not be read."""

    report: FileReport
    broken: Counter[str] = field(default_factory=Counter)
    held: str | None = None

    def add(self, block: Block, report: FileReport, contract: Contract) -> Block:
        """Counts a block. Gives what counts of it: where too many rows are bad, up to the first one too many.

        So what is told and kept of a file that is held back does not depend on how it was read.
        """
        too_many = report.rows_bad - most_bad_rows(contract)
        if too_many > 0:
            block = Block(block.good, block.bad[: len(block.bad) - too_many + 1])
        for row in block.bad:
            self.broken.update(f"{error.column or 'row'}: {error.rule}" for error in row.errors)
        self.report = replace(report)
        if too_many > 0:
            read, bad = block.bad[-1].row_number, most_bad_rows(contract) + 1
            self.report = replace(report, rows_read=read, rows_bad=bad, rows_good=read - bad)
            self.held = hopeless(contract, read, bad, self.broken)
        return block


class _Unit:
    """The files of a unit, one after the other."""

    def __init__(
        self, contract: Contract, parts: UnitParts, refused: str, services: Services, allowance: Allowance
    ) -> None:
        self._contract = contract
        self._parts = parts
        self._path = refused
        self._services = services
        self._allowance = allowance

    def transform(self, files: Sequence[FileRecord]) -> list[FileResult]:
        """What became of each file."""
        refused = self._refused_before()
        results: list[FileResult] = []
        for file in files:
            result = refused.get(file.file_id) or self._transform_file(file, refused)
            self._services.events.note_file(file.file_id, TRANSFORMED, _story(result))
            results.append(result)
        return results

    def _refused_before(self) -> dict[str, FileResult]:
        """The files that were too much for an earlier try, under the contract as it is now."""
        known = self._services.lake.find_json(self._path) or {"contract": None, "files": []}
        if known["contract"] != self._contract.digest:
            return {}
        return {file["file_id"]: FileResult.from_json(file) for file in known["files"]}

    def _transform_file(self, file: FileRecord, refused: dict[str, FileResult]) -> FileResult:
        rows = self._parts.begin(file)
        try:
            report, account = self._read(file, rows)
        except (FileRejected, ObjectGoneError) as error:
            result = self._failed(file, str(error))
            if isinstance(error, FileRejected) and error.code in COSTLY:
                self._refuse(refused | {file.file_id: result})
                refused[file.file_id] = result
        except MemoryError:
            result = self._failed(file, too_large(self._allowance.memory))
        except HeadraceError:
            raise
        except Exception as error:  # a fault of ours must cost this file only, and be seen
            if is_full(error):
                raise
            result = self._failed(file, _broke_on(file, error))
        else:
            result = _judged(file, report, account, self._contract, self._services)
        if result.verdict is Verdict.GOOD:
            rows.keep()
        elif result.rows_bad:
            rows.keep_bad()
        else:
            rows.drop()
        return result

    def _failed(self, file: FileRecord, reason: str) -> FileResult:
        return FileResult(file.file_id, Verdict.FAILED, reason=reason, contract_version=self._contract.version)

    def _refuse(self, refused: dict[str, FileResult]) -> None:
        files = [result.to_json() for result in refused.values()]
        self._services.lake.write_json(self._path, {"contract": self._contract.digest, "files": files})

    def _read(self, file: FileRecord, rows: FileRows) -> tuple[FileReport, _Account]:
        """Read the file, to its end unless it is held back before."""
        contract = self._contract
        with self._services.lake.open(file.bucket, file.key, file.version) as stream:
            transform = FileTransform(
                contract,
                stream,
                name=file.key,
                file_id=file.file_id,
                batch_id=self._parts.batch,
                guard=self._allowance.of_file(file.size),
            )
            account = _Account(transform.report)
            for block in transform:
                rows.add(account.add(block, transform.report, contract))
                if account.held:
                    return account.report, account
        return transform.report, replace(account, held=None)


def _broke_on(file: FileRecord, error: Exception) -> str:
    """Logs a fault of ours, and gives the reason for people: where it is, without its words, which may quote a row."""
    frames = place_of(error)
    fault = type(error).__name__
    extra = {"file": file.file_id, "key": file.key, "fault": fault, "frames": frames}
    logger.error("a file could not be transformed", extra=extra)
    return f"the transform broke on this file, which is a fault of Headrace: {fault} at {frames[-1]}"


def _judged(
    file: FileRecord, report: FileReport, account: _Account, contract: Contract, services: Services
) -> FileResult:
    """Whether a file that was read counts. Trouble with the ledger is not the file's, and passes through."""
    held = account.held or too_many_bad(contract, report.rows_read, report.rows_bad, account.broken)
    if held:
        return _counted(report, Verdict.FAILED, contract, account, held)
    assert report.sha256 is not None
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
