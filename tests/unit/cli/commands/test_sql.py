"""`headrace sql`."""

from __future__ import annotations

from typing import Any

import pytest

from headrace_cli.stack.warehouse import value
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


def answer(stack: FakeStack) -> None:
    stack.data.columns = ["name", "n"]
    stack.data.pages = [
        [[{"stringValue": "a"}, {"longValue": 1}]],
        [[{"isNull": True}, {"longValue": 2000}]],
    ]


def test_all_pages_as_one_document(stack: FakeStack, run_json: RunJson) -> None:
    answer(stack)
    code, document = run_json("sql", "SELECT name, n FROM t")
    assert code == 0
    assert document["columns"] == ["name", "n"]
    assert document["rows"] == [["a", 1], [None, 2000]]
    where = {"Database": "dev", "WorkgroupName": "headrace", "SecretArn": "arn:secret"}
    assert stack.data.asked == [{"Sql": "SELECT name, n FROM t", **where}]


def test_a_statement_without_rows(stack: FakeStack, run_json: RunJson) -> None:
    _, document = run_json("sql", "ANALYZE")
    assert (document["columns"], document["rows"]) == ([], [])


def test_the_warehouses_refusal_is_a_sentence(stack: FakeStack, run_json: RunJson) -> None:
    stack.data.error = 'ERROR: relation "t" does not exist'
    code, document = run_json("sql", "SELECT * FROM t")
    assert code == 1
    assert document == {"error": 'the warehouse refused it: ERROR: relation "t" does not exist'}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({"isNull": True}, None),
        ({"longValue": 3}, 3),
        ({"doubleValue": 1.5}, 1.5),
        ({"booleanValue": False}, False),
        ({"stringValue": ""}, ""),
    ],
)
def test_fields_become_values(field: dict[str, Any], expected: object) -> None:
    assert value(field) == expected


def test_text_is_a_table(stack: FakeStack, run_text: RunText) -> None:
    answer(stack)
    _, text = run_text("sql", "SELECT 1")
    assert "NULL" in text
    assert "2 rows in 1.5 s" in text


def test_text_of_values_that_look_like_markup(stack: FakeStack, run_text: RunText) -> None:
    stack.data.columns = ["x"]
    stack.data.pages = [[[{"stringValue": "[red]not markup[/red]"}]]]
    _, text = run_text("sql", "SELECT 1")
    assert "[red]not markup[/red]" in text
