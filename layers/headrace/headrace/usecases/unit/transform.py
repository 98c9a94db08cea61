"""One unit of work: stream each of its files once, good rows to Parquet, bad rows to quarantine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from headrace.domain.contract import Contract
from headrace.domain.ingest.groups import Members, opens
from headrace.domain.ingest.ledger import TRANSFORMED, TRANSFORMING, BatchRecord, FileRecord, FileStatus
from headrace.domain.ingest.load import Part
from headrace.domain.ingest.load_plan import MOST_RETURNS, origins_of
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.replay import replay_of
from headrace.domain.ingest.row_limits import is_judged, too_few, too_many_bad
from headrace.errors import CrowdedUnitError, HeadraceError, ObjectGoneError, place_of
from headrace.observability import logger
from headrace.transform import FileRejected, FileReport, FileTransform, GroupTransform
from headrace.transform.key_columns import key_columns
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.ports import Files, HasContents, HasContracts, HasEvents, HasFiles, HasLake
from headrace.usecases.unit.account import Account
from headrace.usecases.unit.allowance import COSTLY, Allowance, too_large
from headrace.usecases.unit.deduplicate import claim
from headrace.usecases.unit.folder import is_full, unit_folder
from headrace.usecases.unit.parts import FileRows, UnitParts


class Services(HasContents, HasContracts, HasEvents, HasFiles, HasLake, Protocol):
    """The ports used here."""


class Rows(Protocol):
    """The rows of one file until it is known whether the file counts."""

    def keep(self) -> None:
        """The file counts."""

    def keep_bad(self) -> None:
        """The file is held back: its bad rows stay for people to read, its good rows do not."""

    def drop(self) -> None:
        """The file does not count: nothing of it stays."""


R = TypeVar("R", bound=Rows)


class Engine(Protocol[R]):
    """What reads the files of a unit, and holds their rows."""

    def begin(self, file: FileRecord) -> R:
        """Take the rows of a file, to be kept or dropped as a whole."""

    def read(self, file: FileRecord, rows: R) -> tuple[FileReport, Account]:
        """Read the file, to its end unless it is held back before. Raises FileRejected and ObjectGoneError."""

    def upload(self) -> list[Part]:
        """Write what was kept to the lake, as far as it is not there. Returns the parts with good rows."""


def transform_unit(
    batch: BatchRecord, number: int, services: Services, allowance: Allowance | None = None
) -> dict[str, Any]:
    """Transform the unit's files and write parts and results to the lake. Returns counts of files and rows.

    A file that cannot be read as its contract says fails alone, and so does one that takes more time or memory than
    `allowance` has for it. Trouble with S3, the ledger or the disk fails the unit, which is then done again from the
    start and writes the same; only of files that were too much for it nothing more is tried.
    """
    contract = services.contracts.get(batch.dataset)
    allowance = allowance or Allowance()
    with unit_folder() as folder:
        engine = _OneProcess(UnitParts(folder, contract, batch.batch, number), contract, services, allowance)
        return transform_with(engine, batch, number, services, allowance.memory)


def transform_with(
    engine: Engine[R], batch: BatchRecord, number: int, services: Services, memory: int | None = None
) -> dict[str, Any]:
    """Transform the unit's files as `transform_unit` does, by an engine that has so many bytes of memory."""
    contract = services.contracts.get(batch.dataset)
    references = services.lake.read_json(lake_paths.unit(batch.batch, number))
    files = services.files.get_all(reference["file_id"] for reference in references)
    unit = _Unit(contract, engine, lake_paths.refused(batch.batch, number), services, memory)
    results = unit.transform(files)
    result = UnitResult(number, contract.digest, engine.upload(), results)
    services.lake.write_json(lake_paths.result(batch.batch, number), result.to_json())
    return _summary(result)


