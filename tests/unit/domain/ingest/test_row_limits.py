"""How many bad rows a file may have."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.domain.ingest.row_limits import MOST_BAD_ROWS, hopeless, most_bad_rows, too_many_bad
from tests.support.fakes import contract

BROKEN = {"value: minimum": 1200, "read_at: no time": 3, **{f"c{number}: missing": 1 for number in range(9)}}


@pytest.mark.parametrize(
    ("limits", "read", "bad", "said"),
    [
        ({}, 0, 0, None),
        ({}, 10, 9, None),
        ({}, 10, 10, "without a good row it fails, unless its contract says badRowLimit: 100%"),
        ({"max_bad_rows": 10}, 1, 1, "without a good row it fails, unless its contract says badRowLimit: 100%"),
        ({"max_bad_share": 1.0}, 10, 10, None),
        ({"max_bad_rows": 3}, 10, 3, None),
        ({"max_bad_rows": 3}, 10, 4, "the contract allows 3"),
        ({"max_bad_rows": 0}, 10, 1, "the contract allows 0"),
        ({"max_bad_share": 0.25}, 8, 2, None),
        ({"max_bad_share": 0.25}, 8, 3, "the contract allows 25%"),
        ({"max_bad_share": 0.29}, 100, 29, None),  # in floats, 28.999999999999996
        ({"max_bad_share": 0.29}, 100, 30, "the contract allows 29%"),
        ({"max_bad_share": 0.005}, 1000, 6, "the contract allows 0.5%"),
        ({}, 10**9, MOST_BAD_ROWS, None),
        ({}, 10**9, MOST_BAD_ROWS + 1, "no file may have more than 5,000,000"),
        ({"max_bad_rows": 10**9}, 10**9, MOST_BAD_ROWS + 1, "no file may have more than 5,000,000"),
    ],
)
def test_a_file_with_more_bad_rows_than_its_contract_allows_is_held_back(
    limits: dict[str, Any], read: int, bad: int, said: str | None
) -> None:
    found = too_many_bad(contract(**limits), read, bad, BROKEN)
    if said is None:
        assert found is None
    else:
        assert found == (
            f"held back: {bad:,} of {read:,} rows are bad, {said} (value: minimum x1,200, read_at: no time x3,"
            " c0: missing x1, c1: missing x1, c2: missing x1); nothing of it is loaded, its bad rows are in quarantine"
        )


def test_reading_ends_where_more_rows_are_bad_than_may_be() -> None:
    strict, mild = contract(max_bad_rows=3), contract(max_bad_rows=10**9)
    assert [most_bad_rows(each) for each in (contract(), strict, mild)] == [MOST_BAD_ROWS, 3, MOST_BAD_ROWS]
    assert hopeless(strict, 10, 3, BROKEN) is None
    assert "4 of its first 1,000 rows are bad, the contract allows 3 (" in str(hopeless(strict, 1000, 4, BROKEN))
    assert "no file may have more than 5,000,000 (" in str(hopeless(mild, 10**8, MOST_BAD_ROWS + 1, BROKEN))
