"""The SQL of a batch fits into what the services take, whatever the contract, or the contract is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.contract import PARTITION, TABLE, Column, Contract, Kind
from headrace.domain.ingest.lane import LIMITS, limits_of
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, BatchRecord, BatchStatus, FileStatus, RowCounts
from headrace.domain.ingest.load import Part
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.migration import MOST_STATEMENTS
from headrace.domain.sql_text import MOST_BYTES, size_of
from headrace.domain.statistics.checks import Check, Metric
from headrace.errors import LoadTooLargeError
from headrace.usecases import lake_paths
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.results import UnitResult
from headrace_compiler import ContractErrors, compile_contract, compile_folder
from headrace_compiler.compile import sizes
from headrace_compiler.compile.sizes import LEAST_FILES, fitted, load_bytes, load_of
from headrace_compiler.document.document import Document, Problems
from tests.support.fakes import MemoryServices, contract, contracts_of, file

ROOT = Path(__file__).parents[3]
SHIPPED = compile_folder(ROOT / "contracts")
TEN = [compile_contract(path) for path in sorted((Path(__file__).parent / "ten").glob("*.odcs.yaml"))]
ROLE = "arn:aws:iam::123456789012:role/headrace-WarehouseCopyRole-abcdefghijkl"
STATES = 262_144
"""Bytes that Step Functions carries from one state to the next, the answer's wrapping included."""
WRAPPING = 4_096
NEWER = "0055AED6DCD90281E5"


def wide(columns: int, letters: int = 16, **changes: Any) -> Contract:
    """A contract with so many columns in its table, those of Headrace included, whose names have so many letters."""
    kinds = [(Kind.STRING, "VARCHAR(256)"), (Kind.FLOAT, "DOUBLE PRECISION"), (Kind.TIMESTAMP, "TIMESTAMP")]
    names = [f"m{number:0{letters - 1}}" for number in range(columns - 4)]
    named = [Column(name, "", *kinds[at % 3], required=at == 0) for at, name in enumerate(names)]
    unknown = Column("_unknown", "", Kind.SUPER, "SUPER", unknown=True)
    key = named[0].name
    given: dict[str, Any] = {"columns": (*named, unknown), "primary_key": (key,), "ordering": (), "dist_key": key}
    return contract(**given | changes)


def compiled(given: Contract, tmp_path: Path) -> Contract:
    """The contract as the compiler leaves it. Raises ContractErrors."""
    path = tmp_path / "x.odcs.yaml"
    path.write_text("schema: []\n")
    problems = Problems(Document(path))
    made = fitted(given, problems)
    problems.raise_any()
    return made


def full_batch(given: Contract, lane: str, replaced_each: int = 1) -> tuple[MemoryServices, BatchRecord]:
    """Services with a batch of as many files as the lane takes, each loaded again, each in an older one's place."""
    services = MemoryServices(contracts=contracts_of(given))
    new = []
    for number in range(limits_of(given, lane).files):
        key = f"{given.prefix}{number}.csv"
        named: dict[str, Any] = {"dataset": given.dataset, "lane": lane, "key": key, "sequencer": NEWER, "reload": True}
        new.append(replace(file(), **named, file_id=f"{number:024x}", status=FileStatus.RUNNING, batch="b"))
        for older in range(replaced_each):
            old: dict[str, Any] = {"dataset": given.dataset, "key": key, "file_id": f"f{number:011x}{older:012x}"}
            rows = RowCounts(read=1, loaded=1)
            services.ledger.given(replace(file(), **old, sequencer="0054", status=FileStatus.LOADED, rows=rows))
    for each in new:
        services.ledger.given(each)
    ids = tuple(each.file_id for each in new)
    name = f"{given.dataset}-{lane}-1234567"
    batch = BatchRecord(name, given.dataset, lane, 1, BatchStatus.RUNNING, ids, "2026-01-01T00:00:00Z", "e", units=1)
    results = [FileResult(each.file_id, Verdict.GOOD, rows_read=9, rows_good=9) for each in new]
    result = UnitResult(1, given.digest, [Part("part.parquet", 1, 1)], results)
    loader = batch if lane != MERGE else replace(batch, batch="b", lane=LIVE)
    services.lake.write_json(lake_paths.result(loader.batch, 1), result.to_json())
    services.ledger.records.batches = {batch.batch: batch, loader.batch: loader}
    return services, batch


def assert_fits(given: Contract, lane: str) -> None:
    services, batch = full_batch(given, lane)
    answer = prepare_load(batch, ROLE, services)
    assert len(answer["replaced"]) == (len(batch.file_ids) if given.replace_versions else 0)
    assert len(answer["statements"]) <= 40
    assert size_of(answer["statements"]) <= MOST_BYTES
    assert size_of(answer["measure"]) <= MOST_BYTES
    assert len(json.dumps(answer)) < STATES - WRAPPING


@pytest.mark.parametrize("lane", [LIVE, BACKFILL])
@pytest.mark.parametrize("given", [*SHIPPED, *TEN], ids=lambda given: given.dataset)
def test_a_full_batch_of_each_contract_fits(given: Contract, lane: str) -> None:
    assert limits_of(given, lane) == LIMITS[lane]
    if not given.staged:
        assert_fits(given, lane)


