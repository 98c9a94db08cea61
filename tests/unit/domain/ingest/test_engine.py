"""Which engine transforms a unit."""

from __future__ import annotations

import pytest

from headrace.domain.contract import FileFormat
from headrace.domain.ingest.engine import GROWS, NEVER, is_heavy
from tests.support.fakes import contract, file


@pytest.mark.parametrize(
    ("name", "compression", "size", "heavy"),
    [
        ("a.csv", "auto", 1000, False),
        ("a.csv", "auto", 1001, True),
        ("a.csv.GZ", "auto", 1000 // GROWS, False),
        ("a.csv.GZ", "auto", 1000 // GROWS + 1, True),
        ("a.zip", "none", 1000, False),
        ("a.csv", "gzip", 500, True),
    ],
)
def test_a_unit_is_heavy_by_the_text_of_its_files(name: str, compression: str, size: int, heavy: bool) -> None:
    spec = contract(format=FileFormat(compression=compression))
    assert is_heavy([file("small.csv", size=1), file(name, size=size)], spec, 1000) is heavy
    assert not is_heavy([file(name, size=1 << 50)], spec, NEVER)
