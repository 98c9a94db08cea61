"""The history of a dataset is that of all its versions in their order, whatever the order of loading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import Arrival, FileStatus
from headrace.domain.sql_text import SqlText
from headrace.usecases.ingest import record_outcome
from headrace.usecases.recovery.replay import Wanted, replay
from headrace.usecases.recovery.requeue import reload
from headrace_compiler.sql import texts
from headrace_compiler.sql.load import history_sql, load_sql
from tests.support.fakes import MemoryLanding, contracts_of
from tests.support.interleaving import examples
from tests.support.load_stories import EVENTS, LoadStory, search
from tests.support.pipeline import Change, Pipeline, changes, meters

State = tuple[str, int | None, int, int | None, bool]
"""Meter, value, from, to, whether it holds still."""
STATES = "SELECT meter, value, valid_from, valid_to, is_current FROM public.readings_history ORDER BY 1, 3"


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of loads print none."""
    monkeypatch.setattr(record_outcome, "measure_outcome", lambda *_: None)


def states(pipeline: Pipeline) -> list[State]:
    return [(str(meter), value, start, end, bool(now)) for meter, value, start, end, now in query(pipeline, STATES)]


def query(pipeline: Pipeline, sql: str) -> list[list[Any]]:
    return pipeline.warehouse.query(sql)


def history(versions: list[tuple[tuple[int, str, int], str, int, str]]) -> list[State]:
    """What a history must be: of versions, each its place (round first), meter, value and operation."""
    found: list[State] = []
    for meter in sorted({meter for _, meter, *_ in versions}):
        last = {place[0]: (value, op) for place, name, value, op in sorted(versions) if name == meter}
        steps: list[tuple[int, int | None]] = []
        for start in sorted(last):
            value, op = last[start]
            state = None if op == "D" else value
            if not steps or steps[-1][1] != state:
                steps.append((start, state))
        ends = [*(after for _, (after, _) in pairwise(steps)), None]
        found += [
            (meter, state, start, end, end is None)
            for (start, state), end in zip(steps, ends, strict=True)
            if state is not None
        ]
    return found


@dataclass(frozen=True)
class Plan:
    """Files in their order of arrival (key, rows), and what happens: a verb and a number each."""

    files: tuple[tuple[str, tuple[Change, ...]], ...]
    events: tuple[tuple[str, int], ...]
    same_second: bool = False


