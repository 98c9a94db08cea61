"""Values of Athena's answers, as JSON and CSV have them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace_cli.stack.athena import _value


@pytest.mark.parametrize("nothing", [None, pd.NA, pd.NaT, float("nan"), np.float64("nan")])
def test_nothing_is_null(nothing: Any) -> None:
    assert _value(nothing) is None


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (np.int64(2), 2), (True, True), ("a", "a"), (Decimal("1.50"), "1.50"), (b"a\xff", "61ff"),
        (pd.Timestamp("2026-01-01"), "2026-01-01 00:00:00"), ([1, 2], "[1, 2]"), (np.array([1, 2]), "[1, 2]"),
        (np.array([]), "[]"),
    ],
)  # fmt: skip
def test_a_value_is_shown(item: Any, shown: Any) -> None:
    assert _value(item) == shown
