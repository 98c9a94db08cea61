"""Reconciliation in slices: the same differences however files are cut, and no others. The SQL is really run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.ingest.arrival import route
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.usecases.recovery import reconcile as reconciling
from headrace.usecases.recovery.reconcile import Asked, reconcile
from headrace.usecases.recovery.reconcile_report import Reconciliation, notice_of
from tests.support.fakes import MemoryLanding, MemoryServices, MemoryWarehouse, contract, contracts_of, file

TABLES = """
CREATE SCHEMA etl; CREATE SCHEMA public;
CREATE TABLE public.readings (_file_id VARCHAR);
CREATE TABLE etl.loads (batch_id VARCHAR, dataset VARCHAR, status VARCHAR, loaded_at TIMESTAMP);
CREATE TABLE etl.load_files (batch_id VARCHAR, file_id VARCHAR, loaded BIGINT, superseded BIGINT);
CREATE VIEW etl.file_rows AS SELECT * FROM etl.load_files;
"""
HARMS = {
    "rows": "DELETE FROM public.readings WHERE _file_id = '{file}'",
    "account": "UPDATE etl.load_files SET superseded = superseded + 1 WHERE file_id = '{file}'",
    "stray rows": "INSERT INTO public.readings VALUES ('f{file}')",
}


class Duck(MemoryWarehouse):
    """A warehouse that runs what it is asked. `longest` is the longest statement, `most` the longest answer."""

    def __init__(self) -> None:
        super().__init__()
        self.database = duckdb.connect()
        self.database.execute(TABLES)
        self.longest = self.most = 0

    def query(self, sql: str) -> list[list[Any]]:
        self.longest = max(self.longest, len(sql))
        rows = [list(row) for row in self.database.execute(sql).fetchall()]
        self.most = max(self.most, len(rows))
        return rows


@dataclass
class Loaded:
    """Files `0000`, `0001`, … of a minute each, every so many of them in one batch, the same in all places."""

    files: int
    in_a_batch: int = 3
    duck: Duck = field(default_factory=Duck)
    landing: MemoryLanding = field(default_factory=MemoryLanding)
    services: MemoryServices = field(default_factory=MemoryServices)

    def __post_init__(self) -> None:
        self.services.warehouse = self.duck
        rows, accounts = [], []
        for number in range(self.files):
            record = self.record(number)
            self.services.ledger.given(record)
            rows += [(record.file_id,)] * record.rows.loaded
            accounts.append((record.batch, record.file_id, record.rows.loaded, record.rows.superseded))
        self.insert("public.readings", rows)
        self.insert("etl.load_files", accounts)
        for batch in dict.fromkeys(str(account[0]) for account in accounts):
            self.insert("etl.loads", [(batch, "readings", "loaded", "2026-01-02 00:00:00")])
            self.services.ledger.batches.save(BatchRecord(batch, "readings", LIVE, 1, BatchStatus.LOADED, (), "t"))

    def record(self, number: int) -> FileRecord:
        """What the ledger has of a file. One in five lost all its rows to newer ones."""
        good = number % 5
        return file(
            f"{number:04}", arrived_at=f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z", status=FileStatus.LOADED,
            batch=f"readings-{number // self.in_a_batch}", rows=RowCounts(read=good + 1, loaded=good, superseded=1),
        )  # fmt: skip

    def insert(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            places = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
            self.duck.database.execute(f"INSERT INTO {table} VALUES {places}", [value for row in rows for value in row])

    def harm(self, how: str, number: int) -> None:
        """Let the warehouse differ from the ledger about one file."""
        self.duck.database.execute(HARMS[how].format(file=self.record(number).file_id))

    def run(self, **asked: Any) -> Reconciliation:
        return reconcile(["readings"], self.landing, self.services, Asked(**asked))


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets, it sets for itself."""
    for name in ("FILES_AT_ONCE", "BATCHES_AT_ONCE", "MOST_DIFFERENCES"):
        monkeypatch.setattr(reconciling, name, getattr(reconciling, name))


@settings(max_examples=40, deadline=None)
@given(
    files=st.integers(1, 25),
    in_a_batch=st.integers(1, 6),
    cuts=st.tuples(st.integers(1, 30), st.integers(1, 8)),
    harmed=st.dictionaries(st.integers(0, 24), st.sampled_from(sorted(HARMS))),
)
def test_the_same_is_found_however_files_are_cut(
    files: int, in_a_batch: int, cuts: tuple[int, int], harmed: dict[int, str]
) -> None:
    world = Loaded(files, in_a_batch)
    harmed = {number: how for number, how in harmed.items() if number < files and (number % 5 or how != "rows")}
    for number, how in harmed.items():
        world.harm(how, number)
    reconciling.FILES_AT_ONCE, reconciling.BATCHES_AT_ONCE = cuts
    found = world.run()
    assert sorted(item.kind for item in found.differences) == sorted(harmed.values())
    for number, how in harmed.items():
        name = "f" + world.record(number).file_id if how == "stray rows" else f"readings/{number:04} "
        assert [item.kind for item in found.differences if name in item.what] == [how]
    lost = sum(number % 5 for number, how in harmed.items() if how == "rows")
    assert (found.files, found.rows) == (files, sum(number % 5 for number in range(files)) - lost)
    assert (found.busy, found.uncompared) == ([], {})


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 24), in_a_batch=st.integers(1, 6), cut=st.integers(1, 10))
def test_what_arrived_before_is_left_and_is_no_difference(first: int, in_a_batch: int, cut: int) -> None:
    """Also where a batch has files of both sides."""
    world = Loaded(25, in_a_batch)
    world.harm("account", 7)
    reconciling.FILES_AT_ONCE = cut
    found = world.run(since=f"2026-01-01T00:{first:02}:00Z")
    assert found.files == 25 - first
    assert [item.kind for item in found.differences] == (["account"] if first <= 7 else [])


