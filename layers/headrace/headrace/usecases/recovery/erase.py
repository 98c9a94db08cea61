"""Every row of one value, a person's for example, goes out of landing, lake, quarantine, warehouse and ledger.

What is looked for decides what is found: the lake has every row that was ever good, quarantine every one that was not,
so together they say which landed files have rows of the value. What brought no rows, because it failed or is none of
the contract's files, is looked for the value in its bytes. The order is such that a run that breaks off is found
again by the next one: landed files go first, then what the ledger says of them, then the rows that point to them, the
warehouse's last.

What Headrace wrote about files and batches, reasons and stories, may repeat the value too, also where the bytes that
had it are gone: it is looked through by itself.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

from headrace.domain.clock import now
from headrace.domain.contract import Contract, Kind
from headrace.domain.ingest.arrival import contract_of
from headrace.domain.ingest.ledger import ERASED as IS_ERASED
from headrace.domain.ingest.ledger import UNROUTABLE, FileRecord, FileStatus, texts
from headrace.domain.sql_text import quoted
from headrace.errors import TerminalError
from headrace.transform.decode.compression import OPAQUE
from headrace.transform.erasure import Chosen, Value, bad_rows, count_rows, good_rows, write_without
from headrace.usecases import lake_paths
from headrace.usecases.ingest.refresh_views import refresh_view
from headrace.usecases.ports import (
    HasBatches,
    HasContracts,
    HasEvents,
    HasFigures,
    HasFiles,
    HasLake,
    HasRows,
    HasWarehouse,
    Landing,
)
from headrace.usecases.recovery.reconcile_warehouse import IDS_AT_ONCE

UNDER_WAY = {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING, FileStatus.HELD}
"""Files whose rows may come to the lake or the table while one looks."""
NEVER_READ = {FileStatus.FAILED, FileStatus.UNROUTABLE, FileStatus.WAITING, FileStatus.GROUPED}
"""Files of which neither lake nor quarantine has the rows, or has them as those of another."""
KINDS = {Kind.STRING, Kind.INTEGER}
ERASED = "erased"
LONGEST_VALUE = 2_000
"""Bytes of a value that are compared."""
READ_AT_ONCE = 1 << 20
OVERLAP = 1 << 16
"""Bytes of one piece that are looked at again with the next: a value may stand across both, each character escaped, in
XML as `&#x1F600;`, in UTF-16."""
CUT = b"xx"
"""A letter in every encoding that a value is looked for in: `M-17` before it is a part of a longer word."""

Progress = Callable[[str], None]
"""Takes a line about what is being done."""


class Services(HasBatches, HasContracts, HasEvents, HasFigures, HasFiles, HasLake, HasRows, HasWarehouse, Protocol):
    """The ports used here."""


class EraseError(TerminalError):
    """What was asked for cannot be erased as it stands."""


@dataclass(slots=True)
class Report:
    """What went, or would go: landed versions, rows of the lake, of quarantine and of the table, lines of stories.

    `history_entries` are figures, findings and reasons of decisions in the warehouse.

    `unread` are landed files that may have the value: they brought no rows, and their bytes are no plain text.
    """

    landed: list[str] = field(default_factory=list)
    lake_rows: int = 0
    bad_rows: int = 0
    table_rows: int = 0
    ledger_entries: int = 0
    history_entries: int = 0
    remains: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether there was anything."""
        entries = self.ledger_entries or self.history_entries
        return bool(self.landed or self.lake_rows or self.bad_rows or self.table_rows or entries)


def erase(
    contract: Contract, value: Value, landing: Landing, services: Services, progress: Progress, *, dry_run: bool = False
) -> Report:
    """Erase the rows, or count them. Raises EraseError for a column that cannot be asked, or while files are under way.

    Doing it again finds what is left; where nothing is, nothing is changed.
    """
    value = _as_written(contract, value)
    which = _condition(contract, value)
    files = list(services.files.of_dataset(contract.dataset))
    _refuse_under_way(files)
    work = _Erasure(contract, value, which, services, progress, dry_run=dry_run)
    with tempfile.TemporaryDirectory() as folder:
        work.look(Path(folder))
        work.erase_landed([*files, *_passed_over(contract, services)], landing)
        work.erase_ledger()
        work.erase_parts(Path(folder))
    work.erase_history()
    work.erase_table()
    return work.report


def _as_written(contract: Contract, value: Value) -> Value:
    """The value as files of the contract have it; a whole number as Headrace writes it: `007` is 7."""
    value = value.of(contract)
    if not value.whole:
        return value
    try:
        return replace(value, text=str(int(value.text)))
    except ValueError as error:
        raise EraseError(f"{value.column} is a whole number") from error


