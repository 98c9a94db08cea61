"""Reading and checking a table's definition: columns, keys, distribution, encodings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from headrace_local.redshift.catalog.catalog import Column, Table
from headrace_local.redshift.datatypes.column_encodings import check_encoding, default_encoding
from headrace_local.redshift.datatypes.datatypes import parse_type
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.syntax.tokens import TokenCursor

_COLUMN_WORDS = (
    "DEFAULT", "IDENTITY", "GENERATED", "ENCODE", "DISTKEY", "SORTKEY", "COLLATE", "NOT", "NULL", "UNIQUE",
    "PRIMARY", "REFERENCES",
)  # fmt: skip
MAX_COLUMNS = 1600
"""https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_usage.html"""
_DISTSTYLES = ("AUTO", "EVEN", "ALL", "KEY")
_MAX_SORT_COLUMNS = {"COMPOUND": 400, "INTERLEAVED": 8}


@dataclass
class Design:
    """A table's definition while it is read."""

    columns: list[Column] = field(default_factory=list)
    diststyle: str | None = None
    distkey: str | None = None
    sortkeys: tuple[str, ...] = ()
    sortstyle: str | None = None
    primary_key: tuple[str, ...] = ()

    def read_elements(self, cursor: TokenCursor) -> None:
        """Read `(column | constraint, …)`."""
        cursor.expect("(")
        self._read_element(cursor)
        while cursor.match(","):
            self._read_element(cursor)
        cursor.expect(")")

    def read_attributes(self, cursor: TokenCursor) -> None:
        """Read what follows the columns, up to AS or the end."""
        while not cursor.at_end and cursor.peek() != "AS":
            self.read_attribute(cursor)

    def read_column(self, cursor: TokenCursor) -> Column:
        """Read one column and its attributes."""
        column = Column(cursor.identifier(), parse_type(cursor.text_until(*_COLUMN_WORDS)), encoding="")
        while cursor.peek() in _COLUMN_WORDS:
            column = self._read_column_attribute(cursor, column)
        if column.name in (known.name for known in self.columns):
            raise SqlError(f'column "{column.name}" specified more than once')
        self.columns.append(column)
        return column

    def finish(self, schema: str, name: str) -> Table:
        """The checked table; SqlError for what Redshift refuses."""
        if len(self.columns) > MAX_COLUMNS:
            raise SqlError(f"tables can have at most {MAX_COLUMNS} columns")
        table = Table(schema, name, tuple(self.columns), primary_key=self.primary_key, distkey=self.distkey)
        for key in (*filter(None, [self.distkey]), *self.sortkeys):
            _check_key(table, key)
        columns = tuple(self._finished(column) for column in self.columns)
        return replace(
            table,
            columns=columns,
            diststyle=self._checked_diststyle(),
            sortkeys=self.sortkeys,
            sortstyle=self.sortstyle,
        )

    def _finished(self, column: Column) -> Column:
        if column.encoding:
            check_encoding(column.name, column.encoding, column.type)
        encoding = column.encoding or default_encoding(column.type, is_sortkey=column.name in self.sortkeys)
        return replace(column, encoding=encoding, nullable=column.nullable and column.name not in self.primary_key)

    def _checked_diststyle(self) -> str:
        if self.distkey and self.diststyle not in {None, "KEY"}:
            raise SqlError(f"cannot specify DISTKEY with DISTSTYLE {self.diststyle}")
        if self.diststyle == "KEY" and not self.distkey:
            raise SqlError("must specify DISTKEY with DISTSTYLE KEY")
        if self.distkey:
            return "KEY"
        return "AUTO(ALL)" if self.diststyle in {None, "AUTO"} else str(self.diststyle)

    def _read_element(self, cursor: TokenCursor) -> None:
        if cursor.match("PRIMARY", "KEY"):
            self._set_primary_key(cursor.identifiers_in_parentheses())
        elif cursor.match("UNIQUE"):
            cursor.identifiers_in_parentheses()
        elif cursor.peek() in {"LIKE", "FOREIGN", "CONSTRAINT"}:
            raise not_emulated(f"{cursor.peek()} in CREATE TABLE")
        else:
            self.read_column(cursor)

    def _read_column_attribute(self, cursor: TokenCursor, column: Column) -> Column:
        if cursor.match("NOT", "NULL"):
            return replace(column, nullable=False)
        if cursor.match("NULL") or cursor.match("UNIQUE"):
            return column
        if cursor.match("DEFAULT"):
            default = "NULL" if cursor.match("NULL") else cursor.text_until(*_COLUMN_WORDS)
            return replace(column, default=default)
        if cursor.match("ENCODE"):
            return replace(column, encoding=cursor.identifier())
        if cursor.match("PRIMARY", "KEY"):
            self._set_primary_key([column.name])
        elif cursor.match("DISTKEY"):
            self._set_distkey(column.name)
        elif cursor.match("SORTKEY"):
            self._set_sortkeys([column.name], "COMPOUND")
        else:
            raise not_emulated(f"{cursor.peek()} of a column")
        return column

    def read_attribute(self, cursor: TokenCursor) -> None:
        """Read one of them."""
        if cursor.match("BACKUP"):
            if not cursor.match_any("YES", "NO"):
                raise cursor.unexpected()
        elif cursor.match("DISTSTYLE"):
            self.diststyle = cursor.match_any(*_DISTSTYLES)
            if self.diststyle is None:
                raise cursor.unexpected()
        elif cursor.match("DISTKEY"):
            (column,) = cursor.identifiers_in_parentheses()[:1]
            self._set_distkey(column)
        elif cursor.match("ENCODE", "AUTO") or cursor.match("SORTKEY", "AUTO"):
            return
        else:
            self._read_sortkey(cursor)

    def _read_sortkey(self, cursor: TokenCursor) -> None:
        style = cursor.match_any("COMPOUND", "INTERLEAVED") or "COMPOUND"
        cursor.expect("SORTKEY")
        self._set_sortkeys(cursor.identifiers_in_parentheses(), style)

    def _set_primary_key(self, columns: list[str]) -> None:
        if self.primary_key:
            raise SqlError("multiple primary keys are not allowed")
        self.primary_key = tuple(columns)

    def _set_distkey(self, column: str) -> None:
        if self.distkey not in {None, column}:
            raise SqlError("multiple DISTKEY columns are not allowed")
        self.distkey = column

    def _set_sortkeys(self, columns: list[str], style: str) -> None:
        if self.sortkeys:
            raise SqlError("multiple SORTKEY definitions are not allowed")
        if len(columns) > _MAX_SORT_COLUMNS[style]:
            raise SqlError(f"{style} SORTKEY can have at most {_MAX_SORT_COLUMNS[style]} columns")
        self.sortkeys, self.sortstyle = tuple(columns), style


def _check_key(table: Table, key: str) -> None:
    column = next((column for column in table.columns if column.name == key), None)
    if column is None:
        raise SqlError(f'column "{key}" named in key does not exist')
    if column.type.name == "super":
        raise SqlError(f'column "{key}" of type super cannot be a distribution or sort key')