class _OneProcess:
    """Reads files one after the other, in this process."""

    def __init__(self, parts: UnitParts, contract: Contract, services: Services, allowance: Allowance) -> None:
        self._parts = parts
        self._contract = contract
        self._services = services
        self._allowance = allowance

    def begin(self, file: FileRecord) -> FileRows:
        return self._parts.begin(file)

    def read(self, file: FileRecord, rows: FileRows) -> tuple[FileReport, Account]:
        if self._contract.grouped and opens(self._contract, file.key):
            return self._read_group(file, rows)
        with self._services.lake.open(file.bucket, file.key, file.version) as stream:
            transform = FileTransform(
                self._contract,
                stream,
                name=file.key,
                file_id=file.file_id,
                batch_id=self._parts.batch,
                key=landed_key(file, self._contract, self._services.files),
                guard=self._allowance.of_file(file.size),
            )
            account = Account(transform.report)
            for block in transform:
                rows.add(account.add(block, transform.report, self._contract))
                if account.held:
                    return account.report, account
        return transform.report, account

    def _read_group(self, file: FileRecord, rows: FileRows) -> tuple[FileReport, Account]:
        lake = self._services.lake
        members = Members.from_json(lake.read_json(lake_paths.members(self._parts.batch, file.file_id)))
        if members.refused:
            raise FileRejected("group", members.refused)
        transform = GroupTransform(
            self._contract,
            members.files,
            lambda member: lake.open(file.bucket, member.key, member.version),
            name=file.key,
            file_id=file.file_id,
            batch_id=self._parts.batch,
            guard=self._allowance.of_file(file.size),
        )
        account = Account(transform.report)
        for block in transform:
            rows.add(account.add(block, transform.report, self._contract), transform.at)
            if account.held:
                return account.report, account
        return transform.report, account

    def upload(self) -> list[Part]:
        return self._parts.upload(self._services.lake)


class _Unit(Generic[R]):
    """The files of a unit, one after the other."""

    def __init__(
        self, contract: Contract, engine: Engine[R], refused: str, services: Services, memory: int | None
    ) -> None:
        self._contract = contract
        self._engine = engine
        self._path = refused
        self._services = services
        self._memory = memory

    def transform(self, files: Sequence[FileRecord]) -> list[FileResult]:
        """What became of each file.

        The first one's line ends what an earlier call of the unit wrote: if this one is killed, that says nothing.
        """
        if len(files) > 1:
            self._services.events.note_file(files[0].file_id, TRANSFORMING)
        refused = self._refused_before()
        results: list[FileResult] = []
        for file in files:
            try:
                result = refused.get(file.file_id) or self._result(file, refused)
            except OSError as error:
                if is_full(error) and results:
                    raise CrowdedUnitError(
                        f"the function's disk was full at file {len(results) + 1:,} of its unit"
                    ) from error
                raise
            self._services.events.note_file(file.file_id, TRANSFORMED, _story(result))
            results.append(result)
        return results

    def _refused_before(self) -> dict[str, FileResult]:
        """The files that were too much for an earlier try, under the contract as it is now."""
        known = self._services.lake.find_json(self._path) or {"contract": None, "files": []}
        if known["contract"] != self._contract.digest:
            return {}
        return {file["file_id"]: FileResult.from_json(file) for file in known["files"]}

    def _result(self, file: FileRecord, refused: dict[str, FileResult]) -> FileResult:
        if file.is_deletion:
            return FileResult(file.file_id, Verdict.GOOD, contract_version=self._contract.version)
        return self._transform_file(file, refused)

    def _transform_file(self, file: FileRecord, refused: dict[str, FileResult]) -> FileResult:
        rows = self._engine.begin(file)
        try:
            report, account = self._engine.read(file, rows)
        except (FileRejected, ObjectGoneError) as error:
            result = self._failed(file, str(error))
            if isinstance(error, FileRejected) and error.code in COSTLY:
                self._refuse(refused | {file.file_id: result})
                refused[file.file_id] = result
        except MemoryError:
            result = self._failed(file, too_large(self._memory))
        except HeadraceError:
            raise
        except Exception as error:  # a fault of ours must cost this file only, and be seen
            if is_full(error):
                raise
            result = self._failed(file, broke_on(file, error))
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


def broke_on(file: FileRecord, error: Exception) -> str:
    """Logs a fault of ours, and gives the reason for people: where it is, without its words, which may quote a row."""
    frames = place_of(error)
    fault = type(error).__name__
    extra = {"file": file.file_id, "key": file.key, "fault": fault, "frames": frames}
    logger.error("a file could not be transformed", extra=extra)
    return f"the transform broke on this file, which is a fault of Headrace: {fault} at {frames[-1]}"


