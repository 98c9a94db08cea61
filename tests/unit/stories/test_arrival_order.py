"""The later file wins by its arrival, whatever the order of loading: cases that people reported, then a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from headrace.domain.contract import Contract
from headrace.domain.ingest import ledger
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, Arrival, FileStatus, RowCounts
from headrace.domain.sql_text import SqlText
from headrace.usecases.ingest import record_outcome
from headrace.usecases.recovery.backfill import backfill
from headrace.usecases.recovery.requeue import reload, retry
from headrace_compiler.sql import texts
from headrace_compiler.sql.load import load_sql
from tests.support.duck_warehouse import DuckWarehouse
from tests.support.interleaving import examples
from tests.support.load_stories import EVENTS, LoadStory, search
from tests.support.pipeline import MIGRATIONS, Change, Pipeline, Row, changes, meters

JANUARY, FEBRUARY, MARCH = (f"2026-0{month}-01T08:00:00.000000Z" for month in (1, 2, 3))


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of loads print none."""
    monkeypatch.setattr(record_outcome, "measure_outcome", lambda *_: None)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(meters())


def test_history_that_is_loaded_beside_live_files_does_not_replace_them(pipeline: Pipeline) -> None:
    old = pipeline.land("january.csv", "v1", [("m1", 1, 1), ("m2", 1, 1)], JANUARY, "0A")
    new = pipeline.land("february.csv", "v1", [("m1", 1, 2)], FEBRUARY, "0A")
    pipeline.deliver(new)
    pipeline.run()
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    pipeline.run(BACKFILL)
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 2, "m2": 1}
    assert pipeline.services.files.get(old.file_id).rows == RowCounts(read=2, loaded=1, superseded=1)
    assert pipeline.services.files.get(new.file_id).rows == RowCounts(read=1, loaded=1)


def test_a_file_that_failed_and_is_sent_again_does_not_replace_a_newer_one(pipeline: Pipeline) -> None:
    monday = pipeline.land("monday.csv", "v1", [("m1", 1, 1)], JANUARY, "0A")
    tuesday = pipeline.land("tuesday.csv", "v1", [("m1", 1, 2)], FEBRUARY, "0A")
    pipeline.deliver(monday)
    pipeline.begin()
    pipeline.finish(refused=True)
    pipeline.deliver(tuesday)
    pipeline.run()
    failed = pipeline.services.files.get(monday.file_id)
    assert failed.status is FileStatus.FAILED
    retry([failed], pipeline.services)
    pipeline.run()
    assert pipeline.rows()["m1"][:2] == (2, tuesday.file_id)
    assert pipeline.services.files.get(monday.file_id).rows == RowCounts(read=1, superseded=1)


def test_a_file_that_is_loaded_again_does_not_take_back_what_a_newer_one_replaced(pipeline: Pipeline) -> None:
    first = pipeline.land("a.csv", "v1", [("m1", 1, 1), ("m2", 1, 1)], JANUARY, "0A")
    pipeline.deliver(first)
    pipeline.run()
    pipeline.deliver(pipeline.land("b.csv", "v1", [("m1", 1, 2)], FEBRUARY, "0A"))
    pipeline.run()
    reload([pipeline.services.files.get(first.file_id)], pipeline.services)
    pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 2, "m2": 1}
    assert pipeline.services.files.get(first.file_id).rows == RowCounts(read=2, loaded=1, superseded=1)


def test_a_batch_that_was_planned_before_a_newer_file_was_loaded_loses_to_it(pipeline: Pipeline) -> None:
    pipeline.land("old.csv", "v1", [("m1", 1, 1)], JANUARY, "0A")
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    pipeline.begin(BACKFILL)
    pipeline.deliver(pipeline.land("new.csv", "v1", [("m1", 1, 2)], FEBRUARY, "0A"))
    pipeline.run()
    pipeline.finish(BACKFILL)
    assert pipeline.rows()["m1"][0] == 2


