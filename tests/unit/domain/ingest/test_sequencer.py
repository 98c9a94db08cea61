"""The order of the versions of one key: S3's rule, and places between S3's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.ingest.sequencer import LONGEST, arrival, right_after, sortable
from tests.support.fakes import file

SEQUENCERS = st.text("0123456789ABCDEF", min_size=1, max_size=24)


@given(SEQUENCERS, SEQUENCERS)
def test_it_is_the_order_of_the_shorter_one_filled_with_zeros_on_the_right(one: str, other: str) -> None:
    length = max(len(one), len(other))
    filled = one.ljust(length, "0"), other.ljust(length, "0")
    if filled[0] != filled[1]:
        assert (sortable(one) < sortable(other)) is (filled[0] < filled[1])


def test_a_shorter_sequencer_is_not_an_older_one() -> None:
    older, newer = file("a", sequencer="0055AED6DCD9D5E6F7"), file("a", sequencer="0055AED6DCD9D5E8")
    assert older.order < newer.order


@given(SEQUENCERS, SEQUENCERS, st.integers(1, 999_998))
def test_a_version_found_later_stands_right_behind_the_one_before_it(one: str, other: str, number: int) -> None:
    found = right_after(one, number)
    assert sortable(one) < sortable(found) < sortable(right_after(one, number + 1))
    if not one.startswith(other):
        assert (sortable(other) < sortable(found)) is (other < one)
    assert sortable(right_after("", number)) < sortable(other)


def test_found_once_more_between_two_that_were_found() -> None:
    first, second = right_after("0A", 1), right_after("0A", 2)
    assert sortable(first) < sortable(right_after(first, 1)) < sortable(second) < sortable("0B")


def test_letters_of_either_case_and_foreign_signs() -> None:
    assert sortable("0a") == sortable("0A")
    assert sortable("0A'; --") == "0A--"
    assert len(sortable("F" * 5000)) == LONGEST


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ("2026-01-31T09:30:00Z", "20260131093000-0A"), ("2026-01-31T09:30:00.000000Z", "20260131093000-0A"),
        ("2026-01-31T09:30:00.500000Z", "202601310930005-0A"),
        ("2026-01-31T09:30:10.123456Z", "20260131093010123456-0A"),
    ],
)  # fmt: skip
def test_a_place_in_the_order_of_arrival_is_the_same_however_its_time_is_written(at: str, place: str) -> None:
    assert arrival(at, "0A") == place


def test_the_order_of_arrival_is_that_of_time_then_of_sequencers_then_of_ids() -> None:
    in_order = [
        file("b", arrived_at="2026-01-31T09:30:00Z", sequencer="", file_id="f" * 24),
        file("b", arrived_at="2026-01-31T09:30:00Z", sequencer="-000001", file_id="f" * 24),
        file("b", arrived_at="2026-01-31T09:30:00Z", sequencer="0A", file_id="e" * 24),
        file("c", arrived_at="2026-01-31T09:30:00Z", sequencer="0A", file_id="f" * 24),
        file("c", arrived_at="2026-01-31T09:30:00Z", sequencer="0A-000001", file_id="0" * 24),
        file("c", arrived_at="2026-01-31T09:30:00Z", sequencer="0A00", file_id="0" * 24),
        file("a", arrived_at="2026-01-31T09:30:00.000001Z", sequencer="", file_id="0" * 24),
        file("a", arrived_at="2026-01-31T09:30:00.5Z", sequencer="", file_id="0" * 24),
        file("a", arrived_at="2026-01-31T09:30:01.000000Z", sequencer="", file_id="0" * 24),
    ]
    places = [f"{each.arrival}#{each.file_id}" for each in in_order]
    assert places == sorted(places)
    assert places[2] == f"20260131093000-0A#{'e' * 24}"
