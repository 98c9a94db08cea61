"""Whether the lake has the Parquet parts that the batches' manifests promise, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, Protocol

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.usecases import lake_paths
from headrace.usecases.ports import HasBatches, HasLake
from headrace.usecases.recovery.reconcile_report import Difference

BROUGHT = {FileStatus.LOADED, FileStatus.STAGED, FileStatus.MERGING}
AT_ONCE = 8
"""Batches whose parts are looked up side by side: each takes two calls of S3."""


class Services(HasBatches, HasLake, Protocol):
    """The ports used here."""


class LakeParts:
    """Of one dataset. `parts` is how many were looked at; each batch is looked at once, even if in several slices."""

    def __init__(self, dataset: str, services: Services) -> None:
        self._dataset = dataset
        self._services = services
        self._seen: set[str] = set()
        self.parts = 0

    def of(self, files: Iterable[FileRecord]) -> Iterator[Difference]:
        """The batches that brought these files."""
        batches = {file.batch: file.key for file in files if file.status in BROUGHT and file.batch}
        fresh = [(batch, key) for batch, key in batches.items() if batch not in self._seen]
        self._seen |= batches.keys()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for count, differences in pool.map(lambda item: self._of_batch(*item), fresh):
                self.parts += count
                yield from differences

    def strays(self) -> Iterator[Difference]:
        """Parts in the lake of unknown batches: only once all files were looked at."""
        everything = self._services.lake.listing(f"{self._dataset}/batch=")
        for batch, parts in groupby((part for part, _ in everything), _batch_of):
            if batch in self._seen:
                continue
            stray = not self._known(batch)
            for part in parts:
                self.parts += 1
                if stray:
                    what = f"{part} is of a batch that the ledger does not know"
                    advice = "nothing of Headrace's wrote it: find out who did, then delete it"
                    yield Difference("stray part", self._dataset, what, advice)

    def _known(self, batch: str) -> bool:
        try:
            self._services.batches.get(batch)
        except KeyError:
            return False
        return True

    def _of_batch(self, batch: str, key: str) -> tuple[int, list[Difference]]:
        there = dict(self._services.lake.listing(f"{self._dataset}/batch={batch}/"))
        wrong = [(part, size) for part, size in self._promised(batch).items() if there.get(part) != size]
        return len(there), [self._wrong(batch, key, part, size, there.get(part)) for part, size in wrong]

    def _wrong(self, batch: str, key: str, part: str, size: int, is_there: int | None) -> Difference:
        state = "is missing" if is_there is None else f"has {is_there:,} bytes, not {size:,}"
        advice = f"the table is not affected; `headrace reload {key} --force` writes its rows again"
        return Difference("lake part", self._dataset, f"{part} of {batch} {state}", advice)

    def _promised(self, batch: str) -> dict[str, int]:
        """The parts of a batch and their sizes, by its manifest. None once the manifest has expired."""
        manifest: dict[str, Any] = self._services.lake.find_json(lake_paths.manifest(batch)) or {"entries": []}
        start = len(f"s3://{self._services.lake.bucket}/")
        return {entry["url"][start:]: entry["meta"]["content_length"] for entry in manifest["entries"]}


def _batch_of(part: str) -> str:
    return part.split("/")[1].removeprefix("batch=")
