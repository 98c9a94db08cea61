"""Which type values are taken for: the narrowest that keeps every sign of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from headrace.transform.values.inference import guess


@pytest.mark.parametrize(
    ("texts", "logical", "physical"),
    [
        (["+390612345", "+390698765"], "string", "VARCHAR(16)"),
        (["12E4", "7E1"], "string", "VARCHAR(16)"),
        (["+5", "-3"], "integer", "BIGINT"),
        (["1.5e3", "2"], "number", "DOUBLE PRECISION"),
        (["12345678901234567.000001"], "number", "DECIMAL(38,6)"),
        (["0.123456789"], "number", "DOUBLE PRECISION"),
        (["36893488147419103232", "1"], "number", "DECIMAL(38,0)"),
        (["9" * 39], "string", "VARCHAR(64)"),
        (["1.23456789012345678e7"], "string", "VARCHAR(32)"),
    ],
)
def test_no_digit_of_a_text_is_lost_in_its_type(texts: list[str], logical: str, physical: str) -> None:
    found = guess(texts)
    assert (found.logical, found.physical) == (logical, physical)


@pytest.mark.parametrize(
    ("values", "physical"),
    [
        ([2**64 + 1, 7], "DECIMAL(38,0)"),
        ([2**63, 7], "DECIMAL(38,0)"),
        ([7, 8], "BIGINT"),
        ([Decimal("0.12345678901234567890"), 1], "DECIMAL(38,20)"),
        ([Decimal("0.5"), 1], "DECIMAL(18,1)"),
        ([Decimal("1E+200")], "DOUBLE PRECISION"),
        ([10**50], "DOUBLE PRECISION"),
    ],
)
def test_numbers_of_json_stay_numbers(values: list[Any], physical: str) -> None:
    found = guess(values, typed=True)
    assert found.logical in {"integer", "number"}
    assert found.physical == physical
