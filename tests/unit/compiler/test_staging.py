"""`loadMode: staged`: what a contract may say, and the SQL that follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.ingest.load import load_statements, split_statements
from headrace_compiler.sql.staged import append_sql, logic_problem, merge_sql, stage_sql
from tests.support.fakes import contract


def staged() -> Contract:
    columns = (*contract().columns, Column("tags", "tags", Kind.SUPER, "SUPER", logic="LOWER(tags)"))
    return contract(staged=True, columns=columns)


@pytest.mark.parametrize(
    "logic",
    [
        "UPPER(TRIM(meter))",
        "CASE WHEN value > 1000 THEN NULL ELSE value * 10 END",
        "EXTRACT(day FROM read_at)",
        "meter || '-; $ --' || 'it''s'",
        "CAST(value AS DECIMAL(8, 2))",
        "value::BIGINT % 7",
    ],
)
def test_an_expression_of_one_value_may_stand_in_a_contract(logic: str) -> None:
    assert logic_problem(logic) is None


@pytest.mark.parametrize(
    ("logic", "said"),
    [
        ("", "it is empty"),
        ("value; DROP TABLE x", "is not part of an SQL expression"),
        ("value -- more", "is not part of an SQL expression"),
        ("${batch}", "is not part of an SQL expression"),
        ("(SELECT 1)", "'SELECT' is not expected there"),
        ("value) FROM x", "')' is not expected there"),
        ("ABS(value", "a bracket is open"),
        (r"'\'; DROP TABLE x'", "is not part of an SQL expression"),  # Redshift takes the backslash for an escape
        ("'a\n-- if parts'", "is not part of an SQL expression"),
    ],
)
def test_anything_else_is_refused(logic: str, said: str) -> None:
    assert said in str(logic_problem(logic))


def test_a_batch_is_appended_once_and_known_as_staged() -> None:
    statements = split_statements(append_sql(staged()))
    assert statements[0] == "LOCK TABLE etl.guard_readings"
    assert statements[2].startswith("COPY stage FROM")
    assert [text.split("\n")[0] for text in statements[4:6]] == [
        "DELETE FROM etl.staged_readings",
        "INSERT INTO etl.staged_readings (",
    ]
    assert "'staged'" in statements[6]
    assert not any("public.readings" in text for text in statements)


def test_a_merge_transforms_the_staged_rows_and_takes_them_out() -> None:
    statements = split_statements(merge_sql(staged()))
    made = next(text for text in statements if text.startswith("CREATE TEMP TABLE stage"))
    assert "CAST(LOWER(tags) AS VARCHAR(65535)) AS tags" in made
    assert "CAST('${batch}' AS VARCHAR(160)) AS _batch_id\nFROM etl.staged_readings\nWHERE _file_id IN (" in made
    assert "_place >= 0" in made
    assert statements[-2].startswith("DELETE FROM etl.staged_readings")
    assert any(text.startswith("MERGE INTO public.readings") for text in statements)


def test_a_dollar_of_a_transformation_is_no_placeholder() -> None:
    columns = (
        *contract().columns,
        Column("code", "code", Kind.STRING, "VARCHAR(9)", logic="REPLACE(code, '${batch}$', '')"),
    )
    text = merge_sql(contract(staged=True, columns=columns))
    given: dict[str, Any] = {"manifest": None, "arrived": {"ab" * 12: "2026-"}, "objects": {}}
    given |= {"replaced": [], "reloaded": []}
    statements = load_statements(text, batch="b-1", iam_role="default", **given)
    assert [text for text in statements if "REPLACE(code, '${batch}$', '')" in text]


def test_the_deployment_tries_the_transformation() -> None:
    create, attempt = split_statements(stage_sql(staged()))
    assert create.startswith("CREATE TABLE IF NOT EXISTS etl.staged_readings")
    assert "tags VARCHAR(65535)" in create
    assert attempt.endswith("WHERE 1 = 0")