def _condition(contract: Contract, value: Value) -> str:
    column = next((column for column in contract.columns if column.name == value.column), None)
    if column is None or column.kind not in KINDS:
        known = ", ".join(item.name for item in contract.columns if item.kind in KINDS)
        raise EraseError(f"{contract.dataset} has no column {value.column} of text or whole numbers; it has {known}")
    if not value.text.strip():
        raise EraseError("an empty value would be looked for everywhere: name one")
    if len(value.text.encode()) > LONGEST_VALUE:
        raise EraseError(f"a value of more than {LONGEST_VALUE:,} bytes cannot be looked for")
    if column.kind is Kind.INTEGER:
        return f"{column.name} = {value.text}"
    return f"{column.name} = {quoted(value.text, LONGEST_VALUE)}"


def _refuse_under_way(files: Iterable[FileRecord]) -> None:
    busy = [file for file in files if file.status in UNDER_WAY]
    if busy:
        first = f"{busy[0].key} is {busy[0].status}"
        raise EraseError(f"{len(busy)} files are under way ({first}): their rows could come after the search")


def _passed_over(contract: Contract, services: Services) -> Iterator[FileRecord]:
    """Objects in the dataset's folder that were none of its files, or came before it had one."""
    contracts = [*services.contracts.all(), contract]
    for file in services.files.of_dataset(UNROUTABLE):
        folder = contract_of(file.key, contracts)
        if folder and folder.dataset == contract.dataset:
            yield file


