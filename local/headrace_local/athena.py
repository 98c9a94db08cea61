"""Athena's queries over Glue's tables, run by DuckDB: SELECT, and CREATE VIEW.

Types, their text in results, and how Parquet is read are Athena's
(https://docs.aws.amazon.com/athena/latest/ug/data-types.html): columns are found by name, what a part lacks is NULL,
and timestamps have milliseconds (https://docs.aws.amazon.com/athena/latest/ug/data-types-timestamps.html).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import duckdb
import sqlglot
from sqlglot import exp

ATHENA, DUCKDB = "athena", "duckdb"
VIEW_TEXT = re.compile(r"/\* Presto View: (\S+) \*/")
MOST_DEPTH = 10
"""Views over views."""
PLAIN = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
}
RESULT_TYPES = {
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "VARCHAR": "varchar",
    "BLOB": "varbinary",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
HIVE_TYPES = {"integer": "int", "varchar": "string", "varbinary": "binary"}


class QueryError(Exception):
    """Why a query failed, as Athena says it."""


class Catalog(Protocol):
    """Glue's tables and what lies in their places."""

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        """A table or a view, as GetTable shows it."""

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        """The partitions of a table."""

    def objects(self, location: str) -> Iterable[tuple[str, bytes]]:
        """Key and bytes of the objects below a place, by key."""


@dataclass(slots=True)
class Answer:
    """What a query gave. `view` is the definition that it asks the catalogue to keep, `scanned` counts bytes."""

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    scanned: int = 0
    view: dict[str, Any] | None = None


def run(sql: str, database: str, catalog: Catalog, most_bytes: int | None = None) -> Answer:
    """Run one statement. Raises QueryError."""
    statement = _parsed(sql)
    with tempfile.TemporaryDirectory(prefix="headrace-athena-") as folder, duckdb.connect() as connection:
        query = _Query(connection, catalog, Path(folder), most_bytes)
        try:
            if isinstance(statement, exp.Create) and statement.kind == "VIEW":
                return query.create_view(statement, database)
            if isinstance(statement, exp.Query):
                return query.select(statement, database)
        except duckdb.Error as error:
            raise QueryError(f"SYNTAX_ERROR: {error}") from error
    raise QueryError("NOT_SUPPORTED: the laptop's Athena runs SELECT and CREATE VIEW")


def _parsed(sql: str) -> exp.Expr:
    try:
        statements = [each for each in sqlglot.parse(sql, read=ATHENA) if each is not None]
    except sqlglot.errors.SqlglotError as error:
        raise QueryError(f"SYNTAX_ERROR: {error}") from error
    if len(statements) != 1:
        raise QueryError("Only one sql statement is allowed")
    return statements[0]


