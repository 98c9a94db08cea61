"""A short form of `make fuzz`; a failure prints the numbers that `make fuzz ARGS="--replay NUMBER"` takes."""

from __future__ import annotations

import secrets

from .fuzz import ROWS_A_FILE, differences
from .test_fast_path import CASES


def test_both_paths_agree_on_mutated_rows() -> None:
    seed = secrets.randbelow(1 << 40)
    print(f"seed {seed}")
    assert list(differences(2 * len(CASES) * ROWS_A_FILE, seed)) == []
