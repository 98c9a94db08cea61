"""Group commit under every order of events and with processes killed anywhere: nothing lost, nothing twice.

Starters, executions, the recovery rule and the sweeper run the deployed code, step by step, in orders that hypothesis
chooses. The tests that end in `is_found` break the protocol on purpose and show that the search finds it. `make search`
tries far more orders than a test run does.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain import clock
from headrace.domain.ingest.lane import Sleeper
from headrace.domain.ingest.ledger import (
    LIVE,
    TRANSFORMED,
    Arrival,
    BatchRecord,
    BatchStatus,
    FileRecord,
    FileStatus,
    RowCounts,
)
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.storm import Group
from headrace.usecases import lake_paths
from headrace.usecases.ingest import starter as receive
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.record_staged import BatchGivenUpError
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.ingest.run_statements import LOAD_REFUSED
from headrace.usecases.ingest.starter import take_along
from headrace.usecases.recovery.recover import recover, sweep
from headrace.usecases.unit.deduplicate import claim
from tests.support.fakes import MemoryServices, MemoryWarehouse, MemoryWorkflow, contract
from tests.support.interleaving import Schedule, World, examples
from tests.support.ledger_fakes import MemoryBatches, MemoryContents, MemoryFiles, MemoryLedger, MemorySleepers

ONE, COPY = RowCounts(1, 1), RowCounts(1, duplicate=1)
STEPS = st.integers(1, 120)
LONG_AGO = "2026-01-01T00:00:00Z"
PATIENT_KILLS = 5
"""So many kills are within the patience with an outage: no time passes here."""


def schedules(kills: int) -> st.SearchStrategy[Schedule]:
    """Orders of steps with up to so many processes killed."""
    priorities = st.lists(st.integers(0, 9), min_size=1, max_size=8).map(tuple)
    return st.builds(
        Schedule, priorities, st.frozensets(STEPS, max_size=6), st.frozensets(STEPS, min_size=kills, max_size=kills)
    )


HandOver = Callable[..., bool]


class Stepwise(MemoryBatches):
    """Batches of a ledger that takes files one after the other, as the real one does a few at a time."""

    def take(self, batch: BatchRecord) -> Any:
        for file in [self.records.files[file_id] for file_id in batch.file_ids]:
            yield
            self.take_one(batch, file)
        return [self.records.files[file_id] for file_id in batch.file_ids]


class InSteps(MemoryFiles):
    """Files of a ledger that writes an arrival in two requests, as the real one does: the record, and that it waits."""

    def record_arrival(self, file: FileRecord, group: Group | None = None) -> Any:
        if file.file_id in self.records.files:
            return self.delivered_again(file.file_id)
        self.records.files[file.file_id] = file
        yield
        self.records.waiting[file.lane, file.file_id] = file
        return file


class Simulation:
    """A dataset, its files, and all that may run for it."""

    def __init__(
        self,
        schedule: Schedule,
        files: int,
        *,
        hand_over: HandOver = hand_over,
        culprits: frozenset[int] = frozenset(),
        killing: bool = False,
        failing: frozenset[int] = frozenset(),
        contents: tuple[int, ...] = (),
        batches: type[MemoryBatches] = Stepwise,
        kept: type[MemoryContents] = MemoryContents,
        deliveries: int = 1,
        known: type[MemoryFiles] = InSteps,
    ) -> None:
        self.services = MemoryServices(ledger=MemoryLedger(known, kept, batches))
        self.world = World(self.services, schedule)
        self.hand_over = hand_over
        self.loads: Counter[str] = Counter()
        self.working: dict[int, str] = {}
        self.culprits = {arrival(number).file_id for number in culprits}
        self.killing = killing
        self.kills = 0
        self.kept = FileStatus.HELD if killing else FileStatus.FAILED
        self.failing = failing
        self.contents = {arrival(number).file_id: content for number, content in enumerate(contents)}
        self.services.workflow = Executions(self)
        self.tombstones = self.services.warehouse = Tombstones(self)
        for number in range(files * deliveries):
            self.deliver(arrival(number % files))

    def deliver(self, arrival: Arrival) -> None:
        """A starter with this message; a killed one's message is delivered again."""

        def starter(services: Any) -> None:
            file = receive.record(arrival, services)
            if file.status in {FileStatus.PENDING, FileStatus.RUNNING}:
                receive.wake(file.dataset, services)

        self.world.spawn("starter", starter, lambda: None, lambda: self.deliver(arrival))

    def execute(self, generation: int) -> None:
        """An execution; a killed one is told to the recovery rule."""

        def execution(services: Any) -> None:
            recorded = record_batch("readings", LIVE, generation, f"readings-{generation}", services)
            if recorded["batch"] and runs():
                self.begin(generation, recorded["batch"])
                results = self.transform(recorded["batch"], services)
                if runs():
                    self.load(recorded["batch"], results, services)
            self.working.pop(generation, None)
            if runs():
                self.hand_over("readings", LIVE, generation, services)

        def runs() -> bool:
            return self.services.workflow.executions["readings", LIVE, generation] == "RUNNING"

        def ended(status: str) -> None:
            self.working.pop(generation, None)
            if runs():
                self.services.workflow.executions["readings", LIVE, generation] = status

        def killed() -> None:
            ended("ABORTED")
            self.recover(generation)

        # Stopped by hand, while the function that runs just then goes on to its own end.
        self.world.spawn(f"execution {generation}", execution, lambda: ended("SUCCEEDED"), killed, stopped=killed)

    def begin(self, generation: int, batch: str) -> None:
        known = self.services.ledger.records.batches
        at_work = [name for name in self.working.values() if known[name].status is BatchStatus.RUNNING]
        assert not at_work, f"generation {generation} works while {at_work} run"
        self.working[generation] = batch

    def transform(self, name: str, services: Any) -> list[FileResult]:
        """What the transform finds of each file, as it read them when it began."""
        files = services.files.get_all(services.batches.get(name).file_ids)
        return [self.transformed(file, services) for file in files]

    def transformed(self, file: FileRecord, services: Any) -> FileResult:
        sha256 = self.content(file)
        holder = claim(file, sha256, contract(), services)
        if holder:
            return FileResult(file.file_id, Verdict.DUPLICATE, 1, sha256=sha256, duplicate_of=holder.file_id)
        return FileResult(file.file_id, Verdict.GOOD, 1, 1, sha256=sha256)

    def content(self, file: FileRecord) -> str:
        return str(self.contents.get(file.file_id, file.file_id))

    def load(self, name: str, results: list[FileResult], services: Any) -> None:
        """The load and its outcome; the warehouse loads a batch that it knows no second time, and refuses culprits."""
        batch = services.batches.get(name)
        if self.culprits & set(batch.file_ids) and self.killing:
            self.kills += 1
            late = replace(batch, failed_at=LONG_AGO) if self.kills > PATIENT_KILLS else batch
            record_failure(late, "Sandbox.Timedout", "Task timed out", services, self.killed(batch, services))
            return
        if self.culprits & set(batch.file_ids):
            record_failure(batch, LOAD_REFUSED, "ERROR: value too long for type character varying(6)", services)
            return
        if int(str(batch.execution).rpartition("-")[2]) in self.failing:
            record_failure(batch, "TransientError", "the lake did not answer", services)
            return
        for number in range(1, batch.units + 1):
            unit = UnitResult(number, contract().digest, [], results if number == 1 else [])
            services.lake.write_json(lake_paths.result(name, number), unit.to_json())
        good = [result.file_id for result in results if result.verdict is Verdict.GOOD]
        if good and not self.loads[name] and name not in self.tombstones.buried:  # one transaction, under the lock
            self.loads[name] += 1
            self.loads.update(good)
        try:
            record_outcome(services.batches.get(name), results, services)
        except BatchGivenUpError as error:
            record_failure(batch, "BatchGivenUpError", str(error), services)

    def killed(self, batch: BatchRecord, services: Any) -> list[int]:
        """The units with a culprit in them, at which the transform ended; it had written what it was done with."""
        listed = {n: services.lake.read_json(lake_paths.unit(batch.batch, n)) for n in range(1, batch.units + 1)}
        for unit in listed.values():
            for file in itertools.takewhile(lambda file: file["file_id"] not in self.culprits, unit):
                services.events.note_file(file["file_id"], TRANSFORMED)
        return [n for n, unit in listed.items() if self.culprits & {file["file_id"] for file in unit}]

    def recover(self, generation: int) -> None:
        def recovery(services: Any) -> None:
            recover("readings", LIVE, generation, services)

        self.world.spawn("recover", recovery, lambda: None, lambda: None)  # killed: the event is lost

    def take_along(self) -> None:
        """Another dataset's group begins, and takes this lane along, whatever its execution is doing just then."""

        def taker(services: Any) -> None:
            state = services.lanes.state("readings", LIVE)
            services.sleepers.note(Sleeper("readings", LIVE, state.generation, clock.seconds() + 600))
            take_along(None, services)

        self.world.spawn("taker", taker, lambda: None, lambda: None)

    def sweep(self) -> None:
        def sweeper(services: Any) -> None:
            sweep(services)

        self.world.spawn("sweeper", sweeper, lambda: None, lambda: None)

    def come_to_an_end(self) -> None:
        """Everything runs, then the sweeper does what is left; all must be right then."""
        self.world.run()
        for _ in range(3):
            self.sweep()
            self.world.run()
        self.check()

    def check(self) -> None:
        loaded: Counter[str] = Counter()
        for file in self.services.ledger.records.files.values():
            wrong = file.file_id in self.culprits
            fine = FileStatus.LOADED if self.loads[file.file_id] else FileStatus.DUPLICATE
            assert file.status in ({FileStatus.FAILED, self.kept} if wrong else {fine})
            assert file.rows == (
                RowCounts() if wrong else RowCounts(1, 1) if file.status is FileStatus.LOADED else COPY
            )
            loaded[self.content(file)] += self.loads[file.file_id]
        assert all(count == 1 for content, count in loaded.items() if content not in self.culprits)
        assert self.services.ledger.lanes.state("readings", LIVE).open_batch is None


