"""A lake and a ledger in a folder: what a unit's transform needs of AWS, for one file, in any process."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.transform.data import CONTRACT
from headrace.domain.contract import Contract
from headrace.domain.contracts import Contracts
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.usecases import lake_paths

FOLDER = "HEADRACE_BENCH_FOLDER"
BATCH = "events-1"
FILE_ID = "f" * 24


class FolderLake:
    """The landed file and the lake's objects, as files."""

    bucket = "lake"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._landed = Path((folder / "landed").read_text())

    def open(self, *_: str) -> BinaryIO:
        return self._landed.open("rb")

    def open_at(self, _bucket: str, _key: str, _version: str, start: int) -> BinaryIO:
        stream = io.BufferedReader(io.FileIO(self._landed), 1 << 20)
        stream.seek(start)
        return stream

    def path(self, key: str) -> Path:
        """Where an object is."""
        return self._folder / "lake" / key

    def upload(self, key: str, path: Path) -> int:
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.path(key))
        return path.stat().st_size

    replace = upload

    def remove(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def write_json(self, key: str, value: Any) -> None:
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        self.path(key).write_text(json.dumps(value))

    def read_json(self, key: str) -> Any:
        return json.loads(self.read(key))

    def read(self, key: str) -> bytes:
        return self.path(key).read_bytes()

    def find_json(self, key: str) -> Any | None:
        return self.read_json(key) if self.path(key).exists() else None

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        root = self._folder / "lake"
        for path in sorted(root.rglob("*")):
            if path.is_file() and (key := str(path.relative_to(root))).startswith(prefix):
                yield key, path.stat().st_size


class FolderLedger:
    """One file, which nobody else claims."""

    def __init__(self, record: FileRecord) -> None:
        self._record = record

    def get_all(self, _: Iterable[str]) -> list[FileRecord]:
        return [self._record]

    def claim(self, _dataset: str, _sha256: str, file_id: str) -> str:
        return file_id

    def __getattr__(self, verb: str) -> Any:
        return lambda *_: None  # stories of files are not kept


class FolderServices:
    """The services of one process."""

    def __init__(self, folder: Path) -> None:
        self.lake: Any = FolderLake(folder)
        self.contracts = Contracts([contract()])
        size = Path((folder / "landed").read_text()).stat().st_size
        given: dict[str, Any] = {"etag": "e", "sequencer": "01", "arrived_at": "2026-01-01T00:00:00Z"}
        record = FileRecord(
            file_id=FILE_ID,
            dataset=CONTRACT.dataset,
            lane=LIVE,
            bucket="landing",
            key="events/events.csv",
            version="v1",
            size=size,
            status=FileStatus.PENDING,
            **given,
        )
        ledger: Any = FolderLedger(record)
        self.files = self.contents = self.events = ledger
        self.lake.write_json(lake_paths.unit(BATCH, 1), [{"file_id": FILE_ID}])


def contract() -> Contract:
    """The contract of the events."""
    return CONTRACT


def batch() -> BatchRecord:
    """The batch of the one file."""
    return BatchRecord(
        batch=BATCH, dataset=CONTRACT.dataset, lane=LIVE, generation=1, status=BatchStatus.RUNNING,
        file_ids=(FILE_ID,), started_at="2026-01-01T00:00:00Z", units=1,
    )  # fmt: skip


@cache
def services() -> Any:
    """The services of this process, whose environment names the folder."""
    return FolderServices(Path(os.environ[FOLDER]))
