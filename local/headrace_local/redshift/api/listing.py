"""ListDatabases, ListSchemas, ListTables and DescribeTable."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.api.describing import page_start, page_token
from headrace_local.redshift.catalog.catalog import Catalog, Table
from headrace_local.redshift.datatypes.results import column_metadata
from headrace_local.redshift.errors import not_found

if TYPE_CHECKING:
    import duckdb

Request = dict[str, Any]


class Listing:
    """Answers from the catalogue, without a statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def databases(self, request: Request, principal: str) -> Request:  # noqa: ARG002
        """The one database there is."""
        return _page(request, "Databases", [request["Database"]])

    def schemas(self, request: Request, principal: str) -> Request:  # noqa: ARG002
        """The users' schemas."""
        matches = _like(request.get("SchemaPattern"))
        return _page(request, "Schemas", [name for name in self._catalog(request).schemas() if matches(name)])

    def tables(self, request: Request, principal: str) -> Request:  # noqa: ARG002
        """Tables and views."""
        schema, name = _like(request.get("SchemaPattern")), _like(request.get("TablePattern"))
        found = [table for table in self._catalog(request).tables() if schema(table.schema) and name(table.name)]
        return _page(request, "Tables", [_entry(table) for table in sorted(found, key=lambda table: table.key)])

    def describe_table(self, request: Request, principal: str) -> Request:  # noqa: ARG002
        """A table's columns."""
        name = request.get("Table", "")
        table = self._catalog(request).find((request.get("Schema", "public"), name))
        if table is None:
            raise not_found(f"Table {name} does not exist", name)
        columns = [
            column_metadata(column.name, column.type, nullable=column.nullable)
            | {"schemaName": table.schema, "tableName": table.name}
            for column in table.columns
        ]
        return _page(request, "ColumnList", columns) | {"TableName": table.name}

    def _catalog(self, request: Request) -> Catalog:
        return Catalog(self._connection.cursor(), request.get("Database", ""))


def _entry(table: Table) -> Request:
    return {"schema": table.schema, "name": table.name, "type": "VIEW" if table.is_view else "TABLE"}


def _like(pattern: str | None) -> Callable[[str], bool]:
    if pattern is None:
        return lambda _: True
    expression = re.compile("".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern))
    return lambda name: expression.fullmatch(name) is not None


def _page(request: Request, member: str, entries: list[Any]) -> Request:
    start = page_start(request.get("NextToken"), member)
    most = request.get("MaxResults") or 1000
    answer: Request = {member: entries[start : start + most]}
    if start + most < len(entries):
        answer["NextToken"] = page_token(start + most, member)
    return answer