def arrival(number: int) -> Arrival:
    return Arrival("b", f"readings/{number}", "1", 1, "", "1", f"2026-01-01T00:00:{number:02}Z")


class Tombstones(MemoryWarehouse):
    """The warehouse, as far as giving up asks it."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation
        self.buried: set[str] = set()

    def run(self, statements: list[str]) -> None:
        self.buried |= {found for found in re.findall(r"readings-\d+", " ".join(statements)) if not self._loaded(found)}

    def query(self, sql: str) -> list[list[Any]]:
        if "etl.objects" in sql:
            return []  # no object has a name yet
        batch = re.findall(r"readings-\d+", sql)[0]
        if "etl.load_files" in sql:
            files = self._simulation.services.ledger.batches.get(batch).file_ids
            loads = self._simulation.loads
            return [[file_id, batch, 1, 1, 0] for file_id in files if self._loaded(batch) and loads[file_id]]
        return [["loaded"]] if self._loaded(batch) else [["given up"]]

    def _loaded(self, batch: str) -> bool:
        return bool(self._simulation.loads[batch])


class Executions(MemoryWorkflow):
    """Step Functions: starting an execution sets it going."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def start(self, dataset: str, lane: str, generation: int, wait_seconds: int) -> bool:
        started = super().start(dataset, lane, generation, wait_seconds)
        if started:
            self._simulation.execute(generation)
        return started


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0), st.integers(1, 5))
def test_no_wake_up_is_lost_when_nothing_dies(schedule: Schedule, files: int) -> None:
    simulation = Simulation(schedule, files)
    simulation.world.run()
    simulation.check()


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=2), st.integers(1, 4))
def test_whatever_dies_the_sweeper_brings_it_to_an_end(schedule: Schedule, files: int) -> None:
    simulation = Simulation(schedule, files)
    simulation.sweep()  # one that runs beside the others must do no harm
    simulation.come_to_an_end()


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0), st.frozensets(STEPS, max_size=2), st.integers(1, 4))
def test_a_function_that_outlives_its_execution_does_no_harm(
    schedule: Schedule, stops: frozenset[int], files: int
) -> None:
    simulation = Simulation(replace(schedule, stops=stops), files)
    simulation.come_to_an_end()


