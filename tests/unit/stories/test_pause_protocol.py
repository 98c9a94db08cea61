"""Pausing under every order of events and with processes killed anywhere: nothing begins, nothing is lost.

A person pauses and resumes the dataset while starters, executions and sweepers run the deployed code, in orders that
hypothesis chooses, with files that fail their batch, transient failures and held batches among them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.ingest.ledger import LIVE, BatchRecord, FileStatus
from headrace.usecases.recovery import pause as module
from headrace.usecases.recovery.pause import pause, resume
from tests.support.interleaving import Schedule, examples
from tests.unit.stories.test_hold_protocol import ODD_FILES, Holding, let_pass
from tests.unit.stories.test_protocol import STEPS, Simulation, Stepwise, arrival, schedules

REASON = "the table is rebuilt"


def with_people(simulation: Simulation, *, resumed: bool) -> None:
    """A person who pauses the dataset, and resumes it later; killed ones type it again."""

    def pauser(services: Any) -> None:
        pause("readings", "ann", None, REASON, services)
        if resumed:
            resume("readings", services)

    simulation.world.spawn("person", pauser, lambda: None, lambda: with_people(simulation, resumed=resumed))


def resume_now(simulation: Simulation) -> None:
    """A person who resumes it, and types that again when the command was killed."""

    def resumer(services: Any) -> None:
        resume("readings", services)

    simulation.world.spawn("person", resumer, lambda: None, lambda: resume_now(simulation))


@settings(max_examples=examples(200), deadline=None)
@given(schedules(kills=0), st.integers(1, 5))
def test_no_wake_up_is_lost_to_a_pause(schedule: Schedule, files: int) -> None:
    """Without any sweeper: what a resumed lane has is loaded by the resumption itself."""
    simulation = Simulation(schedule, files)
    with_people(simulation, resumed=True)
    simulation.world.run()
    simulation.check()


@settings(max_examples=examples(200), deadline=None)
@given(
    schedules(kills=0) | schedules(kills=2),
    st.frozensets(STEPS, max_size=1),
    st.integers(1, 4),
    st.frozensets(st.integers(0, 3), max_size=1),
    st.frozensets(st.integers(1, 3), max_size=1),
)
def test_whatever_is_paused_ends_as_without_a_pause(
    schedule: Schedule, stops: frozenset[int], files: int, culprits: frozenset[int], failing: frozenset[int]
) -> None:
    """Also in the middle of a retry, of the search for a file that fails its batch, of a recovery."""
    culprits = frozenset(n for n in culprits if n < files and files > 1)
    simulation = Simulation(replace(schedule, stops=stops), files, culprits=culprits, failing=failing)
    with_people(simulation, resumed=False)
    simulation.world.run()
    for _ in range(3):
        simulation.sweep()
        simulation.world.run()
    assert simulation.services.ledger.lanes.state("readings", LIVE).open_batch is None, "what ran has ended"
    resume_now(simulation)
    simulation.come_to_an_end()


@settings(max_examples=examples(60), deadline=None)
@given(schedules(kills=0) | schedules(kills=1), st.integers(1, 4), ODD_FILES)
def test_a_held_batch_is_decided_on_in_a_pause_and_loads_after_it(
    schedule: Schedule, files: int, odd: frozenset[int]
) -> None:
    simulation = Holding(schedule, files, frozenset(n for n in odd if n < files), wait=False, decide=let_pass)
    with_people(simulation, resumed=False)
    simulation.settle()
    loaded = sum(simulation.loads.values())
    simulation.settle()
    assert sum(simulation.loads.values()) == loaded, "nothing begins"
    resume_now(simulation)
    simulation.settle()
    simulation.check_held(FileStatus.LOADED)


class Watchful(Stepwise):
    """A ledger that notices when a batch is made of a paused lane whose execution began after the pause."""

    def __init__(self, records: Any) -> None:
        super().__init__(records)
        self.made: list[str] = []

    def open(self, batch: BatchRecord) -> BatchRecord | None:
        opened = super().open(batch)
        if opened and self.records.lane(batch.dataset, batch.lane).pause:
            self.made.append(batch.batch)
        return opened


@settings(max_examples=examples(200), deadline=None)
@given(schedules(kills=0) | schedules(kills=2), st.integers(1, 5), st.integers(1, 3))
def test_at_most_the_execution_that_is_at_it_begins_a_batch(schedule: Schedule, files: int, late: int) -> None:
    simulation = Simulation(schedule, files, batches=Watchful)
    with_people(simulation, resumed=False)
    simulation.world.run()
    for number in range(late):
        simulation.deliver(arrival(files + number))
    for _ in range(3):
        simulation.sweep()
        simulation.world.run()
    made = simulation.services.ledger.batches
    assert isinstance(made, Watchful)
    assert len(made.made) <= 1
    statuses = [file.status for file in simulation.services.ledger.records.files.values()]
    assert statuses.count(FileStatus.PENDING) >= late
    assert not [status for status in simulation.services.workflow.executions.values() if status == "RUNNING"]
    resume_now(simulation)
    simulation.come_to_an_end()


def test_a_resumption_that_wakes_first_is_found() -> None:
    def wakes_first(dataset: str, services: Any) -> None:
        state = services.lanes.state(dataset, LIVE)
        module.wake_if_needed(dataset, LIVE, services)
        if state.pause:
            services.lanes.resume(dataset, LIVE, state.pause)

    @settings(max_examples=2000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0))
    def search(schedule: Schedule) -> None:
        simulation = Simulation(schedule, 3)
        services = simulation.services

        def person(services: Any) -> None:
            pause("readings", "ann", None, REASON, services)
            wakes_first("readings", services)

        simulation.world.spawn("person", person, lambda: None, lambda: None)
        simulation.world.run()
        assert services.ledger.lanes.state("readings", LIVE).pause is None
        simulation.check()

    with pytest.raises(AssertionError):
        search()
