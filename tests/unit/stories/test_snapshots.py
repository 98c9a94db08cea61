"""Snapshots: what is not in the newest one goes, whatever the order of loading, and the rows of each file balance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from headrace.domain.contract import PARTITION, TABLE, Column, Contract, Kind
from headrace.domain.files.key_values import FOLDERS
from headrace.domain.ingest.ledger import BACKFILL, LIVE, Arrival, FileStatus, RowCounts
from headrace.domain.ingest.load import split_statements
from headrace.domain.sql_text import SqlText
from headrace.usecases.ingest import record_outcome
from headrace.usecases.quality.hold import release
from headrace.usecases.recovery.backfill import backfill
from headrace.usecases.recovery.replay import Wanted, replay
from headrace.usecases.recovery.requeue import reload
from headrace_compiler.compile.snapshots import size_checks
from headrace_compiler.sql import texts
from headrace_compiler.sql.load import load_sql
from tests.support.fakes import contracts_of
from tests.support.interleaving import examples
from tests.support.load_stories import EVENTS, LoadStory, search
from tests.support.pipeline import Pipeline, Row, meters

MONDAY, TUESDAY, WEDNESDAY = (f"2026-03-0{day}T08:00:00.000000Z" for day in (2, 3, 4))
DT = Column("dt", "dt", Kind.INTEGER, "INTEGER", required=True, bits=32, origin=FOLDERS)


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_outcome, "measure_outcome", lambda *_: None)


def snapshots(of: str, **changes: Any) -> Contract:
    """Each file is the whole table, or the whole of its partition `dt`."""
    partitioned = {"columns": (*meters().columns, DT), "folder_templates": ("dt={dt}",)}
    keyed = {"primary_key": ("dt", "meter")} if of == PARTITION else {}
    return meters(snapshot=of, **(partitioned if of == PARTITION else {}) | keyed | changes)


def table(pipeline: Pipeline) -> list[int]:
    """The values in the table, in order."""
    return sorted(int(value) for (value,) in pipeline.warehouse.query("SELECT value FROM public.readings"))


def send(pipeline: Pipeline, key: str, rows: list[Row], at: str) -> Arrival:
    sent = pipeline.land(key, "v1", rows, at, "0A")
    pipeline.deliver(sent)
    return sent


def rows_of(pipeline: Pipeline, sent: Arrival) -> RowCounts:
    return pipeline.services.files.get(sent.file_id).rows


@pytest.mark.parametrize("key", [("meter",), ()], ids=["keyed", "appended"])
def test_what_is_not_in_the_next_snapshot_goes(key: tuple[str, ...]) -> None:
    pipeline = Pipeline(snapshots(TABLE, primary_key=key))
    monday = send(pipeline, "monday.csv", [("m1", 1, 1), ("m2", 1, 2), ("m3", 1, 3)], MONDAY)
    pipeline.run()
    tuesday = send(pipeline, "tuesday.csv", [("m1", 1, 1), ("m3", 1, 30)], TUESDAY)
    pipeline.run()
    assert table(pipeline) == [1, 30]
    assert rows_of(pipeline, monday) == RowCounts(read=3, superseded=3)
    assert rows_of(pipeline, tuesday) == RowCounts(read=2, loaded=2)


def test_of_two_snapshots_in_one_batch_the_later_one_counts() -> None:
    pipeline = Pipeline(snapshots(TABLE))
    tuesday = pipeline.land("b.csv", "v1", [("m1", 1, 2)], TUESDAY, "0A")
    monday = pipeline.land("a.csv", "v1", [("m1", 1, 1), ("m2", 1, 1)], MONDAY, "0A")
    for sent in (tuesday, monday):
        pipeline.deliver(sent)
    pipeline.run()
    assert table(pipeline) == [2]
    assert rows_of(pipeline, monday) == RowCounts(read=2, superseded=2)


def test_an_older_snapshot_that_is_loaded_later_takes_nothing_away() -> None:
    pipeline = Pipeline(snapshots(TABLE, primary_key=()))
    monday = pipeline.land("monday.csv", "v1", [("m1", 1, 1), ("m2", 1, 1)], MONDAY, "0A")
    send(pipeline, "tuesday.csv", [("m1", 1, 2)], TUESDAY)
    pipeline.run()
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    pipeline.run(BACKFILL)
    assert table(pipeline) == [2]
    assert rows_of(pipeline, monday) == RowCounts(read=2, superseded=2)
    reload([pipeline.services.files.get(monday.file_id)], pipeline.services)
    pipeline.run()
    assert table(pipeline) == [2]


def test_the_first_snapshot_takes_the_place_of_all_that_was_there() -> None:
    pipeline = Pipeline(snapshots(TABLE, primary_key=()))
    pipeline.warehouse.run_alone("INSERT INTO public.readings VALUES ('m9', 1, 9, 'none', 1, 'none')")
    send(pipeline, "monday.csv", [("m1", 1, 1)], MONDAY)
    pipeline.run()
    assert table(pipeline) == [1]


def test_a_snapshot_of_a_partition_touches_no_other() -> None:
    pipeline = Pipeline(snapshots(PARTITION, primary_key=()))
    send(pipeline, "dt=1/part-7af1.csv", [("m1", 1, 1), ("m2", 1, 2)], MONDAY)
    send(pipeline, "dt=2/part-7af1.csv", [("m1", 1, 3)], MONDAY)
    pipeline.run()
    send(pipeline, "dt=01/part-b2c9.csv", [("m1", 1, 4)], TUESDAY)
    pipeline.run()
    assert table(pipeline) == [3, 4]


def test_a_snapshot_without_rows_empties_its_partition() -> None:
    pipeline = Pipeline(snapshots(PARTITION))
    first = send(pipeline, "dt=1/a.csv", [("m1", 1, 1)], MONDAY)
    send(pipeline, "dt=2/a.csv", [("m1", 1, 2)], MONDAY)
    pipeline.run()
    send(pipeline, "dt=1/b.csv", [], TUESDAY)
    pipeline.run()
    assert table(pipeline) == [2]
    assert rows_of(pipeline, first) == RowCounts(read=1, superseded=1)


@pytest.mark.parametrize("last", ["c", "a"])
def test_contents_that_come_again_count_again(last: str) -> None:
    pipeline = Pipeline(snapshots(TABLE))
    for name, value, at in (("a", 1, MONDAY), ("b", 2, TUESDAY), (last, 1, WEDNESDAY)):
        pipeline.deliver(pipeline.land(f"{name}.csv", at[:10], [("m1", 1, value)], at, at[8:10]))
        pipeline.run()
    assert table(pipeline) == [1]


@pytest.mark.parametrize(("newer", "expected"), [(False, [1, 2]), (True, [7])])
def test_rows_from_quarantine_belong_to_their_snapshot(newer: bool, expected: list[int]) -> None:
    strict = snapshots(PARTITION, primary_key=())
    limited = (replace(c, maximum="1") if c.name == "value" else c for c in strict.columns)
    pipeline = Pipeline(replace(strict, columns=tuple(limited)))
    send(pipeline, "dt=1/a.csv", [("m1", 1, 1), ("m2", 1, 2)], MONDAY)
    pipeline.run()
    assert table(pipeline) == [1]
    pipeline.services.contracts = contracts_of(strict)
    (again,) = replay(strict, Wanted(), pipeline.landing, pipeline.services)
    key = str(again.landed_as)
    body = pipeline.landing.bodies[key]
    pipeline.services.lake.landed["landing", key, "v9"] = body
    if newer:
        send(pipeline, "dt=1/b.csv", [("m1", 1, 7)], TUESDAY)
        pipeline.run()
    pipeline.deliver(Arrival("landing", key, "v9", len(body), "e", "0A", WEDNESDAY))
    pipeline.run()
    assert table(pipeline) == expected
    if not newer:
        send(pipeline, "dt=1/b.csv", [("m1", 1, 7)], TUESDAY)
        pipeline.run()
        assert table(pipeline) == [7]


GUARD = size_checks(TABLE, 0.2)
TEN: list[Row] = [(f"m{number}", 1, number) for number in range(10)]


@pytest.mark.parametrize("of", [TABLE, PARTITION])
@pytest.mark.parametrize(("rows", "held"), [(8, False), (7, True), (0, True)])
def test_a_snapshot_with_too_few_rows_is_held(of: str, rows: int, held: bool) -> None:
    pipeline = Pipeline(snapshots(of, checks=GUARD))
    send(pipeline, "dt=2/a.csv", [("x", 1, 99)], MONDAY)
    pipeline.begin()
    assert pipeline.judge()
    pipeline.finish()
    send(pipeline, "dt=1/a.csv", TEN, MONDAY.replace("08", "09"))
    pipeline.begin()
    assert pipeline.judge()
    pipeline.finish()
    before = table(pipeline)
    send(pipeline, "dt=1/b.csv", TEN[:rows], TUESDAY)
    pipeline.begin()
    name = pipeline.loading[LIVE].batch.batch
    assert pipeline.judge() is not held
    pipeline.finish()
    assert (table(pipeline) == before) is held
    if held:
        *_, notice = pipeline.services.topic.notices
        share = f"the snapshot has {10 * rows} % of the rows it would replace; the contract wants at least 80 %"
        assert share in " ".join(notice.lines)
        release(pipeline.services.batches.get(name), "me", pipeline.services)
        pipeline.begin()
        assert pipeline.judge()
        pipeline.finish()
        assert table(pipeline) == sorted([*range(rows), *([99] if of == PARTITION else [])])


def test_an_older_snapshot_and_rows_from_quarantine_are_not_held() -> None:
    pipeline = Pipeline(snapshots(TABLE, checks=GUARD))
    send(pipeline, "b.csv", TEN, TUESDAY)
    pipeline.run()
    send(pipeline, "a.csv", TEN[:1], MONDAY)
    pipeline.begin()
    assert pipeline.judge()


def test_a_snapshot_is_measured_before_it_is_staged_too() -> None:
    pipeline = Pipeline(snapshots(PARTITION, staged=True, merge_seconds=900, checks=size_checks(PARTITION, 0.2)))
    send(pipeline, "dt=1/a.csv", TEN, MONDAY)
    pipeline.begin()
    assert pipeline.judge()


@dataclass(frozen=True)
class Plan:
    """Snapshots in their order of arrival (partition, name, rows), and what happens: a verb and a number each."""

    files: tuple[tuple[int, str, tuple[Row, ...]], ...]
    events: tuple[tuple[str, int], ...]
    same_second: bool


ROWS = st.lists(st.sampled_from(["m1", "m2", "m3"]), max_size=3)
FILES = st.lists(st.tuples(st.integers(1, 2), st.sampled_from("abc"), ROWS), min_size=2, max_size=5)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Stories in which every value is another one."""
    files = tuple(
        (part, name, tuple((meter, 1, 10 * number + at) for at, meter in enumerate(rows)))
        for number, (part, name, rows) in enumerate(draw(FILES))
    )
    return Plan(files, tuple(draw(EVENTS)), draw(st.booleans()))


