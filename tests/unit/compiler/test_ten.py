"""Ten contracts that people would write, each with a file and what becomes of it.

In `ten/` stand, for each dataset, the contract, a sample, and `<dataset>.expected.yaml`: the good rows with their
values as text, the bad ones as `[row, column, rule]`, and the reason if the file is held back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.domain.contract import LINEAGE_COLUMNS, UNKNOWN_COLUMN, Contract
from headrace.domain.ingest.row_limits import too_many_bad
from headrace.transform import BadRow, FileTransform
from headrace_compiler import compile_contract

TEN = Path(__file__).parent / "ten"
DATASETS = sorted(path.name.removesuffix(".odcs.yaml") for path in TEN.glob("*.odcs.yaml"))


def sample(dataset: str) -> Path:
    return next(path for path in TEN.glob(f"{dataset}.*") if path.suffix != ".yaml")


def read(contract: Contract, path: Path, block_bytes: int) -> tuple[list[dict[str, Any]], list[BadRow]]:
    good: list[dict[str, Any]] = []
    bad: list[BadRow] = []
    with path.open("rb") as stream:
        file = FileTransform(contract, stream, name=path.name, file_id="f", batch_id="b", block_bytes=block_bytes)
        for block in file:
            good += block.good.drop_columns(list(LINEAGE_COLUMNS)).to_pylist()
            bad += block.bad
    return good, bad


def shown(row: dict[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in row.items()}


def errors(bad: list[BadRow]) -> Iterator[list[Any]]:
    for row in sorted(bad, key=lambda row: row.row_number):
        yield from ([row.row_number, error.column, error.rule] for error in row.errors)


def test_there_are_ten() -> None:
    assert len(DATASETS) == 10


@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
@pytest.mark.parametrize("dataset", DATASETS)
def test_a_file_becomes_what_is_expected(dataset: str, block_bytes: int) -> None:
    contract = compile_contract(TEN / f"{dataset}.odcs.yaml")
    expected = yaml.safe_load((TEN / f"{dataset}.expected.yaml").read_text())
    good, bad = read(contract, sample(dataset), block_bytes)
    wanted = [({UNKNOWN_COLUMN: None} if contract.columns[-1].unknown else {}) | row for row in expected["good"]]
    assert [shown(row) for row in good] == wanted
    assert list(errors(bad)) == expected["bad"]
    held = too_many_bad(contract, len(good) + len(bad), len(bad), {})
    assert (expected.get("held") or "None") in str(held)
