"""All SQL that Headrace writes, read by another parser than the laptop's: sqlfluff's, in Redshift's dialect."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlfluff

from headrace.domain.contract import PARTITION, TABLE, Column, Contract, Kind, View
from headrace.domain.ingest.load import load_statements, measure_statements, split_statements
from headrace.domain.statistics.checks import OF_TABLE, Check, Metric
from headrace.domain.statistics.judgement import Scope
from headrace.exports.model import sql as exportsql
from headrace.usecases.migrate import apply, plan
from headrace_compiler import compile_contract, compile_folder
from headrace_compiler.compile.exports import compile_exports
from headrace_compiler.compile.metrics import unfit
from headrace_compiler.sql.load import load_sql, table_sql, views_sql
from headrace_compiler.sql.metrics import measure_sql
from headrace_compiler.sql.names import is_wide
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql
from tests.support.fakes import MemoryServices, contract, contracts_of
from tests.unit.compiler.test_sizes import wide
from tests.unit.usecases.test_migrate import COLUMNS, LONGER, THERE, VIEWS

ROOT = Path(__file__).parents[3]
TEN = [compile_contract(path) for path in sorted((Path(__file__).parent / "ten").glob("*.odcs.yaml"))]
FOLDERS = ("exports", "examples/exports", "tests/e2e/exports")
EXPORTS = [export for folder in FOLDERS for export in compile_exports(ROOT / folder)]
NEW, OLD = "ab" * 12, "cd" * 12
TYPES = {
    Kind.STRING: "VARCHAR(64)",
    Kind.INTEGER: "BIGINT",
    Kind.FLOAT: "DOUBLE PRECISION",
    Kind.DECIMAL: "DECIMAL(12,2)",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.SUPER: "SUPER",
}
CASTS = {
    Kind.STRING: set(),
    Kind.INTEGER: {"VARCHAR", "DOUBLE"},
    Kind.FLOAT: {"DOUBLE"},
    Kind.DECIMAL: {"DOUBLE"},
    Kind.BOOLEAN: set(),
    Kind.DATE: {"VARCHAR", "TIMESTAMP"},
    Kind.TIMESTAMP: {"TIMESTAMP"},
    Kind.SUPER: set(),
}
"""Casts of a column that generated SQL makes and Redshift documents, of the many that there are
(https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html, "Implicit conversion types")."""


def of_every_kind(**changes: Any) -> Contract:
    """A column of each kind, named after it, with every check that it may have."""
    columns = tuple(Column(f"a_{kind}", "", kind, type_, required=True) for kind, type_ in TYPES.items())
    checks = [Check(metric, column.name) for column in columns for metric in Metric if not unfit(metric, column)]
    checks += [Check(metric) for metric in OF_TABLE]
    view = View("public.by_kind", "SELECT a_string, COUNT(*) AS n FROM public.readings GROUP BY a_string", "a_string")
    given: dict[str, Any] = {
        "columns": columns,
        "primary_key": ("a_string", "a_date"),
        "ordering": ("a_timestamp", "a_integer"),
        "dist_key": "a_string",
        "sort_key": ("a_timestamp",),
        "checks": tuple(checks),
        "views": (view,),
    }
    return contract(**given | changes)


CHANGED = (
    *of_every_kind().columns,
    Column("op", "", Kind.STRING, "VARCHAR(6)"),
    Column("a_gone", "", Kind.TIMESTAMP, "TIMESTAMP"),
)
CONTRACTS = {
    **{given.dataset: given for given in [*compile_folder(ROOT / "contracts"), *TEN]},
    "every kind": of_every_kind(),
    "snapshots of a table": of_every_kind(snapshot=TABLE),
    "snapshots of partitions": of_every_kind(snapshot=PARTITION, primary_key=(), ordering=()),
    "every kind, without a key": of_every_kind(primary_key=(), ordering=()),
    "every kind, staged": of_every_kind(staged=True),
    "changes": of_every_kind(columns=CHANGED, operation="op"),
    "changes, marked": of_every_kind(columns=CHANGED, operation="op", deleted_at="a_gone"),
    "truncates": of_every_kind(columns=CHANGED, operation="op", truncates=("t", "T")),
    "truncates, marked": of_every_kind(columns=CHANGED, operation="op", deleted_at="a_gone", truncates=("t",)),
    "history": of_every_kind(history=True),
    "history of changes": of_every_kind(columns=CHANGED, operation="op", deleted_at="a_gone", history=True),
    "wide, changes": wide(240, operation=wide(240).columns[-2].name),
    "wide": wide(240),
    "wide, staged": wide(240, staged=True),
}


def texts(given: Contract) -> Iterator[str]:
    """Every statement of a contract, as it is sent."""
    yield from split_statements(table_sql(given) + views_sql(given))
    for template in [append_sql, merge_sql] if given.staged else [load_sql]:
        files: dict[str, Any] = {"arrived": {NEW: "2026-"}, "objects": {NEW: ""}, "replaced": [OLD], "reloaded": [NEW]}
        yield from load_statements(
            template(given), batch="x-1", manifest="s3://lake/m.json", iam_role="default", **files
        )
    yield from split_statements(stage_sql(given)) if given.staged else []
    if given.checks:
        measure = measure_sql(given, Scope.BATCH)
        yield from measure_statements(measure, batch="x-1", scope="batch", manifest="s3://lake/m", iam_role="default")
        yield from split_statements(measure_sql(given, Scope.DAY).replace("${day}", "2026-01-01"))


def assert_parsed(statements: Iterable[str]) -> None:
    found = dict.fromkeys(statements)
    assert found
    for statement in found:
        sqlfluff.parse(statement, dialect="redshift")  # raises APIParsingError


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_sql_of_a_contract_is_sql_to_another_parser(name: str) -> None:
    assert is_wide(CONTRACTS[name]) == name.startswith("wide")
    assert_parsed(texts(CONTRACTS[name]))


def test_what_is_no_sql_of_redshift_is_seen() -> None:
    for broken in ("SELECT FROM WHERE", "MERGE INTO a USING b", "CREATE TABLE t (a VARCHAR(3) DISTKEY DISTKEY (a)"):
        with pytest.raises(sqlfluff.api.simple.APIParsingError):
            assert_parsed([broken])


def test_migrations_and_every_change_of_a_plan_are_sql_to_another_parser() -> None:
    migrations = [path.read_text() for path in sorted((ROOT / "sql" / "migrations").glob("*.sql"))]
    assert_parsed(statement for text in migrations for statement in split_statements(text))
    added = (*LONGER, Column("amount", "", Kind.DECIMAL, "DECIMAL(12,2)"), Column("_unknown", "", Kind.SUPER, "SUPER"))
    for there in ([], THERE, [row for row in THERE if not row[0].startswith("_")]):
        for columns in (COLUMNS, added):
            given = contract(columns=columns, views=VIEWS, staged=True)
            services = MemoryServices(contracts=contracts_of(given))
            tables = [["migrations"], ["staged_readings"]] if there else []
            services.warehouse.answers = {"svv_columns": there, "svv_tables": tables}
            services.warehouse.answers["svv_mv_info"] = [["public", "notes"]]
            assert [change.name for change in apply(plan(services, "headrace"), services)]
            assert_parsed(services.warehouse.ran)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_the_sql_of_an_export_is_sql_to_another_parser(export: Any) -> None:
    value = "7" if export.account_kind is Kind.INTEGER else r"it's \ one"
    category = "7" if export.category_kind is Kind.INTEGER else "a'b"
    wanted = exportsql.Unload(export, "2026-01-01", category, 8, "s3://lake/exports/x/", "default", (value,))
    queries = [ask(export, "2026-01-01") for ask in (exportsql.categories, exportsql.accounts, exportsql.counts)]
    unload = exportsql.unload(wanted)
    inner = unload.partition("('")[2].partition("') TO ")[0]
    assert_parsed([*queries, unload, inner.replace("''", "'").replace("\\\\", "\\")])


VERB = re.compile(r"(SELECT|INSERT INTO|DELETE FROM|LOCK TABLE|CREATE|ALTER TABLE|DROP|REFRESH|UPDATE) ")
WRITERS = tuple(f"layers/headrace/headrace/{name}" for name in ("usecases", "adapters", "sources", "exports/steps"))
WRITERS += ("cli/headrace_cli",)


def constants(path: Path) -> Iterator[str]:
    """The statements that a module holds as text, with a plain name where a value goes."""
    tree = ast.parse(path.read_text())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            text = re.sub(r"\{\w*\}", "x", node.value)
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        if VERB.match(text):
            yield text + "(x)" if text.endswith("VALUES ") else text


ATHENAS = {"glue_tables.py"}
"""Modules whose SQL is not Redshift's; the laptop's Athena parses it."""


def test_the_sql_of_the_code_is_sql_to_another_parser() -> None:
    paths = [path for folder in WRITERS for path in (ROOT / folder).rglob("*.py") if path.name not in ATHENAS]
    found = [(path, text) for path in paths for text in constants(path)]
    assert len(found) > 30
    for path, text in found:
        try:
            assert_parsed([text])
        except sqlfluff.api.simple.APIParsingError as error:
            pytest.fail(f"{path.name}: {text}: {error}")


@pytest.mark.parametrize("name", [name for name in CONTRACTS if name.startswith("every kind")])
def test_only_casts_that_redshift_documents_are_made_of_columns(name: str) -> None:
    sql = "\n".join(texts(CONTRACTS[name]))
    cast = re.findall(r"CAST\((?:(?:MAX|MIN|AVG)\()?(?:\w+\.)?a_(\w+)\)? AS (\w+)", sql)
    assert len(set(cast)) > 5
    for kind, type_ in cast:
        assert type_ in CASTS[Kind(kind)], f"CAST of {kind} AS {type_}"


def test_a_category_of_each_kind_is_text_without_a_cast_that_redshift_lacks() -> None:
    given = of_every_kind()
    flagged = replace(given, checks=(Check(Metric.CATEGORIES, "a_boolean"),))
    assert "CASE WHEN a_boolean THEN 'true' ELSE 'false' END AS category" in measure_sql(flagged, Scope.BATCH)
