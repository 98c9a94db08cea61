"""Python values as DynamoDB attributes: what boto3 makes of them is the oracle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from headrace.adapters.attributes import attribute_of, value_of
from headrace.domain.ingest.ledger import FileStatus

NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(
    min_value=-(10**20), max_value=10**20, allow_nan=False, allow_infinity=False, places=6
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text() | st.binary() | st.sets(st.text(), min_size=1)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_an_attribute_is_what_boto3_makes_of_the_value(value: Any) -> None:
    assert in_order(attribute_of(value)) == in_order(TypeSerializer().serialize(value))


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    attribute = attribute_of(value)

    assert value_of(attribute) == value
    assert value_of(attribute) == TypeDeserializer().deserialize(attribute)


def test_whole_numbers_are_ints_and_enumerations_texts() -> None:
    assert [type(value_of({"N": text})) for text in ("7", "-7", "7.0", "1E+2", "7.5")] == [int, int, int, int, Decimal]
    assert attribute_of(FileStatus.LOADED) == {"S": "loaded"}


@pytest.mark.parametrize("value", [1.5, object(), set(), {1}, Decimal("NaN"), Decimal("Infinity"), [1.5]])
def test_what_the_ledger_has_no_type_for_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        attribute_of(value)


@pytest.mark.parametrize("value", [10**38 + 1, Decimal("1e200"), Decimal(10) ** -200])
def test_a_number_that_would_be_rounded_is_refused_as_boto3_refuses_it(value: Any) -> None:
    with pytest.raises(ArithmeticError) as refused:
        attribute_of(value)
    with pytest.raises(type(refused.value)):
        TypeSerializer().serialize(value)


def test_an_attribute_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no attributes of the type BS"):
        value_of({"BS": [b"x"]})


def in_order(attribute: Any) -> Any:
    """A set's texts in order: it has none."""
    match attribute:
        case {"SS": texts}:
            return {"SS": sorted(texts)}
        case dict():
            return {name: in_order(value) for name, value in attribute.items()}
        case list():
            return [in_order(value) for value in attribute]
    return attribute