@settings(max_examples=examples(200), deadline=None)
@given(schedules(kills=0) | schedules(kills=2), st.integers(1, 6), st.frozensets(st.integers(0, 5), max_size=2))
def test_a_file_that_fails_its_batch_ends_alone(schedule: Schedule, files: int, culprits: frozenset[int]) -> None:
    simulation = Simulation(schedule, files, culprits=frozenset(n for n in culprits if n < files))
    simulation.come_to_an_end()


@settings(max_examples=examples(100), deadline=None)
@given(schedules(kills=0) | schedules(kills=2), st.integers(1, 6), st.frozensets(st.integers(0, 5), max_size=2))
def test_a_file_that_kills_its_transform_ends_alone(schedule: Schedule, files: int, culprits: frozenset[int]) -> None:
    simulation = Simulation(schedule, files, culprits=frozenset(n for n in culprits if n < files), killing=True)
    simulation.come_to_an_end()


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0) | schedules(kills=2), st.integers(1, 3), st.integers(2, 3))
def test_an_event_that_is_delivered_again_and_again_is_one_file(
    schedule: Schedule, files: int, deliveries: int
) -> None:
    simulation = Simulation(schedule, files, deliveries=deliveries)
    simulation.come_to_an_end()
    assert not simulation.services.ledger.records.waiting