def _judged(
    file: FileRecord, report: FileReport, account: Account, contract: Contract, services: Services
) -> FileResult:
    """Whether a file that was read counts. Trouble with the ledger is not the file's, and passes through."""
    held = account.held or too_many_bad(contract, report.rows_read, report.rows_bad, account.broken)
    if held:
        return _counted(report, Verdict.FAILED, contract, account, held)
    if shrunk := _shrunk(file, report, contract, services):
        return _counted(report, Verdict.HELD, contract, account, shrunk)
    assert report.sha256 is not None
    content = content_of(file, report.sha256, contract, empty=not report.rows_read)
    holder = _same_before(file, report.sha256, contract, services) or claim(file, content, contract, services)
    if holder:
        return _duplicate(report, holder, contract)
    return _counted(report, Verdict.GOOD, contract, account)


def _shrunk(file: FileRecord, report: FileReport, contract: Contract, services: Services) -> str | None:
    """Why the file waits for a person: it would replace many more rows than it has."""
    if not is_judged(file, contract):
        return None
    versions = services.contents.loaded_versions([file.place])[file.place]
    if contract.staged:  # what is only staged yet will be replaced, too
        known = services.contents.versions(file.bucket, file.key, before=file)
        versions = [*versions, *(version for version in known if version.rows.staged)]
    return too_few(file, report.rows_good, versions, contract)


def _same_before(file: FileRecord, sha256: str, contract: Contract, services: Services) -> FileRecord | None:
    """The version of the key with the same bytes that was loaded before the contract had columns from the key.

    Its content was claimed under another name. Where versions replace each other, loading it again does no harm.
    """
    adds = not contract.replace_versions and not contract.snapshot
    if not adds or not contract.key_columns or file.reload or replay_of(contract, file.key):
        return None
    versions = services.contents.versions(file.bucket, file.key, before=file)
    loaded = (version for version in versions if version.status is FileStatus.LOADED)
    return next((version for version in loaded if version.sha256 == sha256), None)


def content_of(file: FileRecord, sha256: str, contract: Contract, *, empty: bool = False) -> str:
    """What a file is a copy of if another has it too: its bytes, or its bytes under its key.

    A file without rows brings nothing that another key could have already, and takes out its own earlier version.
    The same bytes are other rows where columns have another value in the key. Rows that come back from quarantine may
    equal those of another file, and are not a copy of them; nor is a snapshot a copy of an older one, after which
    another may have come, nor a file of one whose deletion may be on its way.
    """
    if replayed := replay_of(contract, file.key):
        return f"{sha256}-{replayed}"
    if contract.snapshot or contract.removes_rows:
        return f"{sha256}-{_digest(file.file_id)}"
    if contract.load_copies or empty:
        return f"{sha256}-{_digest('/'.join(file.place))}"
    if contract.grouped and opens(contract, file.key):
        return sha256  # which is of the keys of its files, too
    columns = key_columns(contract, file.key)
    return f"{sha256}-{_digest(columns.text)}" if columns else sha256


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def landed_key(file: FileRecord, contract: Contract, files: Files) -> str:
    """The key under which the rows of a file landed first: rows that come back from quarantine have another one."""
    for _ in range(MOST_RETURNS if contract.key_columns else 0):
        origin = origins_of([file], contract).get(file.file_id)
        if origin is None:
            break
        file = files.known({origin}).get(origin, file)
    return file.key


def _counted(
    report: FileReport, verdict: Verdict, contract: Contract, account: Account, reason: str | None = None
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
    summary = {
        "verdict": str(result.verdict),
        "read": result.rows_read,
        "good": result.rows_good,
        "bad": result.rows_bad,
    }
    return summary | ({"reason": result.reason} if result.reason else {})


def _summary(result: UnitResult) -> dict[str, Any]:
    verdicts = Counter(file.verdict for file in result.files)
    return {
        "unit": result.unit,
        "files": {str(verdict): count for verdict, count in sorted(verdicts.items())},
        "rows_good": sum(file.rows_good for file in result.files),
        "rows_bad": sum(file.rows_bad for file in result.files),
    }
