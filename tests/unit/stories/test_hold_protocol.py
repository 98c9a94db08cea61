"""Holding under every order of events and with processes killed anywhere: a held batch is never loaded by itself.

The deployed code of judging, holding, releasing and rejecting runs among starters, executions and sweepers, in orders
that hypothesis chooses. Odd files get their batch held; people release or reject whatever is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.domain.ingest.ledger import LIVE, FileStatus
from headrace.domain.ingest.outcome import FileResult
from headrace.domain.statistics.checks import Check, Metric
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.quality.hold import hold, reject, release
from headrace.usecases.quality.judge_batch import judge_batch
from tests.support.fakes import contract, contracts_of
from tests.support.interleaving import Schedule, examples
from tests.unit.stories.test_protocol import STEPS, Simulation, Tombstones, arrival, schedules

ODD = Check(Metric.ROW_COUNT, hold=True, highest=0.0)
Decide = Callable[..., Any]


class Figures(Tombstones):
    """The warehouse, as far as holding asks it: the figure of a batch is its number of odd files."""

    def run(self, statements: list[str]) -> None:
        super().run([statement for statement in statements if "etl.loads" in statement])

    def query(self, sql: str) -> list[list[Any]]:
        if "place = 1" in sql:
            batch = sql.split("point = '")[1].split("'", maxsplit=1)[0]
            simulation = self._simulation
            assert isinstance(simulation, Holding)
            files = simulation.services.ledger.batches.get(batch).file_ids
            odd = sum(file_id in simulation.odd for file_id in files)
            return [["2026-01-01", "rowCount", "", "", odd, 1, 0.0]]
        return [] if "AVG(figure)" in sql else super().query(sql)


class Holding(Simulation):
    """The simulation of loads, with the judgement before each, and people."""

    def __init__(self, schedule: Schedule, files: int, odd: frozenset[int], *, wait: bool, decide: Decide) -> None:
        self.odd = {arrival(number).file_id for number in odd}
        self.decide = decide
        super().__init__(schedule, files)
        self.services.contracts = contracts_of(contract(checks=(ODD,), wait_while_held=wait))
        self.tombstones = self.services.warehouse = Figures(self)
        self.ask_people()

    def load(self, name: str, results: list[FileResult], services: Any) -> None:
        batch = services.batches.get(name)
        for number in range(1, batch.units + 1):
            unit = UnitResult(number, contract().digest, [], results if number == 1 else [])
            services.lake.write_json(lake_paths.result(name, number), unit.to_json())
        if judge_batch(services.batches.get(name), services)["load"]:
            super().load(name, results, services)

    def ask_people(self) -> None:
        """Somebody who looks at what is held, and decides."""

        def person(services: Any) -> None:
            for name in services.lanes.state("readings", LIVE).held:
                self.decide(services.batches.get(name), services)

        self.world.spawn("person", person, lambda: None, lambda: None)

    def settle(self) -> None:
        """Until nothing moves any more, whatever was killed."""
        self.world.run()
        for _ in range(12):
            self.sweep()
            self.world.run()
            self.ask_people()
            self.world.run()

    def check_held(self, rejected: FileStatus) -> None:
        state = self.services.ledger.lanes.state("readings", LIVE)
        assert (state.open_batch, state.held) == (None, ())
        for file in self.services.ledger.records.files.values():
            assert self.loads[file.file_id] == (file.status is FileStatus.LOADED)
            assert file.status in {FileStatus.LOADED, rejected}
            if file.file_id in self.odd:
                assert file.status is rejected


def let_pass(batch: Any, services: Any) -> None:
    release(batch, "ann", services)


def turn_down(batch: Any, services: Any) -> None:
    reject(batch, "ann", "", services)


DECISIONS = [(let_pass, FileStatus.LOADED), (turn_down, FileStatus.FAILED)]
ODD_FILES = st.frozensets(st.integers(0, 3), max_size=2)


@pytest.mark.parametrize(("decide", "odd_files_end"), DECISIONS)
@settings(max_examples=examples(80), deadline=None)
@given(schedules(kills=0) | schedules(kills=2), st.integers(1, 4), ODD_FILES, st.booleans())
def test_what_people_decide_is_what_happens(
    decide: Decide, odd_files_end: FileStatus, schedule: Schedule, files: int, odd: frozenset[int], wait: bool
) -> None:
    simulation = Holding(schedule, files, frozenset(n for n in odd if n < files), wait=wait, decide=decide)
    simulation.settle()
    simulation.check_held(odd_files_end)


@pytest.mark.parametrize(("decide", "odd_files_end"), DECISIONS)
@settings(max_examples=examples(60), deadline=None)
@given(schedules(kills=0), st.frozensets(STEPS, max_size=2), st.integers(1, 4), ODD_FILES)
@example(Schedule((0, 1, 1, 1), frozenset({32})), frozenset({30}), 4, frozenset({1}))  # it listed a released batch
def test_a_judge_that_outlives_its_execution_does_no_harm(
    decide: Decide,
    odd_files_end: FileStatus,
    schedule: Schedule,
    stops: frozenset[int],
    files: int,
    odd: frozenset[int],
) -> None:
    stopped = replace(schedule, stops=stops)
    simulation = Holding(stopped, files, frozenset(n for n in odd if n < files), wait=False, decide=decide)
    simulation.settle()
    simulation.check_held(odd_files_end)


@pytest.mark.parametrize("wait", [True, False])
def test_later_batches_go_on_unless_the_contract_says_so(wait: bool) -> None:
    simulation = Holding(Schedule((1,), frozenset()), 1, frozenset({0}), wait=wait, decide=lambda *_: None)
    simulation.world.run()
    simulation.deliver(arrival(1))
    simulation.world.run()
    simulation.sweep()
    simulation.world.run()
    statuses = [file.status for file in simulation.services.ledger.records.files.values()]
    assert statuses == [FileStatus.HELD, FileStatus.PENDING if wait else FileStatus.LOADED]
    running = [status for status in simulation.services.workflow.executions.values() if status == "RUNNING"]
    assert not running


def test_a_batch_that_was_loaded_meanwhile_is_not_held() -> None:
    simulation = Holding(Schedule((1,), frozenset()), 1, frozenset(), wait=False, decide=lambda *_: None)
    simulation.world.run()
    (batch,) = simulation.services.ledger.records.batches.values()
    assert not hold(batch, [], [], simulation.services)
    assert simulation.services.ledger.files.get(batch.file_ids[0]).status is FileStatus.LOADED
