"""Contracts of change logs: the column that says insert, update or delete, and what becomes of deleted rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.domain.contract import Contract
from headrace.domain.migration import MOST_STATEMENTS
from headrace.domain.operations import OPERATIONS
from headrace_compiler import ContractErrors, compile_contract
from headrace_compiler.compile.sizes import load_of
from headrace_compiler.sql.load import history_sql, load_sql, table_sql

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
STAGED = "      - property: loadMode\n        value: staged\n"
LOGIC = "logicalType: timestamp, transformLogic: GETDATE()"
TRUNCATED = f"{ORDERED}      - property: truncateOperations\n        value: "
WITHOUT = "      - property: filesWithoutOperation\n        value: "


def with_options(text: str) -> tuple[str, str]:
    """The operation's column as it is, and with `logicalTypeOptions`."""
    return "physicalType: VARCHAR(6)", f"physicalType: VARCHAR(6), logicalTypeOptions: {{{text}}}"


def with_property(text: str) -> tuple[str, str]:
    """The operation's column as it is, and with one of `customProperties`."""
    return "physicalType: VARCHAR(6)", f"physicalType: VARCHAR(6), customProperties: [{{property: {text}}}]"


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


def test_a_pattern_may_allow_what_the_enum_does(tmp_path: Path) -> None:
    old, new = with_options("pattern: '^[IUDt]$', maxLength: 1")
    enum = "enum: [{value: I}, {value: U}, {value: D}]"
    found = compiled(tmp_path, f"{TRUNCATED}[t]\n", old, f"{new}, {enum}")
    assert found.columns[0].enum == ("I", "U", "D", "t")


KEPT = "      - property: history\n        value: scd2\n"


def test_a_history_has_the_columns_of_a_state_and_when_it_held(tmp_path: Path) -> None:
    found = compiled(tmp_path, f"{MARKED}\n{KEPT}")
    sql = history_sql(found)
    assert (found.history, found.history_table) == (True, "public.readings_history")
    assert "valid_from BIGINT NOT NULL ENCODE ZSTD,\n  valid_to BIGINT ENCODE ZSTD,\n  is_current BOOLEAN" in sql
    assert "gone_at" not in sql
    assert len(load_of(found, 1)) <= MOST_STATEMENTS


@pytest.mark.parametrize(
    ("more", "old", "new", "message"),
    [
        (KEPT, ", required: true, primaryKey: true", "", ":16: history: it needs a primaryKey"),
        (
            f"{KEPT}      - property: onCopy\n        value: load\n",
            "op",
            "op",
            "it needs orderingColumns, of which",
        ),
        (
            f"{ORDERED}{KEPT}",
            "name: value",
            "name: valid_to",
            "history: it adds a column 'valid_to', which",
        ),
        (
            f"{ORDERED}{KEPT}",
            "- name: readings",
            f"- name: {'r' * 120}",
            "_history would be longer than Redshift's",
        ),
    ],
)
def test_what_can_have_no_history_is_refused(tmp_path: Path, more: str, old: str, new: str, message: str) -> None:
    with pytest.raises(ContractErrors, match=message):
        compiled(tmp_path, more, old, new)


def test_words_that_truncate_are_operations_too(tmp_path: Path) -> None:
    found = compiled(tmp_path, f"{TRUNCATED}[t, T]\n")
    assert (found.truncates, found.columns[0].enum) == (("t", "T"), (*OPERATIONS, "t", "T"))
    assert "CREATE TABLE IF NOT EXISTS etl.truncates_readings (\n  round BIGINT NOT NULL" in table_sql(found)
    assert Contract.from_json(found.to_json()) == found