@pytest.mark.parametrize("columns", [100, 300, 500, 1000, 1600])
@pytest.mark.parametrize("lane", [LIVE, BACKFILL, MERGE])
@pytest.mark.parametrize("keyed", [True, False], ids=["merged", "appended"])
def test_a_full_batch_of_a_wide_table_fits(columns: int, lane: str, keyed: bool, tmp_path: Path) -> None:
    changes: dict[str, Any] = {} if keyed else {"primary_key": ()}
    given = compiled(wide(columns, staged=lane == MERGE, **changes), tmp_path)
    assert LEAST_FILES <= given.most_files <= 700
    assert_fits(given, lane)


def test_1600_columns_leave_room_for_hundreds_of_files(tmp_path: Path) -> None:
    assert compiled(wide(300), tmp_path).most_files > 650
    assert compiled(wide(1600), tmp_path).most_files > 200
    assert compiled(wide(1600, letters=26), tmp_path).most_files >= LEAST_FILES


@pytest.mark.parametrize("staged", [False, True])
def test_what_does_not_fit_is_refused_with_the_number_that_fits(staged: bool, tmp_path: Path) -> None:
    with pytest.raises(ContractErrors, match=r"than the 100,000 bytes .* columns with such names fit") as caught:
        compiled(wide(1600, letters=60, staged=staged), tmp_path)
    fit = int(str(caught.value).rsplit(": ", 1)[1].split(" ")[0].replace(",", ""))
    assert 600 < fit < 1600
    assert_fits(compiled(wide(fit + 3, letters=60, staged=staged), tmp_path), MERGE if staged else LIVE)
    with pytest.raises(ContractErrors):
        compiled(wide(fit + 4, letters=60, staged=staged), tmp_path)


def test_more_columns_than_redshift_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractErrors, match=r"1,600 columns of a table, 4 are Headrace's: 1,596 fit"):
        compiled(wide(1601, letters=8), tmp_path)


def test_more_checks_than_fit_are_refused(tmp_path: Path) -> None:
    columns = wide(600).columns
    checks = tuple(Check(Metric.NULL_SHARE, column.name) for column in columns)
    with pytest.raises(ContractErrors, match=r"measurement of a batch would be longer .* checks fit") as caught:
        compiled(wide(600, checks=checks), tmp_path)
    fit = int(str(caught.value).rsplit(": ", 1)[1].split(" ")[0])
    assert fit > 100
    assert_fits(compiled(wide(600, checks=checks[:fit]), tmp_path), LIVE)


def test_a_batch_that_replaces_too_many_files_says_so_and_is_split() -> None:
    services, batch = full_batch(replace(SHIPPED[0], replace_versions=True), LIVE, replaced_each=4)
    with pytest.raises(LoadTooLargeError, match=f"the 700 files of {batch.batch} replace 2800 others: that is"):
        prepare_load(batch, ROLE, services)
    services.warehouse.answers = {"SELECT status": [["given up"]]}
    assert not record_failure(batch, LoadTooLargeError.__name__, "{}", services)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.FAILED


def test_each_file_more_costs_the_same() -> None:
    given = wide(1600)
    sizes = [load_bytes(given, files) for files in (500, 600, 700)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]


SHAPES = list(product((20, 320), (False, True), (False, True), (False, True), ("", "deleted", "marked", "truncated")))


@pytest.mark.parametrize(("columns", "staged", "ordered", "added", "changes"), SHAPES)
def test_no_load_has_more_statements_than_the_data_api_takes(
    columns: int, staged: bool, ordered: bool, added: bool, changes: str
) -> None:
    given = wide(columns, staged=staged, replace_versions=not added)
    names = [column.name for column in given.columns]
    given = replace(given, ordering=(names[1],) if ordered else (), operation=names[3] if changes else None)
    given = replace(given, deleted_at=names[2] if changes == "marked" else None)
    given = replace(given, truncates=("t", "TRUNCATE") if changes == "truncated" else ())
    shapes = [given] if changes else [given, replace(given, primary_key=(), ordering=())]
    shapes += [replace(given, history=True)] if ordered and changes != "truncated" and columns < 100 else []
    shapes += [replace(shape, snapshot=kind) for shape in shapes for kind in (TABLE, PARTITION) if not changes]
    assert all(len(load_of(shape, 2)) <= MOST_STATEMENTS for shape in shapes)


def test_a_table_that_is_too_wide_for_a_history_is_refused(tmp_path: Path) -> None:
    given = wide(240, history=True, ordering=("m000000000000001",))
    with pytest.raises(ContractErrors, match="a table of so many columns cannot keep its history: leave out history"):
        compiled(given, tmp_path)


def test_a_load_of_more_statements_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sizes, "MOST_STATEMENTS", 10)
    with pytest.raises(ContractErrors, match=r"the load would have [0-9]+ statements, more than the 10"):
        compiled(wide(20), tmp_path)
