"""What is written down, and said, of a batch that is given up: the batch, each of its files, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.lane import MAX_ATTEMPTS, LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.packing import APART, KILLED, KILLED_APART
from headrace.domain.notice import Incident
from headrace.usecases import lake_paths
from headrace.usecases.ingest.bisect_batch import give_up
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import batch_of, record_failure
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.ingest.run_statements import LOAD_REFUSED
from headrace.usecases.ingest.trouble import report_end
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract, file

TOO_LONG = f"{LOAD_REFUSED}: ERROR: value too long for type character varying(6)"
NO_TABLE = f"{LOAD_REFUSED}: ERROR: relation x does not exist"
UNKNOWN = f"{LOAD_REFUSED}: a sentence that nobody has read yet"
LONG_AGO = "2026-01-01T00:00:00.000000Z"
KILLED_REASON = "Sandbox.Timedout: it was killed"


class World:
    """A batch of these files. The first one of them is in another batch by now."""

    def __init__(self, names: str = "abc", **changes: object) -> None:
        self.services = MemoryServices()
        for name in names:
            self.services.ledger.files.record_arrival(file(name, arrived_at=name))
        record_batch("readings", LIVE, 1, "readings-1", self.services)
        self.batch = replace(self.services.ledger.batches.get("readings-1"), **changes)  # type: ignore[arg-type]  # any field
        self.services.ledger.records.batches["readings-1"] = self.batch
        self.moved = replace(self.now(names[0]), batch="readings-0")
        self.services.ledger.given(self.moved)

    def now(self, name: str) -> FileRecord:
        return self.services.ledger.files.get(file(name).file_id)

    def give_up(self, reason: str, *killed: str) -> BatchRecord:
        give_up(self.batch, reason, self.services, frozenset(file(name).file_id for name in killed))
        return self.services.ledger.batches.get("readings-1")

    def last(self, name: str) -> tuple[str, dict[str, object]]:
        """The last line of a story."""
        line = self.services.ledger.records.events[name][-1]
        return line.step, line.detail

    @property
    def said(self) -> list[str]:
        return [f"{notice.level}: {' '.join(notice.lines)}" for notice in self.services.topic.notices]


def test_a_batch_that_is_split_has_ended_and_its_files_wait_in_halves() -> None:
    world = World("0abcd")
    ended = world.give_up(TOO_LONG)
    assert (ended.status, bool(ended.ended_at), ended.reason) == (BatchStatus.FAILED, True, TOO_LONG)
    assert world.last("readings-1") == ("Split", {"reason": TOO_LONG})
    for name, half in zip("abcd", "aabb", strict=True):
        waits = world.now(name)
        assert (waits.status, waits.batch, waits.suspects) == (FileStatus.PENDING, None, f"readings-1-{half}")
        assert waits.failing_since
        assert waits.apart_since
        assert world.last(waits.file_id) == ("Set apart", {"batch": "readings-1", "with": f"readings-1-{half}"})
    assert world.now("0") == world.moved, "another batch has it"
    assert len(world.said) == 1


def test_a_batch_that_is_held_has_not_ended_and_neither_have_its_files() -> None:
    world = World(failed_at=LONG_AGO)
    held = world.give_up(NO_TABLE)
    assert (held.status, held.ended_at, held.condemned) == (BatchStatus.HELD, None, True)
    assert world.last("readings-1") == ("Held", {"reason": NO_TABLE})
    for name in "bc":
        assert (world.now(name).status, world.now(name).batch) == (FileStatus.HELD, "readings-1")
        assert world.now(name).reason == f"its batch is held: {NO_TABLE}"
        assert world.last(world.now(name).file_id) == ("Held", {"batch": "readings-1"})
    assert world.now("a") == world.moved
    assert len(world.said) == 1


def test_a_file_that_is_given_up_has_failed_for_the_batchs_reason() -> None:
    world = World("ab")
    world.services.ledger.records.batches["readings-1"] = world.batch = replace(
        world.batch, file_ids=world.batch.file_ids[1:]
    )
    ended = world.give_up(TOO_LONG)
    assert (ended.status, bool(ended.ended_at)) == (BatchStatus.FAILED, True)
    assert world.last("readings-1") == ("Given up", {"reason": TOO_LONG})
    assert (world.now("b").status, world.now("b").reason) == (FileStatus.FAILED, f"it could not be loaded: {TOO_LONG}")
    (said,) = world.said
    assert said.startswith("error")


@pytest.mark.parametrize(
    ("before", "group"),
    [(None, KILLED), ("readings-0-a", KILLED), (KILLED, KILLED_APART), (KILLED_APART, KILLED_APART)],
)
def test_a_killed_file_waits_alone_and_the_others_as_they_did(before: str | None, group: str) -> None:
    world = World("0abc")
    for name in "abc":
        world.services.ledger.given(replace(world.now(name), suspects=before))
    ended = world.give_up(KILLED_REASON, "b", "0")
    assert ended.status is BatchStatus.FAILED
    assert (world.now("b").suspects, bool(world.now("b").apart_since)) == (group, True)
    others = None if before in {KILLED, KILLED_APART} else before
    assert [world.now(name).suspects for name in "ac"] == [others, others]
    assert [bool(world.now(name).apart_since) for name in "ac"] == [others is not None] * 2
    assert all(world.now(name).failing_since for name in "abc")
    assert world.now("0") == world.moved


@pytest.mark.parametrize(
    ("loaded_at", "status"), [("2026-01-03", FileStatus.FAILED), ("2026-01-01", FileStatus.PENDING)]
)
def test_whether_others_load_counts_from_when_the_files_were_set_apart(loaded_at: str, status: FileStatus) -> None:
    """Not from the first failure: what loaded between the two was no later than this."""
    world = World("ab", failed_at="2025-12-31")
    world.services.ledger.records.batches["readings-1"] = world.batch = replace(
        world.batch, file_ids=world.batch.file_ids[1:]
    )
    apart = replace(world.now("b"), suspects=APART, apart_since="2026-01-02", failing_since="2025-12-31")
    world.services.ledger.given(apart)
    world.services.ledger.records.lanes["readings", LIVE] = LaneState(1, "readings-1", (), loaded_at)
    world.give_up(UNKNOWN)
    assert world.now("b").status in {status, FileStatus.HELD if status is FileStatus.PENDING else status}
    assert (world.now("b").status is FileStatus.FAILED) is (status is FileStatus.FAILED)


def test_a_load_that_committed_after_all_is_reported_as_loaded() -> None:
    world = World("ab")
    good = world.now("b")
    world.services.lake.write_json(
        lake_paths.result("readings-1", 1), UnitResult(1, contract().digest, [], []).to_json()
    )
    world.services.warehouse.answers["SELECT status"] = [["loaded"]]
    world.services.warehouse.answers["etl.load_files"] = [[good.file_id, "readings-1", 2, 2, 0]]
    world.services.ledger.records.batches["readings-1"] = world.batch = replace(world.batch, file_ids=())
    assert world.give_up(TOO_LONG).status is BatchStatus.LOADED
    assert len(world.said) == 1
    assert "could not" not in world.said[0]


class Away(MemoryWarehouse):
    """A warehouse that does not answer."""

    def run(self, statements: list[str]) -> None:
        raise ConnectionError("the warehouse does not answer")


def test_a_condemned_batch_keeps_the_reason_for_which_it_is_given_up() -> None:
    world = World("ab", condemned=True, reason=TOO_LONG)
    assert record_failure(world.batch, "States.Timeout", "too slow", world.services) is False
    assert world.services.ledger.batches.get("readings-1").reason == TOO_LONG
    world = World("ab", condemned=True)
    assert record_failure(world.batch, "States.Timeout", "too slow", world.services) is False
    assert "too slow" in str(world.services.ledger.batches.get("readings-1").reason)


def test_when_giving_up_fails_people_hear_why_of_both() -> None:
    world = World("ab", condemned=True, reason=TOO_LONG)
    world.services.warehouse = Away()
    with pytest.raises(ConnectionError):
        record_failure(world.batch, "States.Timeout", "too slow", world.services)
    (said,) = world.said
    assert "value too long" in said
    assert "the warehouse does not answer" in said


def test_how_often_a_batch_was_tried_is_said() -> None:
    world = World("ab", attempts=MAX_ATTEMPTS)
    record_batch("readings", LIVE, 1, "another", world.services)
    ended = world.services.ledger.batches.get("readings-1")
    assert ended.status is BatchStatus.FAILED
    assert str(ended.reason).startswith(f"ExecutionEnded: it did not get through in {MAX_ATTEMPTS} attempts")


def test_a_batch_that_loads_after_one_was_given_up_resolves_its_incident_once() -> None:
    world = World("a")
    lanes = world.services.ledger.lanes
    world.services.ledger.given(replace(world.now("a"), batch="readings-1"))
    world.give_up(TOO_LONG)
    (opened,) = world.services.topic.notices
    state = lanes.state("readings", LIVE)
    report_end("readings", LIVE, state, world.services)
    assert len(world.services.topic.notices) == 1, "nothing has loaded yet"
    loaded = replace(state, loaded_at="9999-01-01T00:00:00Z")
    world.services.ledger.records.lanes["readings", LIVE] = loaded
    for _ in range(2):
        report_end("readings", LIVE, lanes.state("readings", LIVE), world.services)
    _, ended = world.services.topic.notices
    assert (opened.cause, opened.level, ended.over) == ("load-failed", "error", True)
    assert opened.incident == Incident("headrace/load-failed/readings/live", "trigger", "readings")
    assert ended.incident == replace(opened.incident, action="resolve")


@pytest.mark.parametrize(("generation", "named"), [(1, "readings-1"), (2, None), (0, None)])
def test_an_execution_out_of_its_turn_blames_no_batch(generation: int, named: str | None) -> None:
    """One that was redriven by hand, for example, while the next works on its own batch."""
    found = batch_of("readings", LIVE, generation, World().services)
    assert (found and found.batch) == named
