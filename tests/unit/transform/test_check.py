"""Checking one file on a laptop, without any cloud."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headrace.transform import FileRejected, read_quarantine
from headrace.usecases.check import check_file

from .kit import contract, integer, text

SPEC = contract(text("id", required=True), integer("n"))


def test_tells_the_counts_and_writes_both_files(tmp_path: Path) -> None:
    landed = tmp_path / "parcels.2024.csv"
    landed.write_bytes(b"id,n\na,1\nb,x\n,y\n")
    result = check_file(SPEC, landed, tmp_path / "out")
    assert (result.rows_read, result.rows_good, result.rows_bad) == (3, 1, 2)
    assert result.broken == {"n: logicalType": 2, "id: required": 1}
    assert [row.row_number for row in result.first_bad] == [2, 3]
    assert result.parquet is not None
    assert result.quarantine is not None
    assert pq.read_table(result.parquet)["id"].to_pylist() == ["a"]
    assert [row.raw for row in read_quarantine(result.quarantine)] == [b"b,x", b",y"]


def test_writes_nothing_unless_asked(tmp_path: Path) -> None:
    landed = tmp_path / "parcels.csv"
    landed.write_bytes(b"id,n\na,1\n")
    result = check_file(SPEC, landed)
    assert (result.parquet, result.quarantine) == (None, None)
    assert list(tmp_path.iterdir()) == [landed]


def test_a_rejected_file_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    landed = tmp_path / "parcels.csv"
    landed.write_bytes(b"")
    with pytest.raises(FileRejected, match="empty"):
        check_file(SPEC, landed, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