class Story(LoadStory[Plan]):
    """A plan as it happens, and what must be in the table in the end."""

    def land(self) -> list[Arrival]:
        files = enumerate(self.plan.files)
        return [self.landed(number, f"dt={part}/{name}.csv", rows) for number, (part, name, rows) in files]

    def check(self) -> None:
        """The rows of the newest snapshot of each partition, the last of each key, and no others."""
        contract = self.pipeline.contract
        files = self.pipeline.services.files.get_all(sent.file_id for sent in self.sent)
        assert all(file.status is FileStatus.LOADED and file.rows.balanced for file in files), files
        arrived = sorted(
            zip(files, self.plan.files, strict=True), key=lambda both: f"{both[0].arrival}#{both[0].file_id}"
        )
        newest = {part if contract.snapshot == PARTITION else 0: rows for _, (part, _, rows) in arrived}
        expected = [row for rows in newest.values() for row in (_last(rows) if contract.primary_key else rows)]
        assert table(self.pipeline) == sorted(row[2] for row in expected)
        held = Counter({file.file_id: file.rows.loaded for file in files})
        assert sum(held.values()) == len(expected)


def _last(rows: tuple[Row, ...]) -> list[Row]:
    return list({row[0]: row for row in rows}.values())


CONTRACTS = {
    "table": snapshots(TABLE, most_files=2),
    "appended table": snapshots(TABLE, most_files=2, primary_key=()),
    "partition": snapshots(PARTITION, most_files=2),
    "appended partition": snapshots(PARTITION, most_files=2, primary_key=()),
    "staged": snapshots(PARTITION, most_files=2, staged=True, merge_seconds=900),
}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_any_order_of_loading_ends_with_the_newest_snapshots(kind: str) -> None:
    search(Story, plans(), CONTRACTS[kind], examples(12))


def broken_load(given: Contract, without: str) -> str:
    """The load without one of its statements."""
    text = load_sql(given)
    (gone,) = [statement for statement in split_statements(text) if without in statement]
    return text.replace(f"{gone};\n", "")


@pytest.mark.parametrize(
    "without", ["SELECT DISTINCT t._file_id", "SET _replaced = 1\nFROM newest", "s.place < n.place"]
)
def test_a_load_that_forgets_a_step_is_found(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "appended partition" if "place <" in without else "appended table"
    assert without in load_sql(CONTRACTS[kind])
    monkeypatch.setitem(texts.MAKERS, SqlText.LOAD, lambda spec: broken_load(spec, without))
    with pytest.raises(AssertionError):
        search(Story, plans(), CONTRACTS[kind], 300, [Phase.generate])
