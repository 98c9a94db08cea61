"""What Redshift knows about a table beyond DuckDB: types with lengths, distribution, sort keys, encodings.

A table's description is kept as JSON in DuckDB's comment on the table, which users cannot reach. So it is
created, renamed, rolled back and dropped with the table, and TEMP tables need nothing of their own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.datatypes.datatypes import RedshiftType, parse_type
from headrace_local.redshift.errors import SqlError

if TYPE_CHECKING:
    import duckdb

    from headrace_local.redshift.syntax.tokens import Name

HIDDEN_SCHEMA = "_headrace"
DEFAULT_SCHEMA = "public"
TEMP_SCHEMA = "pg_temp"
_NOT_USER_SCHEMAS = {HIDDEN_SCHEMA, "main", "temp", "system", "information_schema", "pg_catalog"}


def quoted(*parts: str) -> str:
    """A dotted name in DuckDB's quoting."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def string_literal(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Column:
    """A column as Redshift describes it; `default` is the SQL that was written."""

    name: str
    type: RedshiftType
    nullable: bool = True
    default: str | None = None
    encoding: str = "none"


@dataclass(frozen=True)
class Table:
    """A table or view; `view_sql` is a view's query as it was written, `acl` what was granted on it."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    diststyle: str = "AUTO(ALL)"
    distkey: str | None = None
    sortkeys: tuple[str, ...] = ()
    sortstyle: str | None = None
    primary_key: tuple[str, ...] = ()
    view_sql: str | None = None
    depends_on: tuple[str, ...] = ()
    materialized: bool = False
    auto_refresh: bool = False
    incremental: bool = False
    type_changed: bool = False  # the type of a column that a materialized view reads
    owner: str = ""
    acl: tuple[str, ...] = ()  # `user=PRIVILEGE`

    @property
    def is_temporary(self) -> bool:
        """Whether the table lives in its session alone."""
        return self.schema == TEMP_SCHEMA

    @property
    def is_view(self) -> bool:
        """Whether this is a view, materialized or not."""
        return self.view_sql is not None

    @property
    def kind(self) -> str:
        """The word that DROP has for it."""
        if self.materialized:
            return "MATERIALIZED VIEW"
        return "VIEW" if self.is_view else "TABLE"

    @property
    def duckdb_kind(self) -> str:
        """What it is in DuckDB."""
        return "TABLE" if self.materialized else self.kind

    @property
    def duckdb_parts(self) -> tuple[str, ...]:
        """The name DuckDB has it under."""
        return ("temp", "main", self.name) if self.is_temporary else (self.schema, self.name)

    @property
    def duckdb_name(self) -> str:
        """The quoted name DuckDB has it under."""
        return quoted(*self.duckdb_parts)

    @property
    def create_sql(self) -> str:
        """The beginning of its CREATE statement in DuckDB."""
        return f"CREATE {'TEMP ' if self.is_temporary else ''}TABLE {self.duckdb_name}"

    @property
    def key(self) -> str:
        """The name that locks and dependencies use."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column:
        """The column `name`; SqlError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise SqlError(f'column "{name}" of relation "{self.name}" does not exist')

    def with_column(self, column: Column) -> Table:
        """The table with `column` in the place of the one of the same name, or at the end."""
        others = [column if known.name == column.name else known for known in self.columns]
        if column not in others:
            others.append(column)
        return replace(self, columns=tuple(others))


@dataclass
class Catalog:
    """Looks tables up as one session sees them, and remembers what it found until `forget` is called."""

    connection: duckdb.DuckDBPyConnection
    database: str
    _found: dict[tuple[str, str], Table | None] = field(default_factory=dict)

    def forget(self) -> None:
        """Look again from now on: tables may have changed."""
        self._found.clear()

    def get(self, name: Name) -> Table:
        """The table `name` stands for; SqlError if there is none."""
        table = self.find(name)
        if table is None:
            raise SqlError(f'relation "{".".join(name)}" does not exist')
        return table

    def find(self, name: Name) -> Table | None:
        """The table `name` stands for: a TEMP table hides a permanent one of the same name."""
        schema, relation = self._schema_and_relation(name)
        if schema is not None:
            return self._look_up(schema, relation)
        return self._look_up(TEMP_SCHEMA, relation) or self._look_up(DEFAULT_SCHEMA, relation)

    def user_schema(self, name: Name) -> str:
        """The schema in which `name` is to be created; SqlError if there is none of that name."""
        schema = self._schema_and_relation(name)[0] or DEFAULT_SCHEMA
        if schema not in self.schemas():
            raise SqlError(f'schema "{schema}" does not exist')
        return schema

    def schemas(self) -> list[str]:
        """The schemas that users have made, and `public`."""
        found = self.connection.execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal"
        ).fetchall()
        return sorted({name for (name,) in found} - _NOT_USER_SCHEMAS)

    def tables(self) -> list[Table]:
        """Every permanent table and view."""
        found = self.connection.execute(
            f"SELECT comment FROM {quoted(HIDDEN_SCHEMA, 'descriptions')} WHERE NOT temporary"
        ).fetchall()
        return [_table_from_json(comment) for (comment,) in found]

    def describe(self, table: Table) -> None:
        """Keep the description of a table that exists in DuckDB."""
        self.forget()
        comment = string_literal(json.dumps(asdict(table) | {"columns": [_column_json(c) for c in table.columns]}))
        self.connection.execute(f"COMMENT ON {table.duckdb_kind} {table.duckdb_name} IS {comment}").fetchall()

    def _schema_and_relation(self, name: Name) -> tuple[str | None, str]:
        if len(name) == 3:
            if name[0] != self.database:
                raise SqlError(f'database "{name[0]}" does not exist')
            name = name[1:]
        if len(name) > 2:
            raise SqlError(f"improper qualified name (too many dotted names): {'.'.join(name)}")
        return (name[0], name[1]) if len(name) == 2 else (None, name[0])

    def _look_up(self, schema: str, relation: str) -> Table | None:
        key = schema, relation
        if key not in self._found:
            self._found[key] = self._load(schema, relation)
        return self._found[key]

    def _load(self, schema: str, relation: str) -> Table | None:
        if schema in _NOT_USER_SCHEMAS:
            return None
        duckdb_schema = "main" if schema == TEMP_SCHEMA else schema
        found = self.connection.execute(
            f"SELECT comment FROM {quoted(HIDDEN_SCHEMA, 'descriptions')}"
            " WHERE schema_name = ? AND relation_name = ? AND temporary = ?",
            [duckdb_schema, relation, schema == TEMP_SCHEMA],
        ).fetchall()
        return _table_from_json(found[0][0]) if found else None


def _column_json(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": str(column.type),
        "nullable": column.nullable,
        "default": column.default,
        "encoding": column.encoding,
    }


def _table_from_json(text: str) -> Table:
    known = json.loads(text)
    columns = tuple(Column(**(column | {"type": parse_type(column["type"])})) for column in known.pop("columns"))
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return Table(columns=columns, **(known | lists))