class _Erasure:
    """One run over one dataset."""

    def __init__(
        self, contract: Contract, value: Value, which: str, services: Services, progress: Progress, *, dry_run: bool
    ) -> None:
        self._contract = contract
        self._value = value
        self._which = which
        self._services = services
        self._progress = progress
        self._dry_run = dry_run
        self._parts: list[tuple[str, Chosen]] = []
        self._files: Counter[str] = Counter()
        self._named: list[str] = []
        self.report = Report()

    # -- the search ---------------------------------------------------------------------------------------------------

    def look(self, folder: Path) -> None:
        """Find every part of the lake and of quarantine with rows of the value, and the files that those came in."""
        dataset = self._contract.dataset
        self.report.lake_rows = self._look_in(f"{dataset}/batch=", good_rows(self._value), "_file_id", folder)
        prefix = lake_paths.quarantine(dataset, "", "").split("batch=")[0]
        self.report.bad_rows = self._look_in(prefix, bad_rows(self._value), "file_id", folder)

    def _look_in(self, prefix: str, chosen: Chosen, file_id: str, folder: Path) -> int:
        rows = 0
        for number, (key, _) in enumerate(self._services.lake.listing(prefix), start=1):
            self._progress(f"part {number:,} below {prefix}")
            found = count_rows(self._fetched(key, folder), chosen, file_id)
            if found:
                self._parts.append((key, chosen))
                self._files.update(found)
                rows += found.total()
        return rows

    def _fetched(self, key: str, folder: Path) -> Path:
        path = folder / "part"
        path.write_bytes(self._services.lake.read(key))
        return path

    # -- landing ------------------------------------------------------------------------------------------------------

    def erase_landed(self, files: list[FileRecord], landing: Landing) -> None:
        """Delete the landed versions that have rows of the value: their copies too, and files that never loaded.

        Notes the files of which the ledger may keep the value besides.
        """
        originals = self._files.keys() | set()
        for file in files:
            copied = file.duplicate_of in originals
            if file.file_id in originals or copied or (not file.has_rows and self._stands_in(file, originals)):
                self._files.setdefault(file.file_id, 0)
                if not file.members and landing.has(file.key, file.version):  # a marker has no rows: its files have
                    self._delete(file, landing)
            elif self._mentions(file.key, file.reason, file.detected):
                self._files.setdefault(file.file_id, 0)

    def _mentions(self, *what: object) -> bool:
        return any(map(self._is_mention, texts(what)))

    def _is_mention(self, text: str) -> bool:
        return self._value.stands_in(text.encode())

    def _stands_in(self, file: FileRecord, originals: AbstractSet[str]) -> bool:
        """Whether the bytes of a file that brought no rows have the value. Where no text stands plain, it is named.

        If it is one of a group that had the value, it goes instead.
        """
        if file.status not in NEVER_READ:
            return False
        try:
            with self._services.lake.open(file.bucket, file.key, file.version) as source:
                pieces = _pieces(source)
                first = next(pieces, b"")
                found = any(self._value.stands_in(piece) for piece in chain([first], pieces))
        except TerminalError:  # it is gone, what was written about it may not be
            self._files.setdefault(file.file_id, 0)
            return False
        if not found and first.startswith(OPAQUE):
            if file.group in originals:
                return True
            self.report.unread.append(file.key)
        return found

    def _delete(self, file: FileRecord, landing: Landing) -> None:
        self.report.landed.append(file.key)
        self._progress(f"landed: {file.key}")
        if not self._dry_run:
            # Before it is deleted: the event that this causes must not remove the file's other rows.
            self._services.events.note_file(file.file_id, IS_ERASED, {"from": "landing"})
            landing.delete(file.key, file.version)

    # -- lake, ledger, warehouse --------------------------------------------------------------------------------------

    def erase_parts(self, folder: Path) -> None:
        """Write each part again without the rows, and its manifest with the new size."""
        for key, chosen in self._parts if not self._dry_run else ():
            self._progress(f"lake: {key}")
            rest = folder / "rest"
            write_without(self._fetched(key, folder), rest, chosen)
            size = self._services.lake.replace(key, rest)
            self._correct_manifest(key, size)

    def _correct_manifest(self, key: str, size: int) -> None:
        """COPY and the nightly comparison go by the sizes in the batch's manifest, where it has not expired."""
        name = lake_paths.manifest(key.split("/batch=")[1].split("/", maxsplit=1)[0])
        found = self._services.lake.find_json(name)
        url = f"s3://{self._services.lake.bucket}/{key}"
        for entry in found["entries"] if found else ():
            if entry["url"] == url:
                entry["meta"]["content_length"] = size
                self._services.lake.write_json(name, found)

    def erase_ledger(self) -> None:
        """Take the value out of reasons and stories of files and their batches, and name the keys that it stands in."""
        files = self._services.files.known(self._files).values()
        for batch in sorted({name for file in files for name in self._batches_of(file)}):
            self.report.ledger_entries += self._scrubbed_batch(batch)
        named = set()
        for file in files:
            if self._value.stands_in(file.key.encode()):
                self.report.remains.append(f"the key {file.key} itself: a record is named after it")
                named.add(file.object_id)
            self.report.ledger_entries += self._services.events.scrub_file(
                file.file_id, self._is_mention, dry_run=self._dry_run
            )
        self._named = sorted(named)

    def _batches_of(self, file: FileRecord) -> set[str]:
        """The batches that the file is, or was, in. Its story, until it is scrubbed, names those that were given up."""
        named = {line.detail.get("batch") for line in self._services.events.of_file(file.file_id)}
        return {str(batch) for batch in named | {file.batch, file.merge} if batch}

    def _scrubbed_batch(self, name: str) -> int:
        count = self._services.events.scrub_batch(name, self._is_mention, dry_run=self._dry_run)
        try:
            batch = self._services.batches.get(name)
        except KeyError:
            return count
        if not self._mentions(batch.reason):
            return count
        if not self._dry_run:
            self._services.batches.save(replace(batch, reason=ERASED))
        return count + 1

    def erase_history(self) -> None:
        """Delete what the warehouse says of checks and decisions, also of batches that never reached the table."""
        dataset, text = self._contract.dataset, self._value.text
        figures = self._services.figures.figures_of(dataset, text)
        sentences = [said for said in self._services.figures.sentences_with(dataset, text) if self._mentions(said)]
        self.report.history_entries = figures + len(sentences)
        if not self._dry_run and self.report.history_entries:
            self._services.figures.erase_mentions(dataset, text, sentences)

    def erase_table(self) -> None:
        """Delete the rows in one transaction under the lock that loads take; the row balance counts them superseded."""
        contract, table = self._contract, self._services.rows
        self._progress(f"the table {contract.target}")
        asked = [contract.target]
        if contract.deleted_keys and self._value.column in contract.deleted_key_columns:
            asked.append(contract.deleted_keys)
        if contract.history and self._value.column != contract.deleted_at:
            asked += [contract.versions, contract.history_table]
        self.report.table_rows = rows = sum(table.count(name, self._which) for name in asked)
        if self._dry_run:
            return
        if rows:
            table.erase(contract, asked, f"erase-{contract.dataset}-{now()}", self._which)
            for view in contract.views:
                refresh_view(view.name, self._services)
        self._correct_counts()
        for start in range(0, len(self._named), IDS_AT_ONCE):
            self._services.rows.forget_objects(self._contract.dataset, self._named[start : start + IDS_AT_ONCE])

    def _correct_counts(self) -> None:
        """The ledger's counts follow the warehouse's: of every erasure, since an earlier one may have broken off."""
        ids = self._services.rows.erased_files(self._contract.dataset)
        for start in range(0, len(ids), IDS_AT_ONCE):
            some = ids[start : start + IDS_AT_ONCE]
            rows = self._services.rows.accounts(some)
            known = self._services.files.known(some)
            self._services.files.correct_rows(
                replace(
                    known[name], rows=replace(known[name].rows, loaded=loaded, superseded=gone + known[name].replayed)
                )
                for name, (loaded, gone) in rows.items()
                if name in known
            )


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    """The bytes in pieces that overlap. Where one is cut it has a letter: what stands there stands whole in another."""
    before, piece = b"", source.read(READ_AT_ONCE)
    while piece:
        following = source.read(READ_AT_ONCE)
        yield before + piece + (CUT if following else b"")
        before, piece = CUT + piece[-OVERLAP:], following
