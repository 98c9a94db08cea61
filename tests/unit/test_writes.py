"""What a small file takes of DynamoDB's write units, counted on the deployed use cases."""

from __future__ import annotations

import pytest

from benchmarks.writes import GROUP, count
from tests.support.item_size import size_of
from tests.support.metered import kind_of

MOST = 14.2


@pytest.mark.filterwarnings("ignore")
def test_a_file_takes_no_more_write_units_than_the_page_about_cost_says() -> None:
    counted = count(GROUP, GROUP)
    assert counted.per_file <= MOST, dict(counted.units)


@pytest.mark.filterwarnings("ignore")
def test_no_item_of_a_small_file_is_larger_than_one_unit() -> None:
    assert all(size <= 1024 for size in count(2, 2).largest.values())


def test_items_are_as_large_as_dynamodb_says() -> None:
    item = {
        "pk": {"S": "é"},
        "n": {"N": "12345"},
        "b": {"BOOL": True},
        "m": {"M": {"x": {"S": "yz"}}},
        "l": {"SS": ["a"]},
    }
    assert size_of(item) == (2 + 2) + (1 + 4) + (1 + 1) + (1 + 3 + 1 + 1 + 2) + (1 + 3 + 1 + 1)


def test_kinds_of_items_are_named_by_their_keys() -> None:
    assert kind_of({"pk": {"S": "FILE#a"}, "sk": {"S": "FILE"}}) == "FILE"
    assert kind_of({"pk": {"S": "BATCH#a"}, "sk": {"S": "EVENT#2026"}}) == "BATCH event"