def test_deleted_rows_go_and_their_keys_are_remembered(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    assert "CREATE TABLE IF NOT EXISTS etl.deleted_readings (\n  meter VARCHAR(256) NOT NULL" in table_sql(found)
    assert "DELETE FROM public.readings USING winners" in load_sql(found)


def test_deleted_rows_are_marked_and_have_the_values_of_the_delete(tmp_path: Path) -> None:
    found = compiled(tmp_path, MARKED + "\n")
    assert found.deleted_keys is None
    assert "etl.deleted" not in table_sql(found) + load_sql(found)
    assert "value = winners.value" in load_sql(found)


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
        (
            ORDERED.replace("round", "op"),
            "VARCHAR(6)",
            "VARCHAR(6), required: true",
            ":14: operationColumn: 'op' is an ordering column",
        ),
        (
            f"{ORDERED}{STAGED}",
            "VARCHAR(6)",
            "VARCHAR(6), transformLogic: UPPER(op)",
            ":14: operationColumn: transformLogic of 'op' would change what a row does",
        ),
        (
            f"{MARKED}\n{STAGED}",
            "gone_at, logicalType: timestamp",
            f"gone_at, {LOGIC}",
            ":18: deletedAtColumn: the column 'gone_at' has the time of the load",
        ),
        (
            f"{MARKED}\n",
            "gone_at, logicalType: timestamp",
            "gone_at, logicalType: timestamp, customProperties: [{property: valueFrom, value: fileName}]",
            ":18: deletedAtColumn: the column 'gone_at' has the time of the load",
        ),
        (
            ORDERED,
            "format: csv",
            "format: csv, customProperties: [{property: nullTokens, value: [D]}]",
            ":14: operationColumn: 'D' is one of the nullTokens, so it would be read as an insert",
        ),
        (
            "",
            "round, logicalType: integer, required: true",
            "round, logicalType: integer",
            ":14: .*must say what a copy",
        ),
        (f"{TRUNCATED}[]\n", "op", "op", ":18: truncateOperations: it names 1 to 10 operations, such as t of Debezium"),
        (
            f"{TRUNCATED}[t, d]\n",
            "op",
            "op",
            "'d' is the operation of one row, and would delete all",
        ),
        (f"{TRUNCATED}[TRUNCATE]\n", "op", "op", "'TRUNCATE' does not fit the column 'op' of 6 bytes"),
        (f'{TRUNCATED}["t\'"]\n', "op", "op", 'truncateOperations: "t\'" is no word: letters'),
        (f"{TRUNCATED}t\n", "op", "op", "truncateOperations must be a list of texts"),
        (f'{TRUNCATED}["I "]\n', "op", "op", "truncateOperations: 'I ' is the operation of one row"),
        (f'{TRUNCATED}["t "]\n', "op", "op", "truncateOperations: 't ' is no word: .* blanks within"),
        (f"{TRUNCATED}[C]\n", "op", "op", "truncateOperations: 'C' is the operation of one row"),
        (f"{TRUNCATED}[t]\n", *with_options("pattern: '^[A-Za-z]{2,6}$|^[IUDiudcr]$'"), "'t' breaks a rule of the"),
        (
            ORDERED,
            *with_options("pattern: '^[IU]$', maxLength: 1"),
            ":14: .* 'i' breaks a rule of 'op': .* as its enum",
        ),
        (ORDERED, *with_options("minLength: 2"), ":14: .* 'I' breaks a rule of 'op': "),
        (ORDERED, *with_property("default, value: D"), ":14: operationColumn: 'op' has a default, so that a row with"),
        (ORDERED, *with_property("tooLong, value: cut"), ":14: operationColumn: 'op' would be changed"),
        (ORDERED, *with_property("badBytes, value: replace"), ":14: operationColumn: 'op' would be changed"),
        (ORDERED, *with_property("nullTokens, value: [D]"), ":14: operationColumn: 'D' is one of the nullTokens"),
        (
            f"{TRUNCATED}[t]\n",
            "operationColumn\n        value: op",
            "encode\n        value: ZSTD",
            ":18: truncateOperations: only a change log is truncated: it needs operationColumn",
        ),
        (
            f"{TRUNCATED}[t]\n",
            "format: csv",
            "format: csv, customProperties: [{property: nullTokens, value: [t]}]",
            ":14: operationColumn: 't' is one of the nullTokens, so it would be read as an insert",
        ),
        (f"{ORDERED}{WITHOUT}skip\n", "op", "op", ":18: filesWithoutOperation must be refuse or insert"),
        (
            f"{WITHOUT}insert\n",
            "operationColumn\n        value: op",
            "encode\n        value: ZSTD",
            ":16: filesWithoutOperation belongs to operationColumn",
        ),
    ],
)
def test_mistakes_are_refused_with_their_place(tmp_path: Path, more: str, old: str, new: str, message: str) -> None:
    with pytest.raises(ContractErrors, match=message):
        compiled(tmp_path, more, old, new)


def test_a_contract_may_allow_files_without_the_operation(tmp_path: Path) -> None:
    assert compiled(tmp_path).needed_operation == compiled(tmp_path).columns[0]
    assert compiled(tmp_path, f"{ORDERED}{WITHOUT}insert\n").needed_operation is None


def test_without_an_order_a_contract_says_what_a_copy_is(tmp_path: Path) -> None:
    given = "      - property: onCopy\n        value: load\n"
    found = compiled(tmp_path, given, "round, logicalType: integer, required: true", "round, logicalType: integer")
    assert (found.load_copies, found.ordering) == (True, ())
