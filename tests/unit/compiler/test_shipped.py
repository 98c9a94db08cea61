"""The contracts in `contracts/` and their samples: valid ODCS, deterministic, with the bad rows that they announce."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pytest
import yaml

from headrace.domain.contract import Contract
from headrace.usecases.check import check_file
from headrace_compiler import compile_folder

FOLDER = Path(__file__).parents[3] / "contracts"
CONTRACTS = {contract.dataset: contract for contract in compile_folder(FOLDER)}
FIXED = {"flights"}
"""Samples that are one real file, whatever is asked for."""


def writer(dataset: str) -> Callable[..., list[Path]]:
    spec = importlib.util.spec_from_file_location(f"sample_{dataset}", FOLDER / "samples" / dataset / "sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    write: Callable[..., list[Path]] = module.write
    return write


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.odcs.yaml")), ids=lambda path: path.name)
def test_is_valid_by_the_standards_own_schema(path: Path) -> None:
    text = path.read_text()
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
    plain = json.loads(json.dumps(yaml.safe_load(text), default=lambda value: value.isoformat()))
    jsonschema.validate(plain, schema)


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_is_written_for_people(dataset: str) -> None:
    contract = CONTRACTS[dataset]
    assert contract.description
    assert contract.channel
    assert contract.freshness_seconds


@pytest.mark.parametrize("dataset", sorted(set(CONTRACTS) - FIXED))
def test_samples_have_about_one_bad_row_in_a_hundred_of_many_kinds(dataset: str, tmp_path: Path) -> None:
    (path,) = writer(dataset)(tmp_path, files=1, rows=2000)
    result = check_file(CONTRACTS[dataset], path)
    assert result.rows_read == 2000
    assert result.rows_bad == 20
    assert len(result.broken) >= 5


@pytest.mark.parametrize("dataset", sorted(set(CONTRACTS) - FIXED))
def test_samples_are_the_same_for_the_same_seed_and_no_other(dataset: str, tmp_path: Path) -> None:
    write = writer(dataset)
    first, again = (write(tmp_path / name, files=2, rows=50, seed=4) for name in ("a", "b"))
    other = write(tmp_path / "c", files=2, rows=50, seed=5)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert len({path.read_bytes() for path in [*first, *other]}) == 4


@pytest.mark.parametrize("dataset", sorted(FIXED))
def test_every_row_of_the_real_file_loads_and_its_key_is_one(dataset: str, tmp_path: Path) -> None:
    contract = CONTRACTS[dataset]
    (path,) = writer(dataset)(tmp_path)
    result = check_file(contract, path, tmp_path)
    assert (result.rows_good, result.rows_bad) == (336_776, 0)
    assert distinct_keys(contract, result.parquet) == 336_776


def distinct_keys(contract: Contract, parquet: Path | None) -> int:
    key = list(contract.primary_key)
    counted: int = pq.read_table(parquet, columns=key).group_by(key).aggregate([]).num_rows
    return counted


@pytest.mark.parametrize("dataset", [name for name, c in CONTRACTS.items() if c.primary_key and name not in FIXED])
def test_samples_update_a_few_rows_of_the_file_before_and_no_others(dataset: str, tmp_path: Path) -> None:
    contract = CONTRACTS[dataset]
    keys = [keys_of(contract, path, tmp_path) for path in writer(dataset)(tmp_path, files=3, rows=200)]
    assert [len(keys[0] & keys[1]), len(keys[1] & keys[2]), len(keys[0] & keys[2])] == [4, 4, 0]
    assert [len(found) for found in keys] == [198, 198, 198]


def keys_of(contract: Contract, path: Path, out: Path) -> set[tuple[object, ...]]:
    parquet = check_file(contract, path, out).parquet
    rows = pq.read_table(parquet, columns=list(contract.primary_key)).to_pylist()
    return {tuple(row.values()) for row in rows}