CHANGES = st.tuples(
    st.sampled_from(["m1", "m2"]), st.integers(1, 4), st.integers(1, 2), st.sampled_from(["I", "U", "D"])
)
FILES = st.lists(st.tuples(st.sampled_from("abc"), st.lists(CHANGES, max_size=3)), min_size=2, max_size=5)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Stories in which states come back, and every file has other bytes."""
    files = tuple((key, tuple(rows)) for key, rows in draw(FILES))
    return Plan(files, tuple(draw(EVENTS)), draw(st.booleans()))


class Story(LoadStory[Plan]):
    """A plan as it happens, and the history that it must have in the end."""

    def land(self) -> list[Arrival]:
        return [self._landed(number, key, rows) for number, (key, rows) in enumerate(self.plan.files)]

    def _landed(self, number: int, key: str, rows: tuple[Change, ...]) -> Arrival:
        keyed = self.pipeline.contract.operation
        lines = [f"{meter},{turn},{value},{number}{',' + op if keyed else ''}" for meter, turn, value, op in rows]
        body = "\n".join([f"meter,round,value,note{',op' if keyed else ''}", *lines, ""]).encode()
        at = f"2026-01-01T00:00:0{0 if self.plan.same_second else number}.000000Z"
        return self.pipeline.put(f"{key}.csv", f"v{number}", body, at, f"00{number:02}")

    def check(self) -> None:
        files = self.pipeline.services.files.get_all(sent.file_id for sent in self.sent)
        assert all(file.rows.balanced for file in files), files
        newest = {key: number for number, (key, _) in enumerate(self.plan.files)}
        versions = [
            ((turn, f"{file.arrival}#{file.file_id}", at), meter, value, op if self.pipeline.contract.operation else "")
            for number, ((key, rows), file) in enumerate(zip(self.plan.files, files, strict=True))
            for at, (meter, turn, value, op) in enumerate(rows)
            if newest[key] == number or not self.pipeline.contract.replace_versions
        ]
        assert states(self.pipeline) == history(versions)


CONTRACTS = {
    "states": meters(most_files=2, ordering=("round",), history=True),
    "added": meters(most_files=2, ordering=("round",), history=True, replace_versions=False),
    "changes": changes(most_files=2, ordering=("round",), history=True),
    "changes, marked": changes(most_files=2, ordering=("round",), history=True, marked=True),
    "changes, staged": changes(most_files=2, ordering=("round",), history=True, staged=True, merge_seconds=900),
}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_any_order_of_loading_ends_with_the_same_history(kind: str) -> None:
    search(Story, plans(), CONTRACTS[kind], examples(12))


def without_earlier_versions(given: Contract) -> str:
    """The load as it would be if it knew only what it brings."""
    own = "(SELECT * FROM etl.versions_readings WHERE _batch_id = '${batch}') AS v"
    return load_sql(given).replace("etl.versions_readings AS v", own)


def with_versions_that_are_gone(given: Contract) -> str:
    """The load as it would be if versions of replaced files counted."""
    return load_sql(given).replace("DELETE FROM etl.versions_readings", "SELECT 1 FROM etl.versions_readings")


def with_repeated_states(given: Contract) -> str:
    """The load as it would be if equal neighbours were two states."""
    return load_sql(given).replace("_before IS NOT NULL", "1 = 0")


@pytest.mark.parametrize(
    "fault", [without_earlier_versions, with_versions_that_are_gone, with_repeated_states], ids=lambda f: f.__name__
)
def test_a_fault_is_found(fault: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(texts.MAKERS, SqlText.LOAD, fault)
    with pytest.raises(AssertionError):
        search(Story, plans(), CONTRACTS["changes"], 300, [Phase.generate])


def load(pipeline: Pipeline, name: str, rows: list[Change], day: int) -> str:
    at = f"2026-01-{day:02}T08:00:00.000000Z"
    sent = pipeline.deliver(pipeline.land(name, "v1", rows, at, "0A"))
    pipeline.run()
    return sent.file_id


def test_a_state_that_comes_late_takes_its_place_and_parts_what_was_one() -> None:
    pipeline = Pipeline(CONTRACTS["changes"])
    load(pipeline, "a.csv", [("m1", 1, 7, "I"), ("m1", 5, 7, "U")], 1)
    assert states(pipeline) == [("m1", 7, 1, None, True)]
    load(pipeline, "b.csv", [("m1", 3, 8, "U")], 2)
    assert states(pipeline) == [("m1", 7, 1, 3, False), ("m1", 8, 3, 5, False), ("m1", 7, 5, None, True)]
    load(pipeline, "c.csv", [("m1", 4, 0, "D"), ("m2", 4, 0, "D")], 3)
    assert states(pipeline) == [("m1", 7, 1, 3, False), ("m1", 8, 3, 4, False), ("m1", 7, 5, None, True)]
    load(pipeline, "d.csv", [("m1", 6, 0, "D")], 4)
    assert states(pipeline)[-1] == ("m1", 7, 5, 6, False)
    assert pipeline.rows() == {}


def test_states_that_lack_values_are_states() -> None:
    pipeline = Pipeline(changes(ordering=("round",), history=True))
    body = b"op,meter,round,value\nI,m1,1,\nU,m1,2,5\nU,m1,3,\nU,m1,4,\nU,m1,5,0\n"
    pipeline.deliver(pipeline.put("a.csv", "v1", body, "2026-01-01T08:00:00.000000Z", "0A"))
    pipeline.run()
    assert [(value, start, end) for _, value, start, end, _ in states(pipeline)] == [
        (None, 1, 2), (5, 2, 3), (None, 3, 5), (0, 5, None)
    ]  # fmt: skip


def test_a_row_that_comes_back_from_quarantine_takes_its_place() -> None:
    pipeline = Pipeline(CONTRACTS["changes"])
    load(pipeline, "a.csv", [("m1", 1, 1, "I"), ("m1", 2, -5, "U"), ("m1", 3, 1, "U")], 1)
    assert states(pipeline) == [("m1", 1, 1, None, True)]
    today = replace(pipeline.contract, columns=tuple(replace(c, minimum=None) for c in pipeline.contract.columns))
    pipeline.services.contracts = contracts_of(today)
    landing = MemoryLanding()
    (answer,) = replay(today, Wanted(), landing, pipeline.services)
    assert answer.good == 1
    for key, body in landing.bodies.items():
        sent = pipeline.put(key.removeprefix("readings/"), "v1", body, "2026-01-02T08:00:00.000000Z", "0B")
        pipeline.deliver(sent)
    pipeline.run()
    assert states(pipeline) == [("m1", 1, 1, 2, False), ("m1", -5, 2, 3, False), ("m1", 1, 3, None, True)]


def test_a_file_that_is_loaded_again_leaves_its_versions_once() -> None:
    pipeline = Pipeline(CONTRACTS["changes"])
    first = load(pipeline, "a.csv", [("m1", 1, 1, "I")], 1)
    load(pipeline, "b.csv", [("m1", 2, 2, "U")], 2)
    before = states(pipeline)
    reload([pipeline.services.files.get(first)], pipeline.services)
    pipeline.run()
    assert states(pipeline) == before
    assert query(pipeline, "SELECT COUNT(*) FROM etl.versions_readings") == [[2]]
    assert pipeline.services.files.get(first).status is FileStatus.LOADED


def test_a_history_begins_with_the_rows_that_are_there() -> None:
    pipeline = Pipeline(changes(ordering=("round",)))
    load(pipeline, "a.csv", [("m1", 1, 1, "I"), ("m2", 1, 1, "I")], 1)
    pipeline.contract = CONTRACTS["changes"]
    pipeline.services.contracts = contracts_of(pipeline.contract)
    pipeline.warehouse.run_file(history_sql(pipeline.contract))
    assert states(pipeline) == [("m1", 1, 1, None, True), ("m2", 1, 1, None, True)]
    load(pipeline, "b.csv", [("m1", 2, 2, "U"), ("m2", 0, 9, "I")], 2)
    assert states(pipeline) == [
        ("m1", 1, 1, 2, False), ("m1", 2, 2, None, True), ("m2", 9, 0, 1, False), ("m2", 1, 1, None, True)
    ]  # fmt: skip


def test_a_history_that_begins_later_knows_what_was_deleted_before() -> None:
    pipeline = Pipeline(changes(ordering=("round",)))
    load(pipeline, "a.csv", [("m1", 5, 0, "D"), ("m2", 5, 0, "D"), ("m3", 1, 1, "I")], 1)
    pipeline.contract = CONTRACTS["changes"]
    pipeline.services.contracts = contracts_of(pipeline.contract)
    pipeline.warehouse.run_file(history_sql(pipeline.contract))
    assert states(pipeline) == [("m3", 1, 1, None, True)]
    load(pipeline, "b.csv", [("m1", 3, 7, "I"), ("m2", 6, 8, "I")], 2)
    assert states(pipeline) == [("m1", 7, 3, 5, False), ("m2", 8, 6, None, True), ("m3", 1, 1, None, True)]
    assert sorted(pipeline.rows()) == ["m2", "m3"]


def test_a_history_that_begins_later_takes_marked_rows_for_deletes() -> None:
    pipeline = Pipeline(changes(ordering=("round",), marked=True))
    load(pipeline, "a.csv", [("m1", 1, 7, "I"), ("m1", 5, 0, "D")], 1)
    pipeline.contract = CONTRACTS["changes, marked"]
    pipeline.services.contracts = contracts_of(pipeline.contract)
    pipeline.warehouse.run_file(history_sql(pipeline.contract))
    load(pipeline, "b.csv", [("m1", 3, 8, "I")], 2)
    assert states(pipeline) == [("m1", 8, 3, 5, False)]