class _Query:
    """One statement: the tables that it names are views of DuckDB over the Parquet."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, most_bytes: int | None
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._folder = folder
        self._most_bytes = most_bytes
        self._known: set[tuple[str, str]] = set()
        self._scanned = 0

    def select(self, statement: exp.Query, database: str) -> Answer:
        """The rows of a SELECT."""
        found = self._connection.execute(self._ready(_named(statement), database))
        described = found.description or []
        types = [_result_type(str(kind)) for _, kind, *_ in described]
        rows = [[text_of(value) for value in row] for row in found.fetchall()]
        return Answer([name for name, *_ in described], types, rows, self._scanned)

    def create_view(self, statement: exp.Create, database: str) -> Answer:
        """The view as Glue keeps it, once its SELECT is known to work."""
        select, name = statement.expression, statement.this
        described = self._connection.execute(f"DESCRIBE {self._ready(select.copy(), database)}").fetchall()
        columns = [(each[0], _result_type(each[1])) for each in described]
        text = {
            "originalSql": select.sql(ATHENA),
            "catalog": "awsdatacatalog",
            "schema": database,
            "columns": [{"name": column, "type": kind} for column, kind in columns],
        }
        encoded = base64.b64encode(json.dumps(text).encode()).decode()
        hive = [{"Name": column, "Type": HIVE_TYPES.get(kind, kind)} for column, kind in columns]
        view = {
            "Name": name.name.lower(),
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true"},
            "StorageDescriptor": {"Columns": hive, "Location": ""},
            "ViewOriginalText": f"/* Presto View: {encoded} */",
            "ViewExpandedText": "/* Presto View */",
        }
        replaces = bool(statement.args.get("replace"))
        if not replaces and self._catalog.table(name.db or database, view["Name"]):
            raise QueryError(f"ALREADY_EXISTS: View already exists: '{name.db or database}.{view['Name']}'")
        return Answer(view={"database": name.db or database, "input": view})

    def _ready(self, statement: exp.Query, database: str, depth: int = 0) -> str:
        """The statement for DuckDB, with what it reads from."""
        if depth > MOST_DEPTH:
            raise QueryError("Statement stack is too deep: views over views")
        defined = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
        for table in list(statement.find_all(exp.Table)):
            if not table.db and table.name.lower() in defined:
                continue
            place = (table.db or database).lower(), table.name.lower()
            self._provide(*place, depth)
            table.set("catalog", None)
            table.set("db", exp.to_identifier(place[0], quoted=True))
        return statement.sql(DUCKDB)

    def _provide(self, database: str, name: str, depth: int) -> None:
        if (database, name) in self._known:
            return
        found = self._catalog.table(database, name)
        if found is None:
            raise QueryError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
        if found["TableType"] == "VIRTUAL_VIEW":
            view = view_of(found)
            text = self._ready(_parsed(view["originalSql"]), view["schema"], depth + 1)  # type: ignore[arg-type]
        else:
            text = self._relation(database, found)
        self._connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{database}"')
        self._connection.execute(f'CREATE VIEW "{database}"."{name}" AS {text}')
        self._known.add((database, name))

    def _relation(self, database: str, table: dict[str, Any]) -> str:
        """A SELECT over a table's Parquet, with the values of its partitions."""
        keys = [key["Name"] for key in table.get("PartitionKeys") or []]
        places: list[tuple[list[str], str]] = [([], table["StorageDescriptor"]["Location"])]
        if keys:
            found = self._catalog.partitions(database, table["Name"])
            places = [(each["Values"], each["StorageDescriptor"]["Location"]) for each in found]
        files = [(str(path), values) for values, location in places for path in self._fetched(location)]
        columns = table["StorageDescriptor"]["Columns"]
        if not files:
            nothing = [f'CAST(NULL AS {_duckdb_type(each["Type"])}) AS "{each["Name"]}"' for each in columns]
            return f"SELECT {', '.join([*nothing, *(_key_column(key, []) for key in keys)])} WHERE FALSE"
        read = f"read_parquet({[path for path, _ in files]}, union_by_name = true, filename = '_path_')"
        there = {name for name, *_ in self._connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
        chosen = [_column(each["Name"], each["Type"], present=each["Name"] in there) for each in columns]
        chosen += [_key_column(key, [(path, values[i]) for path, values in files]) for i, key in enumerate(keys)]
        return f"SELECT {', '.join(chosen)} FROM {read}"

    def _fetched(self, location: str) -> list[Path]:
        paths = []
        for key, data in self._catalog.objects(location):
            hidden = key.rsplit("/", 1)[-1].startswith((".", "_"))
            if hidden or not data:
                continue
            self._scanned += len(data)
            if self._most_bytes and self._scanned > self._most_bytes:
                raise QueryError("Bytes scanned limit was exceeded")
            path = self._folder / f"{len(list(self._folder.iterdir())):06}.parquet"
            path.write_bytes(data)
            paths.append(path)
        return paths


def _named(statement: exp.Query) -> exp.Query:
    """The statement, its columns without names called as Trino calls them: `_col0`."""
    named = [
        each if isinstance(each, exp.Alias | exp.Column) or each.is_star else exp.alias_(each, f"_col{number}")
        for number, each in enumerate(statement.selects)
    ]
    return statement.select(*named, append=False) if isinstance(statement, exp.Select) else statement


def view_of(table: dict[str, Any]) -> dict[str, Any]:
    """The definition in a view's text. Raises QueryError for a view of another engine."""
    found = VIEW_TEXT.fullmatch(table.get("ViewOriginalText") or "")
    if not found:
        raise QueryError(f"INVALID_VIEW: {table['Name']} is not a view of Athena")
    view: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return view


def _column(name: str, kind: str, *, present: bool) -> str:
    value = f'"{name}"' if present else "NULL"
    if kind == "timestamp":
        return f'CAST(CAST({value} AS TIMESTAMP_MS) AS TIMESTAMP) AS "{name}"'
    if kind.startswith(("array", "struct", "map")):
        return f'{value} AS "{name}"'
    return f'CAST({value} AS {_duckdb_type(kind)}) AS "{name}"'


def _key_column(name: str, values: list[tuple[str, str]]) -> str:
    """A partition's value in each of its rows, by the file that the row is in."""
    if not values:
        return f'CAST(NULL AS VARCHAR) AS "{name}"'
    by_path = ", ".join(f"{_text(path)}: {_text(value)}" for path, value in values)
    return f'MAP {{{by_path}}}[_path_] AS "{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _duckdb_type(kind: str) -> str:
    if kind.startswith("decimal"):
        return kind.upper()
    if kind == "timestamp":
        return "TIMESTAMP"
    if kind not in PLAIN:
        return "VARCHAR"
    return PLAIN[kind]


def _result_type(kind: str) -> str:
    base = kind.upper().partition("(")[0].strip()
    if base == "DECIMAL":
        return kind.lower()
    if kind.endswith("[]"):
        return "array"
    if base in {"STRUCT", "MAP"}:
        return {"STRUCT": "row", "MAP": "map"}[base]
    return RESULT_TYPES.get(base, "varchar")


def text_of(value: Any) -> str | None:
    """A value as Athena's results have it; None is NULL."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_within(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_within, value)) + "]"
    return None if value is None else _plain_text(value)


def _within(value: Any) -> str:
    text = text_of(value)
    return "null" if text is None else text


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