class Forgetful(InSteps):
    """A ledger that leaves out, of a known file, what the call that died has left out."""

    def delivered_again(self, file_id: str) -> FileRecord:
        return self.records.files[file_id]


def test_a_ledger_that_leaves_an_arrival_half_written_is_found() -> None:
    @settings(max_examples=3000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=1))
    def search(schedule: Schedule) -> None:
        Simulation(schedule, 1, known=Forgetful).come_to_an_end()

    with pytest.raises(AssertionError):
        search()


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0) | schedules(kills=2), st.integers(1, 4), st.integers(1, 3), st.frozensets(STEPS, max_size=1))
def test_a_lane_that_is_taken_along_loads_each_file_once(
    schedule: Schedule, files: int, takers: int, stops: frozenset[int]
) -> None:
    simulation = Simulation(replace(schedule, stops=stops), files)
    for _ in range(takers):
        simulation.take_along()
    simulation.come_to_an_end()


class Grabbing(MemorySleepers):
    """A ledger that moves a lane on whatever its execution is doing."""

    def take(self, sleeper: Sleeper) -> bool:
        place = sleeper.dataset, sleeper.lane
        self.records.lanes[place] = replace(self.records.lane(*place), generation=sleeper.generation + 1)
        return True


def test_a_lane_that_is_taken_along_in_the_midst_of_its_batch_is_found() -> None:
    @settings(max_examples=2000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0), st.integers(1, 3))
    def search(schedule: Schedule, files: int) -> None:
        simulation = Simulation(schedule, files)
        simulation.services.ledger.sleepers = Grabbing(simulation.services.ledger.records)
        simulation.take_along()
        simulation.come_to_an_end()

    with pytest.raises((AssertionError, KeyError)):
        search()


class Careful(Stepwise):
    """A ledger that notices when an open batch is written as it was before."""

    def save(self, batch: BatchRecord) -> None:
        known = self.records.batches.get(batch.batch, batch)
        if known.status is batch.status is BatchStatus.RUNNING:
            assert batch.attempts >= known.attempts
            assert batch.condemned or not known.condemned
        super().save(batch)


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0), st.frozensets(STEPS, max_size=1), st.integers(1, 4), st.integers(1, 3))
def test_failures_that_pass_and_late_reports_of_them_change_nothing_in_the_end(
    schedule: Schedule, stops: frozenset[int], files: int, failing: int
) -> None:
    fail_and_stop(schedule, stops, files, failing, Careful)


def fail_and_stop(
    schedule: Schedule, stops: frozenset[int], files: int, failing: int, batches: type[MemoryBatches]
) -> None:
    stopped = replace(schedule, stops=stops)
    culprits = frozenset({0}) if files > 1 else frozenset[int]()
    simulation = Simulation(stopped, files, culprits=culprits, failing=frozenset({failing}), batches=batches)
    simulation.come_to_an_end()


class Overwriting(Careful):
    """The ledger as it was when a failure was written with the whole of its batch."""

    def note_reason(self, batch: BatchRecord, reason: str) -> None:
        self.save(replace(batch, reason=reason))


def test_a_late_report_that_overwrites_its_batch_is_found() -> None:
    @settings(max_examples=3000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0), st.frozensets(STEPS, min_size=1, max_size=1))
    def search(schedule: Schedule, stops: frozenset[int]) -> None:
        fail_and_stop(schedule, stops, 1, 1, Overwriting)

    with pytest.raises(AssertionError):
        search()