def test_no_statement_and_no_answer_is_larger_than_the_data_api_takes() -> None:
    """120,000 characters of file ids, where every file differs."""
    world = Loaded(5_000, 10)
    world.duck.database.execute("DELETE FROM public.readings")
    assert len(world.run().differences) == 4_000
    assert world.duck.longest < 100_000
    assert world.duck.most == 5_000


def test_a_file_whose_account_is_known_to_the_warehouse_only() -> None:
    world = Loaded(4, 4)
    world.insert("etl.load_files", [("readings-0", "e" * 24, 2, 0)])
    world.insert("public.readings", [("e" * 24,)] * 2)
    (difference,) = world.run().differences
    assert difference.what == f"public.readings has 2 rows of a file {'e' * 24} that the ledger does not know"


def test_rows_without_any_lineage() -> None:
    world = Loaded(4)
    world.insert("public.readings", [(None,)] * 3)
    (difference,) = world.run().differences
    assert "has 3 rows of a file None" in difference.what


def test_a_reload_under_way_is_compared_by_file_not_by_batch() -> None:
    """Its record names the new batch, its rows are still those of the old one."""
    world = Loaded(4, 4)
    held = replace(world.record(3), batch="readings-9", status=FileStatus.HELD, reload=True)
    world.services.ledger.given(held)
    assert world.run().differences == []


def test_more_differences_than_anybody_reads_end_it() -> None:
    reconciling.MOST_DIFFERENCES = 10
    world = Loaded(50)
    world.duck.database.execute("DELETE FROM public.readings")
    found = world.run()
    assert (len(found.differences), found.uncompared) == (10, {"readings": "it has more than 10 differences"})


# -- one dataset's trouble -----------------------------------------------------------------------------------------


class Broken(MemoryWarehouse):
    """Refuses whatever is about one table."""

    def query(self, sql: str) -> list[list[Any]]:
        if "public.broken" in sql:
            raise RuntimeError('relation "broken" does not exist')
        return []


def two_datasets() -> tuple[MemoryLanding, MemoryServices]:
    services = MemoryServices(contracts=contracts_of(contract("broken"), contract("readings")))
    services.warehouse = Broken()
    landing = MemoryLanding()
    landing.put("readings/lost.csv", b"x")
    return landing, services


def test_one_datasets_trouble_is_told_and_the_others_are_compared() -> None:
    landing, services = two_datasets()
    found = reconcile(["broken", "readings"], landing, services)
    assert [item.what for item in found.differences] == ["readings/lost.csv has landed, the ledger does not know it"]
    assert found.uncompared == {"broken": 'RuntimeError: relation "broken" does not exist'}
    told = notice_of(found)
    assert told is not None
    assert told.lines[-1] == 'broken could not be compared: RuntimeError: relation "broken" does not exist'
    assert "1 places" in told.title


def test_a_dataset_that_cannot_be_compared_is_told_alone() -> None:
    landing, services = two_datasets()
    told = notice_of(reconcile(["broken"], landing, services))
    assert told is not None
    assert told.title == "1 of the datasets could not be compared"
    assert notice_of(Reconciliation()) is None


def test_a_dataset_that_takes_all_its_time_leaves_the_others_theirs() -> None:
    """Each look at the clock costs ten seconds; the first dataset has 200 slices."""
    world = Loaded(200, 1)
    world.services.contracts = contracts_of(contract("readings"), contract("others"))
    world.duck.database.execute("CREATE TABLE public.others (_file_id VARCHAR)")
    world.landing.put("others/lost.csv", b"x")
    assert route(next(iter(world.landing.versions(""))).arrival(), world.services.contracts.all()).dataset == "others"
    reconciling.FILES_AT_ONCE = 1
    clock = iter(range(900, -5_000, -10))
    found = reconcile(["readings", "others"], world.landing, world.services, Asked(left=lambda: next(clock)))
    assert found.uncompared.keys() == {"readings"}
    assert found.uncompared["readings"].startswith("time was over before the files that arrived from 2026-01-01T00:")
    assert 20 < found.files < 60
    assert [item.what for item in found.differences] == ["others/lost.csv has landed, the ledger does not know it"]


@pytest.mark.parametrize(
    ("most_files", "most_batches", "sizes"),
    [(100, 100, [9]), (4, 100, [4, 4, 1]), (100, 2, [4, 3, 2]), (3, 2, [3, 2, 2, 2])],
)
def test_neither_files_nor_their_batches_are_too_many_in_a_slice(
    most_files: int, most_batches: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "FILES_AT_ONCE", most_files)
    monkeypatch.setattr(reconciling, "BATCHES_AT_ONCE", most_batches)
    names = ["b1", "b1", "b1", "b2", "b3", "b3", "b4", "b5", "b5"]
    files = [file(str(number), batch=name) for number, name in enumerate(names)]
    made = list(reconciling.slices(files))
    assert [len(some) for some in made] == sizes
    assert [one for some in made for one in some] == files
