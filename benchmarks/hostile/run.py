"""One file through the transform, as the function does it: `python -m benchmarks.hostile.run NUMBER PATH`.

Prints, as JSON, the verdict with its reason, and what the process took.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.hostile.kinds import KINDS, LOADED, QUARANTINED, REJECTED, Hostile
from headrace.domain.ledger import LIVE
from headrace.domain.outcome import FileResult, Verdict
from headrace.transform import read_quarantine
from headrace.usecases.allowance import Allowance
from headrace.usecases.record_batch import record_batch
from headrace.usecases.results import unit_results
from headrace.usecases.transform_unit import transform_unit
from tests.fakes import MemoryCatalog, MemoryLake, MemoryServices, file

FUNCTION_SECONDS, FUNCTION_MEMORY = 900, 1769 << 20
"""The transform's, in template.yaml."""
READ_BACK = 200
"""So many quarantined rows are looked at for their reasons."""


class FolderLake(MemoryLake):
    """A lake that reads the landed file from the disk, and keeps of what is written its reasons alone."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.rules: Counter[str] = Counter()

    def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        return self._path.open("rb")

    def upload(self, key: str, path: Path) -> int:
        if "quarantine" in key:
            for _, row in zip(range(READ_BACK), read_quarantine(path), strict=False):
                self.rules.update(f"{error.rule}: {error.reason}" for error in row.errors)
        return path.stat().st_size


def verdict_of(kind: Hostile, path: Path) -> dict[str, Any]:
    """`{"verdict", "reason", "rows", "mb", "seconds"}`, the last two of this process."""
    began = time.monotonic()
    lake = FolderLake(path)
    services = MemoryServices(MemoryCatalog(kind.contract), lake=lake)
    services.ledger.record_arrival(file(path.name, dataset=kind.contract.dataset, size=path.stat().st_size))
    recorded = record_batch(kind.contract.dataset, LIVE, 1, "hostile-1", services)
    batch = services.ledger.batch(recorded["batch"])
    allowance = Allowance(lambda: began + FUNCTION_SECONDS - time.monotonic(), FUNCTION_MEMORY)
    transform_unit(batch, 1, services, allowance)
    (result,) = (found for unit in unit_results(lake, batch) for found in unit.files)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "verdict": _verdict(result),
        "reason": result.reason or "; ".join(rule for rule, _ in lake.rules.most_common(3)),
        "rows": result.rows_read,
        "mb": used.ru_maxrss / 1024,
        "seconds": used.ru_utime + used.ru_stime,
    }


def _verdict(result: FileResult) -> str:
    if result.verdict is Verdict.FAILED:
        return REJECTED
    return QUARANTINED if result.rows_bad else LOADED


def problem(kind: Hostile, found: dict[str, Any]) -> str:
    """What is wrong with a verdict; nothing if it is the right one."""
    if found["verdict"] != kind.verdict:
        return f"it should be {kind.verdict}"
    if kind.says not in found["reason"]:
        return f"the reason should say {kind.says!r}"
    if re.search("fault of Headrace|Error at ", found["reason"]):
        return "it is a fault of Headrace"
    return "" if found["reason"] or found["verdict"] == LOADED else "there is no reason"


if __name__ == "__main__":
    print(json.dumps(verdict_of(KINDS[int(sys.argv[1])], Path(sys.argv[2]))))