def test_ordering_columns_come_first_and_the_arrival_decides_between_equals() -> None:
    pipeline = Pipeline(meters(ordering=("round",)))
    pipeline.deliver(pipeline.land("new.csv", "v1", [("m1", 1, 2), ("m2", 5, 2), ("m3", 1, 2)], FEBRUARY, "0A"))
    pipeline.run()
    pipeline.deliver(pipeline.land("old.csv", "v1", [("m1", 1, 1), ("m2", 4, 1), ("m3", 2, 1)], JANUARY, "0A"))
    pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 2, "m2": 2, "m3": 1}


def test_rows_from_before_arrivals_were_kept_are_the_oldest(pipeline: Pipeline) -> None:
    pipeline.deliver(pipeline.land("a.csv", "v1", [("m1", 1, 1)], MARCH, "0A"))
    pipeline.run()
    pipeline.warehouse.run_alone("DELETE FROM etl.arrivals")
    pipeline.deliver(pipeline.land("b.csv", "v1", [("m1", 1, 2)], JANUARY, "0A"))
    pipeline.run()
    assert pipeline.rows()["m1"][0] == 2


def two_versions(*first: str, later: str, contract: Contract | None = None) -> Pipeline:
    """An older version that a backfill has planned, and a newer one that was planned beside it; then both load."""
    pipeline = Pipeline(contract or meters(primary_key=(), ordering=()))
    pipeline.land("a.csv", "v1", [("m1", 1, 1), ("m2", 1, 1)], JANUARY, "0A")
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    new = pipeline.land("a.csv", "v2", [("m1", 1, 2)], FEBRUARY, "0B")
    pipeline.deliver(new)
    for lane in (*first, later):
        assert pipeline.begin(lane)
    for lane in (*first, later):
        pipeline.finish(lane)
    return pipeline


@pytest.mark.parametrize("lanes", [(LIVE, BACKFILL), (BACKFILL, LIVE)])
@pytest.mark.parametrize("key", [(), ("meter",)], ids=["appended", "merged"])
def test_of_two_versions_that_are_planned_at_once_the_newer_one_stays(
    lanes: tuple[str, str], key: tuple[str, ...]
) -> None:
    pipeline = two_versions(lanes[0], later=lanes[1], contract=meters(primary_key=key, ordering=()))
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 2}
    rows = {file.version: file.rows for file in pipeline.services.files.records.files.values()}
    assert rows == {"v1": RowCounts(read=2, superseded=2), "v2": RowCounts(read=1, loaded=1)}


def test_a_newer_version_without_good_rows_takes_out_an_older_one_that_was_on_its_way() -> None:
    pipeline = Pipeline(meters(primary_key=(), max_bad_share=1.0))
    old = pipeline.land("a.csv", "v1", [("m1", 1, 1)], JANUARY, "0A")
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    pipeline.deliver(pipeline.land("a.csv", "v2", [("m1", 1, -1)], FEBRUARY, "0B"))
    pipeline.begin(BACKFILL)
    pipeline.run(LIVE)
    pipeline.finish(BACKFILL)
    assert pipeline.rows() == {}
    assert pipeline.services.files.get(old.file_id).rows == RowCounts(read=1, superseded=1)


@pytest.mark.parametrize(
    "contract", [meters(), changes(), meters(primary_key=())], ids=["keyed", "changes", "added to"]
)
def test_a_newer_version_that_has_no_rows_takes_out_those_of_the_one_before(contract: Contract) -> None:
    pipeline = Pipeline(contract)
    rows: list[Row] = [("m1", 1, 1, "I"), ("m2", 1, 1, "I")] if contract.operation else [("m1", 1, 1), ("m2", 1, 1)]
    pipeline.deliver(pipeline.land("a.csv", "v1", rows, JANUARY, "0A"))
    pipeline.run()
    pipeline.deliver(pipeline.land("a.csv", "v2", [], FEBRUARY, "0B"))
    pipeline.run()
    assert pipeline.rows() == {}
    ledger_has = {file.version: file.rows for file in pipeline.services.files.records.files.values()}
    assert ledger_has == {"v1": RowCounts(read=2, superseded=2), "v2": RowCounts()}


