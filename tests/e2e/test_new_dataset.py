"""A dataset is one file: written, deployed, loaded; with a mistake in it, refused before anything is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import OWN_CONTRACTS, Laptop

CONTRACT = (OWN_CONTRACTS / "readings.odcs.yaml").read_text()
COLUMN = """
      - name: unit
        logicalType: string
        physicalType: VARCHAR(8)
"""


@pytest.fixture
def contract(laptop: Laptop) -> Iterator[Path]:
    """A contract file of a dataset `late`, not written yet."""
    path = laptop.checkout / "contracts" / "late.odcs.yaml"
    yield path
    path.unlink(missing_ok=True)


def late(text: str = CONTRACT) -> str:
    return text.replace("readings", "late")


def test_one_file_makes_a_dataset_and_a_new_column_follows(laptop: Laptop, contract: Path) -> None:
    contract.write_text(late())
    laptop.headrace("deploy")
    laptop.put("late/a.csv", b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n")
    laptop.settle()
    assert laptop.trace("late/a.csv")["rows"]["loaded"] == 1
    contract.write_text(late().rstrip() + COLUMN)
    laptop.headrace("deploy")
    laptop.put("late/b.csv", b"unit,meter,read_at,value\nkWh,m2,2026-01-01T00:00:00Z,2\n")
    laptop.settle()
    assert laptop.rows("SELECT meter, unit FROM public.late ORDER BY 1") == [["m1", None], ["m2", "kWh"]]


def test_a_mistake_is_refused_with_file_line_and_reason(laptop: Laptop, contract: Path) -> None:
    text = late().replace("physicalType: BIGINT", "physicalType: BIGINTEGER")
    contract.write_text(text)
    line = 1 + text.splitlines().index("        physicalType: BIGINTEGER")
    done = laptop.run("deploy")
    assert done.returncode != 0
    assert f"late.odcs.yaml:{line}" in done.stdout + done.stderr
    assert "BIGINTEGER" in done.stdout + done.stderr
