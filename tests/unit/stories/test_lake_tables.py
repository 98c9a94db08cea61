"""What others read of the lake: the view of current rows has the rows of the warehouse's table, whatever happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.contracts import Contracts
from headrace.domain.ingest.ledger import LIVE, MERGE
from headrace.domain.lake_catalog import lake_tables
from headrace.usecases import lake_paths
from headrace.usecases import lake_tables as use_case
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.recovery.requeue import reload
from tests.support.fakes import MemoryServices
from tests.support.lake_tables import MemoryLakeCatalog
from tests.support.pipeline import Pipeline, Row, changes, meters


@dataclass
class LakeServices(MemoryServices):
    """Those of the pipeline, with the catalogue."""

    lake_catalog: MemoryLakeCatalog = field(init=False)


class Story:
    """A dataset whose events arrive, unless the story loses them."""

    def __init__(self, contract: Contract) -> None:
        self.pipeline = Pipeline(contract)
        inner = self.pipeline.services
        self.services = LakeServices(contracts=inner.contracts, ledger=inner.ledger, lake=inner.lake)
        self.services.lake_catalog = self.catalog = MemoryLakeCatalog(inner.lake)
        self.landed = 0
        self.ready: list[tuple[str, list[str]]] = []

    def land(self, key: str, rows: list[Row]) -> None:
        """A file arrives, and its event."""
        self.landed += 1
        at = f"2026-01-01T00:00:{self.landed:02}.000000Z"
        self.pipeline.deliver(self.pipeline.land(key, f"v{self.landed}", rows, at, f"{self.landed:04}"))

    def begin(self, lane: str = LIVE) -> None:
        """A batch up to its event, which is kept."""
        assert self.pipeline.begin(lane)
        batch = self.pipeline.loading[lane].batch
        replaced = prepare_load(batch, "default", self.pipeline.services)["replaced"]
        self.ready.append((batch.batch, replaced))

    def announce(self) -> None:
        """The kept events are delivered, the last one first, each twice."""
        for batch, replaced in reversed(self.ready * 2):
            use_case.announce("readings", batch, replaced, self.services)

    def load(self, lane: str = LIVE) -> None:
        """A batch from beginning to end, with its events."""
        self.begin(lane)
        self.announce()
        self.pipeline.finish(lane)
        self.settle()

    def settle(self) -> None:
        self.ready.clear()
        use_case.settle("readings", self.services)

    def rows(self) -> dict[str | None, tuple[int, str | None, int]]:
        found = self.catalog.query("SELECT meter, value, _file_id, _row_number FROM readings_current")
        table = {meter: (int(str(value)), file_id, int(str(row))) for meter, value, file_id, row in found}
        assert len(table) == len(found)
        return table

    def check(self) -> None:
        """The view has what the table has."""
        assert self.rows() == self.pipeline.rows()
        assert self.rows()


def test_rows_of_announced_batches_are_there_at_once_and_count_when_they_are_loaded() -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10), ("b", 1, 20)])
    story.begin()
    story.announce()
    assert len(story.catalog.query("SELECT * FROM readings")) == 2
    assert story.rows() == {}
    story.pipeline.finish()
    story.settle()
    story.check()
    day = clock.now()[:10]
    assert story.catalog.query("SELECT DISTINCT _load_date, _batch FROM readings") == [[day, "readings-1"]]


def test_later_rows_of_a_key_win_by_the_order_of_arrival_and_the_contracts_columns() -> None:
    for contract in (meters(), meters(ordering=("round",))):
        story = Story(contract)
        story.land("a.csv", [("a", 9, 10), ("b", 1, 20), ("c", 1, 1)])
        story.load()
        story.land("b.csv", [("a", 1, 30), ("a", 2, 31), ("b", 2, 40)])
        story.load()
        story.check()


def test_rows_of_an_earlier_version_of_a_file_do_not_count() -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10), ("b", 1, 20)])
    story.load()
    story.land("a.csv", [("a", 1, 11)])
    story.load()
    story.check()
    assert len(story.catalog.query("SELECT * FROM readings")) == 3


def test_an_empty_version_takes_the_rows_of_the_one_before() -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10)])
    story.land("b.csv", [("b", 1, 10)])
    story.load()
    story.land("a.csv", [("x", 1, -1), ("b", 1, 5)])
    story.load()
    story.check()


def test_rows_of_a_batch_that_failed_count_once() -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10)])
    story.land("b.csv", [("b", 1, 20)])
    story.begin()
    story.announce()
    story.pipeline.finish(refused=True)
    story.settle()
    assert story.rows() == {}
    while story.pipeline.begin():
        batch = story.pipeline.loading[LIVE].batch
        story.ready.append((batch.batch, []))
        story.announce()
        story.pipeline.finish()
        story.settle()
    story.check()
    assert len(story.catalog.query("SELECT * FROM readings")) > len(story.rows()), "the batches that failed have rows"


def test_a_file_that_is_loaded_again_counts_once() -> None:
    story = Story(meters(primary_key=()))
    story.land("a.csv", [("a", 1, 10), ("b", 1, 20)])
    story.load()
    (file,) = story.services.files.of_dataset("readings")
    reload([file], story.pipeline.services)
    story.load()
    story.check()
    assert len(story.catalog.query("SELECT * FROM readings")) == 4


def test_keys_that_a_change_log_deletes_are_gone_until_they_come_again() -> None:
    story = Story(changes())
    story.land("a.csv", [("a", 1, 10, "I"), ("b", 1, 20, "I"), ("c", 1, 30, "I")])
    story.load()
    story.land("b.csv", [("a", 1, 10, "D"), ("b", 1, 0, "D")])
    story.land("c.csv", [("b", 1, 21, "I")])
    story.load()
    story.check()
    use_case.repair("readings", story.services)
    story.check()
    story.land("b.csv", [("c", 1, 0, "D")])
    story.load()
    story.check()


def test_rows_of_a_staged_dataset_count_when_they_are_merged() -> None:
    story = Story(meters(staged=True))
    story.land("a.csv", [("a", 1, 10)])
    story.load()
    assert story.rows() == {}
    assert list(story.services.lake.listing(lake_paths.announced("readings"))), "it is looked at again"
    story.pipeline.run(MERGE)
    story.settle()
    story.check()
    assert not list(story.services.lake.listing(lake_paths.announced("readings")))


def test_bad_rows_are_a_table_also_of_a_batch_that_nothing_announced() -> None:
    story = Story(meters(max_bad_share=1.0))
    story.land("a.csv", [("a", 1, -1)])
    story.pipeline.run()
    use_case.settle("readings", story.services, ended="readings-1")
    found = story.catalog.query("SELECT raw, _batch FROM readings_quarantine")
    assert found == [[b"a,1,-1".hex(" "), "readings-1"]]


@pytest.mark.parametrize("batch", ["readings-9", "other-1", "../readings-1"])
def test_an_event_of_a_batch_that_there_is_not_changes_nothing(batch: str) -> None:
    story = Story(meters())
    event = {"detail-type": "Data Ready", "detail": {"dataset": "readings", "batch": batch, "replaced": []}}
    assert use_case.handle(event, story.services) == {"ready": batch}
    assert not story.catalog.parts
    assert not list(story.services.lake.listing("tables/"))


def test_what_did_not_start_headrace_settles_nothing() -> None:
    story = Story(meters())
    event = {"detail-type": "Step Functions Execution Status Change", "detail": {"name": "x", "input": "[]"}}
    assert use_case.handle(event, story.services) == {"settled": []}


def test_a_night_finds_what_no_event_has_said() -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10), ("b", 1, 20)])
    story.pipeline.run()
    story.land("a.csv", [("a", 1, 11), ("x", 1, -1)])
    story.pipeline.run()
    assert use_case.repair("readings", story.services) == {"missing": 2, "files": 2}
    story.check()
    assert story.catalog.query("SELECT _batch FROM readings_quarantine") == [["readings-2"]]
    assert use_case.repair("readings", story.services)["missing"] == 0


def test_a_night_makes_one_object_of_many_and_keeps_what_was_written_since(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(meters())
    for number in range(3):
        story.land(f"{number}.csv", [(f"m{number}", 1, 10)])
        story.load()
    story.land("3.csv", [("m3", 1, 10)])
    story.load()
    states = [key for key, _ in story.services.lake.listing("tables/readings/")]
    old = clock.utc() - timedelta(hours=1)
    story.services.lake.times |= dict.fromkeys(states[:3], old)
    use_case.repair("readings", story.services)
    left = {key.rpartition("/")[2] for key, _ in story.services.lake.listing("tables/readings/")}
    assert left == {"all-0000.parquet", "readings-4.parquet"}
    story.check()


def test_a_night_writes_many_files_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "FILES_AT_ONCE", 2)
    story = Story(meters())
    for number in range(5):
        story.land(f"{number}.csv", [(f"m{number}", 1, 10)])
    story.pipeline.run()
    assert use_case.repair("readings", story.services)["files"] == 5
    story.check()
    assert len(list(story.services.lake.listing("tables/readings/all-"))) == 3


def test_what_a_contract_gains_appears_and_what_it_loses_stays() -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10)])
    story.load()
    before = lake_tables(story.pipeline.contract)
    added = Column("unit", "unit", Kind.STRING, "VARCHAR(8)", max_bytes=8)
    columns = tuple(column for column in meters().columns if column.name != "round")
    story.services.contracts = Contracts([meters(columns=(*columns, added), digest="1" * 64)])
    use_case.repair("readings", story.services)
    assert story.catalog.query("SELECT meter, round, unit FROM readings") == [["a", "1", None]]
    assert story.catalog.query("SELECT meter, unit FROM readings_current") == [["a", None]]
    assert story.catalog.digests["readings"] != before.digest


def test_nothing_is_defined_again_unless_the_contract_changes() -> None:
    story = Story(meters())
    for number in range(3):
        story.land(f"{number}.csv", [(f"m{number}", 1, 10)])
        story.load()
    assert story.catalog.defined == ["readings", "readings_quarantine", "readings_files"]


def test_a_definition_that_broke_off_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(meters())
    story.land("a.csv", [("a", 1, 10)])

    def fails(*_: Any) -> None:
        raise RuntimeError("throttled")

    story.begin()
    with monkeypatch.context() as patched:
        patched.setattr(story.catalog, "define_view", fails)
        with pytest.raises(RuntimeError):
            story.announce()
    story.pipeline.finish()
    use_case.repair("readings", story.services)
    story.check()


def test_a_replayed_row_has_the_place_of_its_first_file() -> None:
    contract = replace(meters())
    story = Story(contract)
    story.land("a.csv", [("a", 1, 10)])
    story.load()
    states = story.catalog.query("SELECT arrival FROM readings_files")
    (file,) = story.services.files.of_dataset("readings")
    assert states == [[f"{file.arrival}#{file.file_id}"]]


def test_rows_that_a_later_snapshot_lacks_do_not_count() -> None:
    """No event names the files whose rows it takes."""
    story = Story(meters(snapshot="table"))
    story.land("monday.csv", [("a", 1, 10), ("b", 1, 20)])
    story.load()
    story.check()
    story.land("tuesday.csv", [("b", 1, 21)])
    story.load()
    story.check()
    assert set(story.rows()) == {"b"}