def test_half_a_file_is_held_beside_a_version_that_is_only_staged() -> None:
    pipeline = Pipeline(meters(staged=True, merge_seconds=900, max_shrink=0.2))
    pipeline.deliver(pipeline.land("a.csv", "v1", [(f"m{number}", 1, 1) for number in range(10)], JANUARY, "0A"))
    pipeline.run(LIVE)
    half = pipeline.deliver(pipeline.land("a.csv", "v2", [("m1", 1, 2)], FEBRUARY, "0B"))
    pipeline.run(LIVE)
    pipeline.run(MERGE)
    held = pipeline.services.files.get(half.file_id)
    assert (held.status, len(pipeline.rows())) == (FileStatus.HELD, 10)
    assert "its previous version had 10" in str(held.reason)


def test_a_version_behind_several_newer_ones_never_comes() -> None:
    """Redshift refuses an UPDATE that finds a row twice, and so does the warehouse of these tests."""
    pipeline = Pipeline(meters())
    pipeline.land("a.csv", "v1", [("m1", 1, 1)], JANUARY, "0A")
    for version, sequencer, at in (("v2", "0B", FEBRUARY), ("v3", "0C", MARCH)):
        pipeline.deliver(pipeline.land("a.csv", version, [("m1", 1, int(version[1]))], at, sequencer))
        pipeline.run()
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    pipeline.run(BACKFILL)
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 3}


def test_versions_that_were_loaded_before_objects_were_noted_are_replaced(pipeline: Pipeline) -> None:
    pipeline.deliver(pipeline.land("a.csv", "v1", [("m1", 1, 1), ("m2", 1, 1)], JANUARY, "0A"))
    pipeline.run()
    pipeline.warehouse.run_alone("UPDATE etl.arrivals SET object = NULL, version = NULL")
    pipeline.deliver(pipeline.land("a.csv", "v2", [("m1", 1, 2)], FEBRUARY, "0B"))
    pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 2}


def test_a_migration_keeps_the_places_of_files_without_rows() -> None:
    pipeline = Pipeline(meters())
    *before, objects = [path.read_text() for path in MIGRATIONS[:4]]
    warehouse = DuckWarehouse(pipeline.services.lake.read)
    for text in before:
        warehouse.run_file(text)
    warehouse.run_alone("INSERT INTO etl.arrivals (file_id, dataset, arrival) VALUES ('a', 'readings', 'x')")
    warehouse.run_file(objects)
    assert warehouse.query("SELECT file_id, object FROM etl.arrivals") == [["a", None]]


def test_a_reload_notes_the_object_of_a_file_that_was_loaded_before_objects_were(pipeline: Pipeline) -> None:
    old = pipeline.land("a.csv", "v1", [("m1", 1, 1)], JANUARY, "0A")
    pipeline.deliver(old)
    pipeline.run()
    noted = pipeline.warehouse.query("SELECT arrival, object, version FROM etl.arrivals")
    pipeline.warehouse.run_alone("UPDATE etl.arrivals SET object = NULL, version = NULL")
    reload([pipeline.services.files.get(old.file_id)], pipeline.services)
    pipeline.run()
    assert pipeline.warehouse.query("SELECT arrival, object, version FROM etl.arrivals") == noted


def test_sql_alone_finds_the_file_of_a_row(pipeline: Pipeline) -> None:
    keys = ["it's a key/é.csv", "b.csv"]
    for number, key in enumerate(keys):
        pipeline.deliver(pipeline.land(key, "v1", [(f"m{number}", 1, 1)], JANUARY, "0A"))
    pipeline.run()
    pipeline.deliver(pipeline.land("b.csv", "v2", [("m1", 2, 2), ("m2", 1, 1)], FEBRUARY, "0B"))
    pipeline.run()
    found = pipeline.warehouse.query(
        "SELECT r.meter, f.bucket, f.object_key, CAST(f.arrived_at AS VARCHAR), f.batch_id, f.loaded"
        " FROM public.readings AS r INNER JOIN etl.files AS f ON r._file_id = f.file_id ORDER BY r.meter"
    )
    assert found == [
        ["m0", "landing", f"readings/{keys[0]}", "2026-01-01 08:00:00", "readings-1", 1],
        ["m1", "landing", "readings/b.csv", "2026-02-01 08:00:00", "readings-2", 2],
        ["m2", "landing", "readings/b.csv", "2026-02-01 08:00:00", "readings-2", 2],
    ]
    assert pipeline.warehouse.query("SELECT COUNT(*) FROM etl.objects") == [[2]]


