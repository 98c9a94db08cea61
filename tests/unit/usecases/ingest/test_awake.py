"""How often the warehouse is woken by our transactions, and for how long it is awake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.domain.ingest.reported import Reported
from headrace.domain.statement import StatementState
from headrace.usecases.ingest.awake import added, measure_awake
from tests.support.ledger_fakes import MemoryWatches, Records

NOON = 1_772_452_800.0


@pytest.mark.parametrize(
    ("last", "began", "ended", "expected"),
    [
        (None, 0.0, 10.0, (True, 70.0)),
        (0.0, 60.0, 70.0, (False, 70.0)),  # it came in the last second awake
        (0.0, 61.0, 71.0, (True, 70.0)),
        (0.0, -5.0, 10.0, (False, 10.0)),  # it ran beside the one before
        (10.0, 0.0, 5.0, (False, 0.0)),  # and was looked at later
    ],
)
def test_what_begins_within_a_minute_wakes_nothing(
    last: float | None, began: float, ended: float, expected: tuple[bool, float]
) -> None:
    assert added(last, began, ended) == expected


def emitted(capsys: pytest.CaptureFixture[str]) -> list[tuple[float, float]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    return [(line["WarehouseWakeUps"][0], line["WarehouseAwakeSeconds"][0]) for line in lines]


def test_the_sum_is_the_time_awake(capsys: pytest.CaptureFixture[str]) -> None:
    watches = MemoryWatches(Records())
    for ended in (0.0, 30.0, 25.0, 200.0):
        measure_awake(StatementState(ended=True, seconds=5.0, ended_at=NOON + ended), watches)
    counted = emitted(capsys)
    assert counted == [(1.0, 65.0), (0.0, 30.0), (0.0, 0.0), (1.0, 65.0)]
    assert sum(awake for _, awake in counted) == 95 + 65


def test_a_statement_whose_end_is_unknown_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    measure_awake(StatementState(ended=True), MemoryWatches(Records()))
    assert emitted(capsys) == []


class Busy(MemoryWatches):
    """Another transaction ends between each look and its writing, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(Records())
        self.times = times

    def note_reported(self, dataset: str, matter: str, was: Reported, becomes: Reported) -> bool:
        if self.times > 0:
            self.times -= 1
            return False
        return super().note_reported(dataset, matter, was, becomes)


@pytest.mark.parametrize(("times", "counted"), [(2, 1), (3, 0)])
def test_one_that_others_overtake_is_counted_by_a_later_try(
    times: int, counted: int, capsys: pytest.CaptureFixture[str]
) -> None:
    measure_awake(StatementState(ended=True, seconds=5.0, ended_at=NOON), Busy(times))
    assert len(emitted(capsys)) == counted


class Denied(MemoryWatches):
    def reported(self, *_: Any) -> Reported:
        raise PermissionError("no rights")


def test_no_load_fails_because_it_could_not_be_counted(capsys: pytest.CaptureFixture[str]) -> None:
    measure_awake(StatementState(ended=True, seconds=5.0, ended_at=NOON), Denied(Records()))
    assert emitted(capsys) == []
