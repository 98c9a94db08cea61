"""`headrace sql`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace_cli.stack.reading import only_reads
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


def test_it_logs_in_as_the_user_who_only_reads_unless_it_writes(
    stack: FakeStack, run_json: RunJson, tmp_path: Path
) -> None:
    answer(stack)
    stack.cloudformation.outputs["ReaderSecretArn"] = "arn:reader"
    run_json("sql", "SELECT 1")
    run_json("sql", "SELECT 1", "--out", str(tmp_path / "out.csv"))
    run_json("sql", "DELETE FROM t", "--write")
    assert [asked["SecretArn"] for asked in stack.data.asked] == ["arn:reader", "arn:reader", "arn:secret"]


def test_what_only_the_owner_may_read_names_the_option(stack: FakeStack, run_json: RunJson) -> None:
    stack.cloudformation.outputs["ReaderSecretArn"] = "arn:reader"
    stack.data.error = "ERROR: permission denied for relation payroll"
    assert "--write runs it as their owner" in run_json("sql", "SELECT * FROM payroll")[1]["error"]
    assert "--write" not in run_json("sql", "DROP TABLE payroll", "--write")[1]["error"]


def test_a_provisioned_cluster_is_asked_by_its_name(stack: FakeStack, run_json: RunJson) -> None:
    stack.cloudformation.outputs["ClusterIdentifier"] = "ours"
    assert run_json("sql", "SELECT 1")[0] == 0
    assert stack.data.asked == [
        {"Sql": "SELECT 1", "Database": "dev", "ClusterIdentifier": "ours", "SecretArn": "arn:secret"}
    ]


def test_a_user_of_the_cluster_needs_no_secret(stack: FakeStack, run_json: RunJson) -> None:
    del stack.cloudformation.outputs["WarehouseSecretArn"]
    stack.cloudformation.outputs |= {"ClusterIdentifier": "ours", "DbUser": "loader"}
    assert run_json("sql", "SELECT 1")[0] == 0
    assert stack.data.asked == [{"Sql": "SELECT 1", "Database": "dev", "ClusterIdentifier": "ours", "DbUser": "loader"}]


def test_a_statement_without_rows(stack: FakeStack, run_json: RunJson) -> None:
    _, document = run_json("sql", "ANALYZE", "--write")
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


def many(stack: FakeStack, pages: int, rows: int = 500) -> None:
    stack.data.columns = ["n", "t"]
    stack.data.pages = [[[{"longValue": page}, {"stringValue": "a,b"}]] * rows for page in range(pages)]


def test_the_screen_gets_the_first_thousand_and_says_so(stack: FakeStack, run_text: RunText) -> None:
    many(stack, pages=4)
    stack.data.pages.append([[{"never": "read"}] * 9])
    _, text = run_text("sql", "SELECT * FROM t")
    assert "The first 1,000 of 2,001 rows, in 1.5 s: --limit shows more, --out FILE writes all." in text
    assert text.count("a,b") == 1000


def test_as_many_as_asked_for(stack: FakeStack, run_json: RunJson) -> None:
    many(stack, pages=4)
    _, document = run_json("sql", "SELECT * FROM t", "--limit", "3")
    assert (len(document["rows"]), document["total"]) == (3, 2000)


def test_json_leaves_no_row_out_silently(stack: FakeStack, run_json: RunJson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace_cli.commands.look.sql.MOST_IN_JSON", 1000)
    many(stack, pages=3)
    code, document = run_json("sql", "SELECT * FROM t")
    assert (code, document) == (1, {"error": "the result has 1,500 rows: give --limit, or --out FILE for all of them"})
    many(stack, pages=2)
    assert len(run_json("sql", "SELECT * FROM t")[1]["rows"]) == 1000


def test_all_rows_to_a_file(stack: FakeStack, run_json: RunJson, tmp_path: Path) -> None:
    answer(stack)
    code, document = run_json("sql", "SELECT * FROM t", "--out", str(tmp_path / "all.csv"))
    assert (code, document["rows"]) == (0, 2)
    assert (tmp_path / "all.csv").read_bytes() == b"name,n\r\na,1\r\n,2000\r\n"
    assert stack.data.asked[0]["ResultFormat"] == "CSV"
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


@pytest.mark.parametrize("first_row", [b"", b"name,n\r\n"])
@pytest.mark.parametrize("sends_header", [False, True])
def test_there_is_one_header_whether_the_api_sends_one_and_whatever_the_first_row_is(
    stack: FakeStack, run_json: RunJson, tmp_path: Path, *, sends_header: bool, first_row: bytes
) -> None:
    answer(stack)
    stack.data.sends_header = sends_header
    if first_row:
        stack.data.pages[0].insert(0, [{"stringValue": "name"}, {"stringValue": "n"}])
    run_json("sql", "SELECT * FROM t", "--out", str(tmp_path / "all.csv"))
    assert (tmp_path / "all.csv").read_bytes() == b"name,n\r\n" + first_row + b"a,1\r\n,2000\r\n"


def test_nothing_is_left_of_a_file_that_could_not_be_written(
    stack: FakeStack, run_json: RunJson, tmp_path: Path
) -> None:
    stack.data.error = "ERROR: no"
    assert run_json("sql", "SELECT * FROM t", "--out", str(tmp_path / "all.csv"))[0] == 1
    stack.data.error = None
    assert "no result" in run_json("sql", "ANALYZE", "--write", "--out", str(tmp_path / "all.csv"))[1]["error"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("statement", "reads"),
    [
        ("SELECT 1", True),
        (" -- all\n/* of it */ with x as (select 1) select * from x", True),
        ("SELECT 'delete into' AS \"into\"", True),
        ("EXPLAIN INSERT INTO t VALUES (1)", True),
        ("show table public.readings", True),
        (r"SELECT '\', 1 AS b INTO t FROM x WHERE c = ''", True),  # all of it but the end is one text
        (r"SELECT '\'', 1 AS b INTO t FROM x WHERE c = ''", False),
        ("DELETE FROM t", False),
        ("SELECT * INTO u FROM t", False),
        ("/* SELECT */ drop table t", False),
        ("SELECT pg_terminate_backend(1)", False),
        ("", False),
    ],
)
def test_only_queries_run_without_write(stack: FakeStack, run_json: RunJson, statement: str, *, reads: bool) -> None:
    assert only_reads(statement) is reads
    code, document = run_json("sql", statement)
    assert (code, "--write runs it" in document.get("error", "")) == ((0, False) if reads else (1, True))
    assert len(stack.data.asked) == int(reads)
    assert run_json("sql", statement, "--write")[0] == 0