@dataclass(frozen=True)
class Plan:
    """A story: files in their order of arrival (key, rows), and what happens: a verb and a number each."""

    files: tuple[tuple[str, tuple[Change, ...]], ...]
    events: tuple[tuple[str, int], ...]
    same_second: bool = False


METERS, ROUNDS = st.sampled_from(["m1", "m2", "m3"]), st.integers(1, 3)
CHANGES = st.tuples(METERS, ROUNDS, st.sampled_from(["I", "U", "D"]))
TRUNCATES = st.tuples(st.just(""), ROUNDS, st.just("T"))


@st.composite
def plans(draw: st.DrawFn, *, truncates: bool = False) -> Plan:
    """Stories in which every value is another one, so that every file is."""
    rows = st.lists(st.one_of(CHANGES, CHANGES, TRUNCATES) if truncates else CHANGES, max_size=3)
    drawn = draw(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), rows), min_size=2, max_size=5))
    files = tuple(
        (key, tuple((meter, turn, 10 * number + at, op) for at, (meter, turn, op) in enumerate(rows)))
        for number, (key, rows) in enumerate(drawn)
    )
    return Plan(files, tuple(draw(EVENTS)), draw(st.booleans()))


def plans_of(contract: Contract) -> st.SearchStrategy[Plan]:
    """Stories of what the contract knows."""
    return plans(truncates=bool(contract.truncates))


class Story(LoadStory[Plan]):
    """A plan as it happens, and what must be in the table in the end."""

    def land(self) -> list[Arrival]:
        keyed = self.pipeline.contract.operation
        return [
            self.landed(number, f"{key}.csv", rows if keyed else [row[:3] for row in rows])
            for number, (key, rows) in enumerate(self.plan.files)
        ]

    def check(self) -> None:
        """Of each meter the greatest row of a living file, unless a row of a version that is gone was greater still.

        Where that row deletes the meter, there is none.
        """
        table, files = self.pipeline.rows(), self.pipeline.services.files.get_all(sent.file_id for sent in self.sent)
        assert all(file.rows.balanced for file in files), files
        assert all(file.status is FileStatus.LOADED or not file.rows.read for file in files), files
        ((count,),) = self.pipeline.warehouse.query("SELECT COUNT(*) FROM public.readings")
        assert sum(file.rows.loaded for file in files) == count
        for meter in ("m1", "m2", "m3"):
            living, gone = self._rows(meter)
            there = table[meter][0] if meter in table else None
            assert there in {None, *living.values()}
            last = max(living, default=())
            if last > max(gone, default=()):
                assert there == living[last], f"{meter}: {there} instead of {living[last]}"

    def _rows(self, meter: str) -> tuple[dict[tuple[object, ...], int | None], list[tuple[object, ...]]]:
        """The meter's rows in the order in which they win: of files whose rows count, and of versions that are gone.

        The value of a row that deletes is None; one that truncates is a row of each meter.
        """
        contract = self.pipeline.contract
        newest = {key: number for number, (key, _) in enumerate(self.plan.files)}
        living, gone = dict[tuple[object, ...], int | None](), list[tuple[object, ...]]()
        for number, (key, rows) in enumerate(self.plan.files):
            file = self.pipeline.services.files.get(self.sent[number].file_id)
            for at, (name, turn, value, op) in enumerate(rows):
                place = ((turn if contract.ordering else 0), f"{file.arrival}#{file.file_id}", at)
                if name not in {meter, ""}:
                    continue
                if newest[key] == number or not contract.replace_versions:
                    living[place] = None if contract.operation and op in {"D", "T"} else value
                else:
                    gone.append(place)
        return living, gone


