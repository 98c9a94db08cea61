"""When a lane's next batch runs, how often one is tried, and what becomes of one that is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.executions import execution_name
from headrace.domain.ingest.failure import Treatment
from headrace.domain.ingest.lane import (
    MAX_ATTEMPTS,
    MOST_HELD,
    PATIENCE_SECONDS,
    SYSTEMIC_PATIENCE_SECONDS,
    Fate,
    LaneState,
    Limits,
    attempts_allowed,
    fate,
    fate_of_killed,
    is_patient,
    limits_of,
    wait_seconds,
)
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, BatchRecord, BatchStatus
from tests.support.fakes import contract

NOON = "2026-03-02T12:00:00Z"
AT = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
ONE = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, ("a",), NOON, failed_at=NOON)
TWO = replace(ONE, file_ids=("a", "b"))


def test_a_new_lane_is_in_its_first_generation_and_a_new_batch_in_its_first_attempt() -> None:
    new = LaneState()
    assert (new.generation, new.open_batch, new.held, new.notified) == (1, None, (), ())
    fresh = BatchRecord("b", "readings", LIVE, 1, BatchStatus.RUNNING, (), NOON)
    assert (fresh.units, fresh.attempts, fresh.condemned) == (0, 1, False)


def test_a_batch_is_named_after_its_lane_unless_that_is_the_live_one() -> None:
    names = [execution_name("readings", lane, 7) for lane in (LIVE, BACKFILL, MERGE)]
    assert names == ["readings-7", "readings-backfill-7", "readings-merge-7"]


def test_a_batch_holds_as_many_files_as_its_lane_and_the_contracts_sql_have_room_for() -> None:
    assert limits_of(contract(), LIVE) == Limits(700, 20 << 30)
    assert limits_of(contract(most_files=90), BACKFILL) == Limits(90, 5 << 30)
    assert limits_of(contract(most_files=900), MERGE) == Limits(600, 100 << 30)


# -- what a lane says of itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loaded_at", "since", "loaded"),
    [("2026-03-02", "2026-03-01", True), ("2026-03-01", "2026-03-01", False), (None, "2026-03-01", False),
     ("2026-03-02", None, False)],
)  # fmt: skip
def test_what_has_loaded_since_shows_that_the_trouble_is_over(
    loaded_at: str | None, since: str | None, loaded: bool
) -> None:
    state = LaneState(loaded_at=loaded_at, failing_since=since)
    assert state.loaded_since(since) is loaded
    assert state.recovered is loaded


@pytest.mark.parametrize(
    ("held", "more", "waits_while_held", "waits"),
    [
        (0, 0, True, False), (1, 0, True, True), (0, 1, True, True), (1, 0, False, False),
        (MOST_HELD - 1, 0, False, False), (MOST_HELD, 0, False, True), (MOST_HELD - 1, 1, False, True),
    ],
)  # fmt: skip
def test_a_lane_waits_for_people_if_the_contract_asks_for_it_or_there_are_too_many(
    held: int, more: int, waits_while_held: bool, waits: bool
) -> None:
    state = LaneState(held=tuple(map(str, range(held))))
    asks = contract(wait_while_held=waits_while_held)
    assert state.waits_for_people(asks, more) is waits
    assert state.blocked(asks) is (waits and not more)
    assert not replace(state, open_batch="readings-1").blocked(asks), "an open batch goes on to its end"


# -- attempts and patience -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch", "suspects", "apart", "allowed"),
    [
        (TWO, False, False, MAX_ATTEMPTS), (TWO, True, False, 1), (ONE, True, False, MAX_ATTEMPTS),
        (ONE, False, True, 1), (TWO, False, True, 1),
    ],
)  # fmt: skip
def test_a_batch_that_is_split_or_set_apart_next_is_not_tried_again_as_it_is(
    batch: BatchRecord, suspects: bool, apart: bool, allowed: int
) -> None:
    assert attempts_allowed(batch, suspects=suspects, apart=apart) == allowed


@pytest.mark.parametrize("treatment", list(Treatment))
def test_patience_lasts_hours_and_days_with_an_error_that_hits_every_file(treatment: Treatment) -> None:
    patience = SYSTEMIC_PATIENCE_SECONDS if treatment.systemic else PATIENCE_SECONDS
    assert is_patient(ONE, treatment, AT + patience - 1)
    assert not is_patient(ONE, treatment, AT + patience)
    assert is_patient(replace(ONE, failed_at=None), treatment, AT + 10**9)


LATE = AT + SYSTEMIC_PATIENCE_SECONDS
FATES = [
    # treatment, files, suspects, others_load, in time, late
    (Treatment.FILE, 2, False, None, Fate.SPLIT, Fate.SPLIT),
    (Treatment.FILE, 1, False, None, Fate.FAILED, Fate.FAILED),
    (Treatment.BATCH, 2, True, False, Fate.SPLIT, Fate.SPLIT),
    (Treatment.HOLD, 2, False, True, Fate.HELD, Fate.HELD),
    (Treatment.PERSON, 1, False, None, Fate.HELD, Fate.HELD),
    (Treatment.ISOLATE, 2, False, None, Fate.SPLIT, Fate.SPLIT),
    (Treatment.ISOLATE, 2, True, None, Fate.APART, Fate.HELD),
    (Treatment.ISOLATE, 2, True, True, Fate.SPLIT, Fate.SPLIT),
    (Treatment.ISOLATE, 2, False, False, Fate.APART, Fate.HELD),
    (Treatment.ISOLATE, 1, True, True, Fate.FAILED, Fate.FAILED),
    (Treatment.ISOLATE, 1, False, None, Fate.APART, Fate.HELD),
    (Treatment.ISOLATE, 1, False, False, Fate.APART, Fate.HELD),
    (Treatment.WAIT, 1, False, True, Fate.HELD, Fate.HELD),
    (Treatment.AGAIN, 1, False, True, Fate.HELD, Fate.HELD),
    (Treatment.WAIT, 2, False, True, Fate.SPLIT, Fate.SPLIT),
]


@pytest.mark.parametrize(("treatment", "files", "suspects", "others_load", "in_time", "late"), FATES)
def test_only_what_others_load_with_is_held_against_a_file(
    treatment: Treatment, files: int, suspects: bool, others_load: bool | None, in_time: Fate, late: Fate
) -> None:
    batch = TWO if files == 2 else ONE
    found = [
        fate(batch, treatment, at, suspects=suspects, others_load=others_load) for at in (LATE - 1, LATE)
    ]  # fmt: skip
    assert found == [in_time, late]
    merge = replace(batch, lane=MERGE)
    waits = [Fate.APART if each is Fate.HELD else each for each in found]
    assert [fate(merge, treatment, at, suspects=suspects, others_load=others_load) for at in (LATE - 1, LATE)] == waits


# -- waits ---------------------------------------------------------------------------------------------------------


def test_a_batch_that_was_left_open_is_tried_again_ever_later() -> None:
    attempts = [1, 2, 3, 4, 5, 8, 9, 1000]
    waits = [wait_seconds(contract(), LIVE, replace(ONE, attempts=number), AT, NOON) for number in attempts]
    assert waits == [4, 16, 64, 256, 300, 300, 300, 300]


@pytest.mark.parametrize(
    ("failing_for", "wait"), [(0, 4), (7, 4), (8, 4), (10, 5), (100, 50), (600, 300), (10**6, 300)]
)
def test_what_has_been_failing_is_tried_again_after_half_as_long(failing_for: float, wait: int) -> None:
    assert wait_seconds(contract(wait_seconds=60), LIVE, None, AT + failing_for, NOON) == wait


@given(st.integers(0, 10**9), st.integers(1, 86_400))
def test_merges_run_at_the_whole_multiples_of_their_interval(at: int, interval: int) -> None:
    wait = wait_seconds(contract(staged=True, merge_seconds=interval), MERGE, None, at)
    assert 0 < wait <= interval
    assert (at + wait) % interval == 0


def test_a_merge_within_a_second_begins_after_its_moment_not_before_it() -> None:
    assert wait_seconds(contract(staged=True, merge_seconds=60), MERGE, None, 59.5) == 1
    assert wait_seconds(contract(wait_seconds=7), BACKFILL, None, AT) == 7


@pytest.mark.parametrize(
    ("alone", "others_load", "in_time", "late"),
    [
        (False, True, Fate.SPLIT, Fate.SPLIT), (False, False, Fate.SPLIT, Fate.SPLIT),
        (True, True, Fate.FAILED, Fate.FAILED), (True, False, Fate.APART, Fate.HELD),
    ],
)  # fmt: skip
def test_a_file_that_kills_its_function_is_blamed_where_others_load(
    alone: bool, others_load: bool, in_time: Fate, late: Fate
) -> None:
    at = AT + PATIENCE_SECONDS
    found = [fate_of_killed(ONE, moment, alone=alone, others_load=others_load) for moment in (at - 1, at)]
    assert found == [in_time, late]


def test_a_batch_is_not_set_apart_unless_that_is_said() -> None:
    assert attempts_allowed(ONE, suspects=False) == MAX_ATTEMPTS
