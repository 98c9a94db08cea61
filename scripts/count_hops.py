"""The files that run when one good file goes from S3's event to its rows, without the engine that parses it.

    python -m scripts.count_hops

The deployed use cases load a file of two rows, over the services in memory of the tests; every module of which a
function is called is a file that a reader opens to follow it, and so are the handlers and two files that are no code.
The adapters behind the ports that were used are counted apart: what they do is what the verbs of the ports say.
`transform` is the engine.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from headrace.bootstrap.ingest import AwsServices
from headrace.domain.ingest.arrival import arrival_of
from headrace.domain.ingest.ledger import LIVE
from headrace.domain.sql_text import SqlText
from headrace.domain.statement import StatementState
from headrace.usecases.ingest import starter
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.results import file_results
from headrace.usecases.ingest.run_statements import LOAD, look, submit
from headrace.usecases.unit.transform import transform_unit
from headrace_compiler.sql.texts import texts_of
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract

ROOT = Path(__file__).resolve().parents[1]
LAYER = ROOT / "layers" / "headrace" / "headrace"
NO_CODE = ("template.yaml", "statemachine/ingest.asl.json")
HANDLERS = ("starter", "record_batch", "transform", "prepare_load", "run_statements", "record_outcome")
SHARED = {"ledger": ("adapters/table.py", "adapters/ledger/items.py"), "accounts": ("adapters/accounts/sql.py",)}
"""What the adapters of a package share, and is opened with them."""
GOOD = b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\nm2,2026-01-01T00:00:00Z,2\n"
EVENT = {
    "time": "2026-01-01T00:00:00Z",
    "detail": {
        "bucket": {"name": "landing"},
        "object": {"key": "readings/a.csv", "version-id": "v1", "size": len(GOOD), "etag": "e", "sequencer": "01"},
    },
}


class Transactions(MemoryWarehouse):
    """A warehouse whose transactions have ended when they are looked at."""

    def submit_transaction(self, statements: list[str], *name: str) -> str:
        self.ran += statements
        return name[-1]

    def look(self, *_: object) -> StatementState:
        return StatementState(ended=True)


@dataclass
class Written(MemoryServices):
    """Services whose SQL is written before, as it is in the layer."""

    written: dict[SqlText, str] = field(default_factory=lambda: texts_of(contract()))

    @property
    def sql(self) -> Any:
        return SimpleNamespace(text=lambda _, name: self.written[name])


class Noting:
    """Services that note which ports they were asked for."""

    def __init__(self, services: MemoryServices) -> None:
        self._services = services
        self.ports: set[str] = set()

    def __getattr__(self, port: str) -> Any:
        self.ports.add(port)
        return getattr(self._services, port)


def load_one_file(services: Any) -> None:
    """The path: each step is what the function of its name does."""
    file = starter.record(arrival_of(EVENT), services)
    starter.wake(file.dataset, services, file.lane)
    recorded = record_batch(file.dataset, LIVE, 1, "readings-1", services)
    batch = services.batches.get(recorded["batch"])
    for unit in recorded["units"]:
        transform_unit(batch, unit, services)
    ready = prepare_load(batch, "default", services)
    statement = submit(ready["statements"], batch.batch, LOAD, "t", 0, services.warehouse)
    look(statement, services.contracts.get(file.dataset), services.warehouse)
    record_outcome(batch, file_results(batch, services), services)


def services_with_a_file() -> MemoryServices:
    """The services of the tests, with the object landed, and a warehouse that has loaded it."""
    services = Written(warehouse=Transactions())
    arrival = arrival_of(EVENT)
    services.lake.landed[arrival.bucket, arrival.key, arrival.version] = GOOD
    services.warehouse.answers["etl.load_files"] = [[arrival.file_id, "readings-1", 2, 2, 0]]
    return services


def called(work: Callable[[], None]) -> set[Path]:
    """The files of the layer of which a function is called meanwhile."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return {path for path in map(Path, found) if path.is_relative_to(LAYER)}


def adapters(ports: set[str]) -> set[Path]:
    """The modules that take the place of ports on AWS, and what these share."""
    found: set[Path] = set()
    for port in ports:
        made = getattr(AwsServices, port, None)
        get = made.func if isinstance(made, cached_property) else getattr(made, "fget", None)
        kind = typing.get_type_hints(get)["return"] if get else None
        if kind and kind.__module__.startswith("headrace.adapters."):
            module = kind.__module__.removeprefix("headrace.").replace(".", "/")
            found.add(LAYER / f"{module}.py")
            found |= {LAYER / shared for shared in SHARED.get(module.split("/")[1], ())}
    return found


def hops() -> tuple[list[str], list[str]]:
    """The files, as the repository names them; and the adapters."""
    load_one_file(services_with_a_file())  # so that everything is imported
    services = Noting(services_with_a_file())
    ran = called(lambda: load_one_file(services))
    engine, behind = LAYER / "transform", LAYER / "adapters"
    code = {path for path in ran if not (path.is_relative_to(engine) or path.is_relative_to(behind))}
    handlers = (f"functions/{name}/app.py" for name in HANDLERS)
    return [*NO_CODE, *handlers, *_named(code)], _named(adapters(services.ports))


def _named(paths: set[Path]) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in paths)


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # the metrics
        files, behind_ports = hops()
    print(f"{len(files)} files from S3's event to the row:", *files, sep="\n  ")
    print(f"behind the ports {len(behind_ports)} adapters:", *behind_ports, sep="\n  ")