CONTRACTS = {
    "arrival": meters(most_files=2),
    "ordered": meters(most_files=2, ordering=("round",)),
    "added": meters(most_files=2, replace_versions=False),
    "staged": meters(most_files=2, staged=True, merge_seconds=900),
    "changes": changes(most_files=2),
    "changes, ordered": changes(most_files=2, ordering=("round",)),
    "changes, marked": changes(most_files=2, marked=True),
    "changes, staged": changes(most_files=2, staged=True, merge_seconds=900, ordering=("round",)),
    "truncates": changes(most_files=2, truncates=("T",)),
    "truncates, ordered": changes(most_files=2, ordering=("round",), truncates=("T",)),
    "truncates, marked": changes(most_files=2, marked=True, ordering=("round",), truncates=("T",)),
    "truncates, staged": changes(most_files=2, staged=True, merge_seconds=900, truncates=("T",)),
}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_any_order_of_loading_ends_with_the_rows_of_the_later_files(kind: str) -> None:
    search(Story, plans_of(CONTRACTS[kind]), CONTRACTS[kind], examples(12))


def assert_found(kind: str) -> None:
    """A fault that was put in is found; the story is not made shorter, which takes long.

    By chance, it would sometimes take thousands of stories: these are always the same.
    """
    with pytest.raises(AssertionError):
        search(Story, plans_of(CONTRACTS[kind]), CONTRACTS[kind], 40, [Phase.generate], always=SOON_FOUND.get(kind, 1))


SOON_FOUND = {"changes, ordered": 5}
"""The seeds with which the faults below are found early, where it is not the first."""


def without(part: str, given: Contract) -> str:
    """The load without the statements that have a part, and the plan's own word of earlier versions.

    Each statement goes with the condition above it.
    """
    steps = [text for text in load_sql(given).split(";\n") if text.strip()]
    return "".join(f"{text};\n" for text in steps if part not in text and "${older}" not in text)


def without_arrivals(given: Contract) -> str:
    """The load as it was when the order of loading decided."""
    return without("later.arrival >", given)


@pytest.mark.parametrize("kind", ["arrival", "ordered"])
def test_a_load_that_forgets_the_arrival_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(texts.MAKERS, SqlText.LOAD, without_arrivals)
    assert_found(kind)


def without_versions(given: Contract) -> str:
    """The load as it was when its plan alone said which versions go."""
    return without("a.version", given)


def test_a_load_that_trusts_its_plan_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(texts.MAKERS, SqlText.LOAD, without_versions)
    assert_found("arrival")


def without_deleted_keys(given: Contract) -> str:
    """The load as it would be if it forgot what had been deleted."""
    return without("etl.deleted_readings.meter", given)


@pytest.mark.parametrize("kind", ["changes", "changes, ordered"])
def test_a_load_that_forgets_what_was_deleted_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(texts.MAKERS, SqlText.LOAD, without_deleted_keys)
    assert_found(kind)


def without_earlier_truncates(given: Contract) -> str:
    """The load as it would be if a truncate counted only in the load that brings it."""
    own = "(SELECT * FROM etl.truncates_readings WHERE _batch_id = '${batch}') AS t"
    return load_sql(given).replace("etl.truncates_readings AS t", own)


def without_what_is_there(given: Contract) -> str:
    """The load as it would be if a truncate took out nothing that was loaded before."""
    return without("truncation._batch_id", given)


@pytest.mark.parametrize("forgets", [without_earlier_truncates, without_what_is_there])
@pytest.mark.parametrize("kind", ["truncates", "truncates, marked"])
def test_a_load_that_forgets_truncates_is_found(
    kind: str, forgets: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(texts.MAKERS, SqlText.LOAD, forgets)
    assert_found(kind)


def test_sequencers_filled_on_the_left_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "sortable", lambda sequencer: sequencer.zfill(40))
    assert_found("arrival")
