"""Every error of the catalogue meets a batch of two files: nothing is lost, and people learn cause and remedy."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from headrace.domain.ingest.failure import (
    TIMED_OUT,
    Failure,
    Place,
    Treatment,
    catalogue,
    classify,
    explain,
    for_people,
    named,
)
from headrace.domain.ingest.lane import MAX_ATTEMPTS
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from tests.support.fakes import MemoryServices, contract, file

OF_BATCHES = [failure for failure in catalogue() if failure.place not in {Place.REFRESH, Place.UNLOAD}]
OFTEN = 12
"""Executions that fail with an error that passes, before it passes."""


class Lane:
    """A dataset's lane with two files that wait: each execution meets the error as long as the test says."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        self.services = MemoryServices()
        self.files = [self.services.ledger.files.record_arrival(file(name, arrived_at=name)) for name in "ab"]
        self.executions = 0

    def run(self, culprit: FileRecord | None = None, times: int = 0) -> None:
        """Executions until nothing waits. The error strikes the first `times`, or every batch with the culprit."""
        while self.executions < OFTEN * 3:
            self.executions += 1
            if record_batch("readings", LIVE, self.executions, f"e{self.executions}", self.services)["batch"] is None:
                return
            batch = self._batch()
            if self.executions <= times or (culprit and culprit.file_id in batch.file_ids):
                self._fail(batch)
            else:
                self._load(batch)
            hand_over("readings", LIVE, self.executions, self.services)
        raise AssertionError("it does not end")

    def _batch(self) -> BatchRecord:
        return self.services.ledger.batches.get(str(self.services.ledger.lanes.state("readings", LIVE).open_batch))

    def _fail(self, batch: BatchRecord) -> None:
        record_failure(batch, *as_it_arrives(self.failure), self.services)

    def _load(self, batch: BatchRecord) -> None:
        loaded = [
            replace(f, status=FileStatus.LOADED, suspects=None)
            for f in self.services.ledger.files.get_all(batch.file_ids)
        ]
        self.services.ledger.batches.settle(batch, loaded)
        self.services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED))

    def statuses(self) -> list[FileStatus]:
        return [known.status for known in self.services.ledger.files.get_all(f.file_id for f in self.files)]

    def told(self) -> list[str]:
        return [" ".join(notice.lines) for notice in self.services.topic.notices]


def of(*treatments: Treatment) -> pytest.MarkDecorator:
    chosen = [failure for failure in OF_BATCHES if failure.treatment in treatments]
    return pytest.mark.parametrize("failure", chosen, ids=lambda failure: failure.name)


OF_FILES = pytest.mark.parametrize(
    "failure",
    [failure for failure in OF_BATCHES if failure.treatment is Treatment.ISOLATE and failure.name not in TIMED_OUT],
    ids=lambda failure: failure.name,
)


def as_it_arrives(failure: Failure) -> tuple[str, str]:
    """Error and cause, as the workflow hands them on."""
    name, _, cause = failure.text.partition(": ")
    if failure.place is Place.LOAD and name == "ERROR":
        return "LoadRefused", f"Query #3 failed with {failure.text}"
    return name, cause


def shown(failure: Failure) -> str:
    """The error as people read it: its own words, without what a row may have in it."""
    return for_people(failure, explain(*as_it_arrives(failure)), contract().names)


def explains(told: str, failure: Failure) -> bool:
    """Whether a message says what happened, the cause and the remedy."""
    return f"{shown(failure)} {failure.advice}" in told


@of(Treatment.AGAIN, Treatment.WAIT, Treatment.HOLD, Treatment.PERSON)
def test_what_passes_is_waited_for_and_told_once(failure: Failure) -> None:
    lane = Lane(failure)
    lane.run(times=OFTEN)
    assert lane.statuses() == [FileStatus.LOADED] * 2
    assert lane.executions == OFTEN + 2  # all of one batch, which was never split
    (told,) = lane.told()
    assert explains(told, failure)


@of(Treatment.FILE)
def test_a_file_whose_data_are_refused_fails_alone(failure: Failure) -> None:
    lane = Lane(failure)
    lane.run(culprit=lane.files[0])
    assert lane.statuses() == [FileStatus.FAILED, FileStatus.LOADED]
    reason = str(lane.services.ledger.files.get(lane.files[0].file_id).reason)
    assert reason == f"it could not be loaded: {shown(failure)}"
    assert all(explains(told, failure) for told in lane.told())
    assert len(lane.told()) == 2


@of(Treatment.BATCH)
def test_a_batch_that_is_too_large_is_loaded_in_parts(failure: Failure) -> None:
    lane = Lane(failure)
    lane.run(times=1)
    assert lane.statuses() == [FileStatus.LOADED] * 2
    assert lane.executions == 4
    (told,) = lane.told()
    assert explains(told, failure)


@pytest.mark.parametrize("name", sorted(TIMED_OUT))
def test_a_function_that_times_out_over_no_file_is_waited_for(name: str) -> None:
    """The warehouse, or the ledger, hangs: no attempt counts, nothing is split, nothing fails."""
    lane = Lane(named(name))
    lane.run(times=OFTEN)
    assert lane.statuses() == [FileStatus.LOADED] * 2
    assert lane.executions == OFTEN + 2
    (told,) = lane.told()
    assert named("step-timed-out").advice in told


@OF_FILES
def test_what_may_be_a_files_is_tried_three_times(failure: Failure) -> None:
    lane = Lane(failure)
    lane.run(times=MAX_ATTEMPTS - 1)
    assert lane.statuses() == [FileStatus.LOADED] * 2
    assert lane.executions == MAX_ATTEMPTS + 1
    assert lane.told()
    assert all(explains(told, failure) for told in lane.told())


@pytest.mark.parametrize("failure", OF_BATCHES, ids=lambda failure: failure.name)
def test_what_people_read_is_known_again_and_repeats_no_value(failure: Failure) -> None:
    assert classify(shown(failure)) is failure
    words = re.findall(r"'[^']*'|\"[^\"]*\"", shown(failure)) if failure.quotes else []
    assert {word[1:-1] for word in words} <= {"", "…", *contract().names}


def test_every_error_of_a_batch_is_met() -> None:
    assert {failure.treatment for failure in OF_BATCHES} == set(Treatment)
    assert len(OF_BATCHES) >= len(catalogue()) - 4
