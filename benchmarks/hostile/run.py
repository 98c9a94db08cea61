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
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.hostile.kinds import KINDS, LOADED, QUARANTINED, REJECTED, Hostile
from headrace.domain.ingest.ledger import LIVE
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.transform import read_quarantine
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.results import unit_results
from headrace.usecases.unit.allowance import Allowance
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryLake, MemoryServices, contracts_of, file

FUNCTION_SECONDS, FUNCTION_MEMORY = 900, 1769 << 20
"""The transform's, in template.yaml. It has a whole CPU there, so here its clock is that of its computing: a machine that
does other things beside it would end it too early.
"""
READ_BACK = 200
"""So many quarantined rows are looked at for their reasons, when all is measured."""
STATUS = Path("/proc/self/status")


class FolderLake(MemoryLake):
    """A lake that reads the landed file from the disk, and keeps the quarantine beside it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.quarantined: list[Path] = []

    def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        return self._path.open("rb")

    def open_at(self, bucket: str, key: str, version: str, start: int) -> BinaryIO:
        raise AssertionError(key)

    def remove(self, key: str) -> None:
        raise AssertionError(key)

    def upload(self, key: str, path: Path) -> int:
        if "quarantine" in key:
            self.quarantined.append(path.rename(self._path.with_suffix(f".bad{len(self.quarantined)}")))
            path = self.quarantined[-1]
        return path.stat().st_size

    def rules(self) -> Counter[str]:
        """What some of the quarantined rows broke; they are gone then."""
        found: Counter[str] = Counter()
        for path in self.quarantined:
            for _, row in zip(range(READ_BACK), read_quarantine(path), strict=False):
                found.update(f"{error.rule}: {error.reason}" for error in row.errors)
            path.unlink()
        return found


class Watched(Allowance):
    """An allowance that notes the longest time of computing between two looks at it."""

    longest = 0.0

    def of_file(self, size: int) -> Callable[[], None]:
        check, last = super().of_file(size), time.process_time()

        def noted() -> None:
            nonlocal last
            now = time.process_time()
            self.longest, last = max(self.longest, now - last), now
            check()

        return noted


def most_memory() -> float:
    """The most memory that this program has had, in MB: `ru_maxrss` would count in that of the one that started it.

    https://man7.org/linux/man-pages/man5/proc_pid_status.5.html, VmHWM.
    """
    return int(re.findall(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[0]) / 1024


def verdict_of(kind: Hostile, path: Path) -> dict[str, Any]:
    """`{"verdict", "reason", "rows", "mb", "seconds", "longest"}`, the last three of this process.

    `longest` are the seconds of computing between two looks at the limits of time and memory.
    """
    lake = FolderLake(path)
    services = MemoryServices(contracts_of(kind.contract), lake=lake)
    services.ledger.files.record_arrival(file(path.name, dataset=kind.contract.dataset, size=path.stat().st_size))
    recorded = record_batch(kind.contract.dataset, LIVE, 1, "hostile-1", services)
    batch = services.ledger.batches.get(recorded["batch"])
    allowance = Watched(lambda: FUNCTION_SECONDS - time.process_time(), FUNCTION_MEMORY)
    transform_unit(batch, 1, services, allowance)
    (result,) = (found for unit in unit_results(lake, batch) for found in unit.files)
    used, memory = time.process_time(), most_memory()
    rules = lake.rules()
    return {
        "verdict": _verdict(result),
        "reason": result.reason or "; ".join(rule for rule, _ in rules.most_common(3)),
        "rows": result.rows_read,
        "mb": memory,
        "seconds": used,
        "longest": allowance.longest,
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
    resource.setrlimit(resource.RLIMIT_CPU, (FUNCTION_SECONDS, FUNCTION_SECONDS))
    print(json.dumps(verdict_of(KINDS[int(sys.argv[1])], Path(sys.argv[2]))))
