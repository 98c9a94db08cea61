"""Contracts of change logs: the column that says insert, update or delete, and what becomes of deleted rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.load import load_statements
from headrace.domain.migration import MOST_STATEMENTS
from headrace.domain.operations import OPERATIONS
from headrace_compiler import ContractErrors, compile_contract
from headrace_compiler.sql.load import load_sql, table_sql

TEXT = """
apiVersion: v3.2.0
kind: DataContract
id: urn:example:readings
name: readings
version: 1.0.0
servers:
  - {server: landing, type: s3, location: "s3://{landing}/readings/", format: csv}
  - {server: warehouse, type: redshift}
schema:
  - name: readings
    customProperties:
      - property: operationColumn
        value: op
MORE
    properties:
      - {name: op, logicalType: string, physicalType: VARCHAR(6)}
      - {name: meter, logicalType: string, required: true, primaryKey: true}
      - {name: round, logicalType: integer, required: true}
      - {name: value, logicalType: integer}
      - {name: gone_at, logicalType: timestamp}
"""
ORDERED = "      - property: orderingColumns\n        value: [round]\n"
MARKED = f"{ORDERED}      - property: deletedAtColumn\n        value: gone_at"


def compiled(tmp_path: Path, more: str = ORDERED, old: str = "op", new: str = "op") -> Contract:
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(TEXT.replace("MORE\n", more).replace(old, new, 1))
    return compile_contract(path)


def test_the_operation_has_the_letters_that_are_known(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    assert (found.operation, found.deleted_at, found.deleted_keys) == ("op", None, "etl.deleted_readings")
    assert found.columns[0].enum == OPERATIONS
    assert Contract.from_json(found.to_json()) == found


def test_a_contract_may_allow_fewer_letters(tmp_path: Path) -> None:
    old = "name: op, logicalType: string"
    found = compiled(tmp_path, old=old, new=f"{old}, enum: [{{value: I}}, {{value: D}}]")
    assert found.columns[0].enum == ("I", "D")


def test_deleted_rows_go_and_their_keys_are_remembered(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    assert "CREATE TABLE IF NOT EXISTS etl.deleted_readings (\n  meter VARCHAR(256) NOT NULL" in table_sql(found)
    assert "DELETE FROM public.readings USING winners" in load_sql(found)


def test_deleted_rows_are_marked_and_keep_their_values(tmp_path: Path) -> None:
    found = compiled(tmp_path, MARKED + "\n")
    assert found.deleted_keys is None
    assert "etl.deleted" not in table_sql(found) + load_sql(found)
    assert "value = CASE WHEN winners.gone_at IS NULL THEN winners.value ELSE public.readings.value END" in load_sql(
        found
    )


@pytest.mark.parametrize(
    ("more", "old", "new", "message"),
    [
        (ORDERED, "value: op", "value: opp", r":14: operationColumn: there is no column 'opp': did you mean 'op'\?"),
        (ORDERED, "value: op", "value: value", "operationColumn: the column 'value' must be a string"),
        (ORDERED, "value: op", "value: meter", "operationColumn: 'meter' is part of the primary key"),
        ("", ", primaryKey: true", "", "operationColumn: changes need a primaryKey"),
        ("", "name: round", "name: turn", r":18: 'turn' cannot be required, .* op = 'D' OR turn IS NOT NULL"),
        (MARKED + "\n", "value: op", "value: gone", "operationColumn: there is no column 'gone'"),
        (MARKED.replace("gone_at", "value") + "\n", "", "", "deletedAtColumn: the column 'value' must be a timestamp"),
        (MARKED.replace("gone_at", "gone") + "\n", "", "", "deletedAtColumn: there is no column 'gone'"),
        (MARKED + "\n", "operationColumn", "encode", "deletedAtColumn: .* it needs operationColumn"),
        (ORDERED, "string, physicalType", "string, enum: [{value: X}], physicalType", "'X' is not an operation"),
    ],
)
def test_mistakes_are_refused_with_their_place(tmp_path: Path, more: str, old: str, new: str, message: str) -> None:
    with pytest.raises(ContractErrors, match=message):
        compiled(tmp_path, more, old, new)


def test_the_longest_load_has_no_more_statements_than_the_data_api_takes(tmp_path: Path) -> None:
    one, other = "ab" * 12, "cd" * 12
    statements = load_statements(
        load_sql(compiled(tmp_path)), batch="b", manifest="s3://lake/m.json", iam_role="default",
        arrived={one: "2026-"}, objects={one: "x" * 16}, replaced=[other], reloaded=[one],
    )  # fmt: skip
    assert len(statements) <= MOST_STATEMENTS