def looks_before_it_moves(dataset: str, lane: str, generation: int, services: Any) -> bool:
    """The mistake that the protocol is made to avoid."""
    waiting = services.lanes.pending(dataset, lane, 1)
    services.lanes.advance(dataset, lane, generation)
    return bool(waiting) and services.workflow.start(dataset, lane, generation + 1, 0)


def test_a_broken_protocol_is_found() -> None:
    @settings(max_examples=2000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0))
    def search(schedule: Schedule) -> None:
        simulation = Simulation(schedule, 3, hand_over=looks_before_it_moves)
        simulation.world.run()
        simulation.check()

    with pytest.raises(AssertionError):
        search()


class Unconditional(MemoryBatches):
    """The ledger as it was when the fault bench found a file in two batches."""

    def open(self, batch: BatchRecord) -> BatchRecord:
        self.records.batches[batch.batch] = batch
        state = self.records.lane(batch.dataset, batch.lane)
        self.records.lanes[batch.dataset, batch.lane] = replace(state, open_batch=batch.batch)
        return batch


def test_a_batch_that_is_opened_out_of_turn_is_found() -> None:
    @settings(max_examples=3000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0), st.frozensets(STEPS, min_size=1, max_size=2))
    def search(schedule: Schedule, stops: frozenset[int]) -> None:
        simulation = Simulation(replace(schedule, stops=stops), 2, batches=Unconditional)
        simulation.come_to_an_end()

    with pytest.raises((AssertionError, KeyError)):  # lost rows, or an outcome for a file that is another batch's
        search()


class Grasping(Stepwise):
    """The ledger as it was when a file was taken whatever had become of its batch."""

    def take_one(self, batch: BatchRecord, file: FileRecord) -> None:
        if file.waits_in(batch.lane) and self.records.files[file.file_id].status is file.status:
            self.records.files[file.file_id] = file.taken_by(batch)
        self.records.waiting.pop((batch.lane, file.file_id), None)


def split_and_stop(schedule: Schedule, stops: frozenset[int], files: int, batches: type[MemoryBatches]) -> None:
    stopped = replace(schedule, stops=stops)
    simulation = Simulation(stopped, files, culprits=frozenset({0}), batches=batches)
    simulation.come_to_an_end()


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0), st.frozensets(STEPS, max_size=2), st.integers(2, 4))
def test_a_late_function_takes_no_file_that_waits_for_another_batch(
    schedule: Schedule, stops: frozenset[int], files: int
) -> None:
    split_and_stop(schedule, stops, files, Stepwise)


def test_a_ledger_that_takes_files_whatever_became_of_their_batch_is_found() -> None:
    @settings(max_examples=3000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0), st.frozensets(STEPS, min_size=1, max_size=1), st.integers(2, 3))
    def search(schedule: Schedule, stops: frozenset[int], files: int) -> None:
        split_and_stop(schedule, stops, files, Grasping)

    with pytest.raises((AssertionError, KeyError)):
        search()


CONTENTS = st.lists(st.integers(0, 1), min_size=2, max_size=4).map(tuple)


def copy_and_stop(
    schedule: Schedule,
    stops: frozenset[int],
    contents: tuple[int, ...],
    kept: type[MemoryContents] = MemoryContents,
) -> None:
    stopped = replace(schedule, stops=stops)
    simulation = Simulation(stopped, len(contents), contents=contents, kept=kept)
    simulation.come_to_an_end()


@settings(max_examples=examples(300), deadline=None)
@given(schedules(kills=0), st.frozensets(STEPS, max_size=2), CONTENTS)
def test_of_the_same_content_one_file_is_loaded_whatever_is_stopped(
    schedule: Schedule, stops: frozenset[int], contents: tuple[int, ...]
) -> None:
    copy_and_stop(schedule, stops, contents)


class Stale(MemoryContents):
    """The ledger as it was when a copy's record was written as it had been read."""

    def note(self, file: FileRecord, sha256: str) -> None:
        self.records.files[file.file_id] = replace(file, sha256=sha256)


def test_a_late_function_that_writes_a_copy_as_it_was_is_found() -> None:
    @settings(max_examples=3000, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
    @given(schedules(kills=0), st.frozensets(STEPS, min_size=1, max_size=2))
    def search(schedule: Schedule, stops: frozenset[int]) -> None:
        copy_and_stop(schedule, stops, (0, 0), Stale)

    with pytest.raises(AssertionError):
        search()
