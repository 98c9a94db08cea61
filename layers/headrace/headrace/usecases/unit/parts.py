"""The Parquet parts of a unit of work.

Whether a file counts is known only at its end, when its content has been hashed. Until then its rows are held back:
in memory while they are few, in a part of their own when they are many. So a failed or duplicate file leaves no trace
in a part, and memory does not grow with the file.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.load import Part
from headrace.transform import BadRow, Block, FileRejected, Limits, PartWriter, QuarantineWriter
from headrace.usecases import lake_paths
from headrace.usecases.ports import Lake

HOLD_BYTES = 64 << 20
ERROR_BYTES = 600
"""About what a bad row takes in memory for each error, beside its raw bytes."""


class Pair:
    """A part of good rows and one of bad rows, each made when its first row comes."""

    def __init__(self, folder: Path, contract: Contract, batch: str, name: str) -> None:
        self._contract = contract
        self._batch = batch
        self._name = name
        self._good_path = folder / f"{name}.good"
        self._bad_path = folder / f"{name}.bad"
        self._good: PartWriter | None = None
        self._bad: QuarantineWriter | None = None
        self.bad_key: str | None = None

    def write(self, tables: list[pa.Table], bad: list[BadRow], file: FileRecord, key: str | None = None) -> None:
        """Add rows of a file. `key` is that of the object that bad ones stand in, if it is not the file's own."""
        for table in tables:
            if table.num_rows:
                self._good = self._good or PartWriter(self._good_path, self._contract)
                self._good.write(table)
        if bad:
            self._bad = self._bad or QuarantineWriter(self._bad_path, self._contract, batch_id=self._batch)
            self._bad.write(bad, file_id=file.file_id, key=key or file.key)

    @property
    def size(self) -> int:
        """The bytes of both that are on the disk by now."""
        return sum(path.stat().st_size for path in (self._good_path, self._bad_path) if path.exists())

    def close(self) -> int:
        """Finish both; returns the good rows."""
        if self._bad:
            self._bad.close()
        return self._good.close() if self._good else 0

    def drop_good(self) -> None:
        """Leave out the good rows, and free their room on the disk."""
        if self._good:
            self._good.close()
            self._good = None
            self._good_path.unlink()

    def drop(self) -> None:
        """Leave out all rows, and free their room on the disk."""
        self.drop_good()
        if self._bad:
            self._bad.close()
            self._bad = None
            self._bad_path.unlink()

    def upload(self, lake: Lake) -> list[Part]:
        """Write both to the lake. Returns the part with good rows, if there are any."""
        rows = self.close()
        if self._bad:
            self.bad_key = lake_paths.quarantine(self._contract.dataset, self._batch, self._name)
            lake.upload(self.bad_key, self._bad_path)
        if not self._good:
            return []
        key = lake_paths.part(self._contract.dataset, self._batch, self._name)
        return [Part(key, lake.upload(key, self._good_path), rows)]


class UnitParts:
    """A pair that the unit's small files share, and one for each large file."""

    def __init__(self, folder: Path, contract: Contract, batch: str, unit: int) -> None:
        self.batch = batch
        self._folder = folder
        self._contract = contract
        self._name = f"{unit:04}"
        self.shared = self._pair(self._name)
        self.own: list[Pair] = []

    def begin(self, file: FileRecord) -> FileRows:
        """Take the rows of a file, to be kept or dropped as a whole."""
        return FileRows(file, self)

    def pair_of(self, file: FileRecord) -> Pair:
        """A pair for one large file alone."""
        return self._pair(f"{self._name}-{file.file_id}")

    def upload(self, lake: Lake) -> list[Part]:
        """Write all kept pairs to the lake, and empty what an earlier try has left there of bad rows."""
        parts = [part for pair in (self.shared, *self.own) for part in pair.upload(lake)]
        self._empty_earlier(lake)
        return parts

    def _empty_earlier(self, lake: Lake) -> None:
        """The contract may have changed since, and have fewer bad rows or others: only these may be replayed.

        The parts of the unit are emptied, since its function may not delete. Those of good rows need nothing: the
        manifest names the ones that are loaded.
        """
        written = {pair.bad_key for pair in (self.shared, *self.own)}
        begin = lake_paths.quarantine(self._contract.dataset, self.batch, self._name).removesuffix(lake_paths.PARQUET)
        for key, _ in list(lake.listing(begin)):
            if key not in written and key.startswith((f"{begin}-", f"{begin}{lake_paths.PARQUET}")):
                none = self._folder / "none.bad"
                QuarantineWriter(none, self._contract, batch_id=self.batch).close()
                lake.upload(key, none)

    def _pair(self, name: str) -> Pair:
        return Pair(self._folder, self._contract, self.batch, name)


class FileRows:
    """The rows of one file until it is known whether the file counts."""

    def __init__(self, file: FileRecord, parts: UnitParts) -> None:
        self._file = file
        self._parts = parts
        self._tables: list[pa.Table] = []
        self._bad: list[tuple[str, list[BadRow]]] = []
        self._held = 0
        self._own: Pair | None = None

    def add(self, block: Block, key: str | None = None) -> None:
        """Hold a block back, in memory or in the file's own pair. `key` is that of a file of a group."""
        self._tables.append(block.good)
        if block.bad:
            self._bad.append((key or self._file.key, block.bad))
        self._held += block.good.nbytes + sum(len(row.raw) + ERROR_BYTES * len(row.errors) for row in block.bad)
        if self._held > HOLD_BYTES:
            self._own = self._own or self._parts.pair_of(self._file)
            self._write_to(self._own)
            self._check_size(self._own.size)

    @staticmethod
    def _check_size(size: int) -> None:
        if size > (most := Limits().parquet):
            reason = f"its rows take more than {most:,} bytes as Parquet, and must fit on the function's disk"
            raise FileRejected("too_big", f"{reason}: send it as several files")

    def keep(self) -> None:
        """The file counts."""
        self._write_to(self._own or self._parts.shared)
        if self._own:
            self._parts.own.append(self._own)

    def keep_bad(self) -> None:
        """The file is held back: its bad rows stay for people to read, its good rows do not."""
        self._tables = []
        if self._own:
            self._own.drop_good()
        self.keep()

    def drop(self) -> None:
        """The file does not count: nothing of it stays."""
        self._tables, self._bad = [], []
        if self._own:
            self._own.drop()

    def _write_to(self, pair: Pair) -> None:
        pair.write(self._tables, [], self._file)
        for key, rows in self._bad:
            pair.write([], rows, self._file, key)
        self._tables, self._bad, self._held = [], [], 0
