"""COPY table FROM a manifest of Parquet files: the statement, its options, and the loading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from headrace_local.redshift.catalog.catalog import Column, Table, quoted
from headrace_local.redshift.catalog.history import utc_now
from headrace_local.redshift.catalog.locks import LockMode, Requests
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.files.manifest import Entry, read_entry, read_manifest, split_s3_url
from headrace_local.redshift.files.parquet import LoadError, ParquetSource
from headrace_local.redshift.files.role import read_role
from headrace_local.redshift.session import Command, Outcome, Session
from headrace_local.redshift.statements.privileges import Rights
from headrace_local.redshift.statements.queries import writable
from headrace_local.redshift.syntax.tokens import Name, TokenCursor

_SOURCE = "__copy_source"
_NOT_FOR_PARQUET = """
    ACCEPTANYDATE BLANKSASNULL COMPROWS COMPUPDATE DATEFORMAT DELIMITER EMPTYASNULL ENCODING ENCRYPTED ESCAPE
    FIXEDWIDTH IGNOREALLERRORS IGNOREBLANKLINES IGNOREHEADER MAXERROR NOLOAD NULL QUOTE READRATIO REGION REMOVEQUOTES
    ROUNDEC SSH TIMEFORMAT TRIMBLANKS TRUNCATECOLUMNS BZIP2 GZIP LZOP ZSTD
"""
_NOT_EMULATED = {"ACCEPTINVCHARS", "ACCESS_KEY_ID", "AVRO", "CSV", "EXPLICIT_IDS", "JSON", "ORC", "SHAPEFILE"}


@dataclass(frozen=True)
class Copy:
    """A COPY; `columns` empty means all of the table's."""

    name: Name
    columns: tuple[str, ...]
    url: str
    fill_record: bool = False
    serialize_to_json: bool = False

    def locks(self, session: Session) -> Requests:
        """Loads into one table go side by side."""
        table = writable(session, self.name)
        Rights(session).check_table(table, "INSERT")
        return {} if table.is_temporary else {table.key: LockMode.APPEND}

    def run(self, session: Session) -> Outcome:
        """Load every file of the manifest, and leave a record of it in the SYS_LOAD_ views."""
        table = writable(session, self.name)
        load = _Load(session, self, table)
        try:
            rows = load.run()
        except LoadError as error:
            load.record_error(error)
            load.record("aborted")
            raise SqlError(error.full_message(session.query_id)) from error
        except SqlError:
            load.record("aborted")
            raise
        load.record("completed")
        return Outcome(rows=rows)


@dataclass
class _Load:
    session: Session
    copy: Copy
    table: Table
    rows: int = 0
    files: int = 0
    size: int = 0

    def __post_init__(self) -> None:
        self.started = utc_now()

    def run(self) -> int:
        targets = self._targets()
        for entry, data in self._found_files():
            self._load_file(ParquetSource(entry.url, data), targets)
            self.files += 1
            self.size += len(data)
        return self.rows

    def _targets(self) -> list[Column]:
        if not self.copy.columns:
            return list(self.table.columns)
        for column in self.table.columns:
            if column.name not in self.copy.columns and not column.nullable and column.default is None:
                raise SqlError(f"NOT NULL column without DEFAULT must be included in column list: {column.name}")
        return [self.table.column(name) for name in self.copy.columns]

    def _found_files(self) -> Iterator[tuple[Entry, bytes]]:
        s3 = self.session.warehouse.s3
        found_any = False
        for entry in read_manifest(s3, self.copy.url):
            data = read_entry(s3, entry)
            if data is not None:
                found_any = True
                yield entry, data
        if not found_any:
            raise SqlError(f"The specified S3 prefix '{self.copy.url}' does not exist: none of its files was found")

    def _load_file(self, source: ParquetSource, targets: list[Column]) -> None:
        present = source.present(targets) if self.copy.fill_record else targets
        source.check(present, serialize_to_json=self.copy.serialize_to_json)
        missing = targets[len(present) :]
        source.check_missing(missing)
        names = ", ".join(quoted(column.name) for column in targets)
        read = [_value(position, column) for position, column in enumerate(present)]
        values = ", ".join([*read, *("NULL" for _ in missing)])
        reader = pa.RecordBatchReader.from_batches(source.schema, source.batches(present))
        with self.session.source(_SOURCE, reader):
            sql = f"INSERT INTO {self.table.duckdb_name} ({names}) SELECT {values} FROM {_SOURCE}"
            self._insert(sql, source)

    def _insert(self, sql: str, source: ParquetSource) -> None:
        """DuckDB reads the source, and would report its errors as its own."""
        try:
            self.rows += self.session.execute(sql)
        except SqlError as error:
            raise source.failure or error from error

    def record(self, status: str) -> None:
        """The row of SYS_LOAD_HISTORY."""
        ended = utc_now()
        self.session.warehouse.history.record(
            "load_history",
            self._common()
            | {
                "status": status,
                "table_name": self.table.name,
                "end_time": ended,
                "duration": int((ended - self.started).total_seconds() * 1_000_000),
                "data_source": self.copy.url,
                "file_format": "PARQUET",
                "loaded_rows": self.rows if status == "completed" else 0,
                "loaded_bytes": self.size if status == "completed" else 0,
                "source_file_count": self.files,
                "source_file_bytes": self.size,
                "file_count_scanned": self.files,
                "file_bytes_scanned": self.size,
                "error_count": int(status == "aborted"),
            },
        )

    def record_error(self, error: LoadError) -> None:
        """The row of SYS_LOAD_ERROR_DETAIL."""
        self.session.warehouse.history.record(
            "load_error_detail",
            self._common()
            | {
                "file_name": error.url,
                "column_name": error.column,
                "error_code": error.code,
                "error_message": error.message,
            },
        )

    def _common(self) -> dict[str, object]:
        return {
            "query_id": self.session.query_id,
            "session_id": self.session.pid,
            "database_name": self.session.database,
            "start_time": self.started,
        }


def _value(position: int, column: Column) -> str:
    name = quoted(f"v{position}")
    if column.type.name == "character":
        return f"rtrim({name}, ' ')"
    return f"to_json({name})" if column.type.name == "super" else name


@dataclass
class _Options:
    authorized: bool = False
    parquet: bool = False
    manifest: bool = False
    flags: set[str] = field(default_factory=set)

    def read(self, cursor: TokenCursor) -> None:
        if cursor.match("IAM_ROLE"):
            read_role(cursor)
            self.authorized = True
        elif cursor.match("CREDENTIALS"):
            cursor.match("AS")
            cursor.string()
            self.authorized = True
        elif cursor.match("STATUPDATE"):
            cursor.match_any("ON", "OFF", "TRUE", "FALSE")
        elif not self._read_format(cursor):
            self._read_flag(cursor)

    def _read_format(self, cursor: TokenCursor) -> bool:
        if cursor.match("FORMAT"):
            cursor.match("AS")
            if cursor.peek() != "PARQUET":
                raise not_emulated(f"COPY FORMAT {cursor.peek()}")
        if not cursor.match("PARQUET"):
            return False
        self.parquet = True
        return True

    def _read_flag(self, cursor: TokenCursor) -> None:
        word = cursor.peek()
        if word in {"MANIFEST", "FILLRECORD", "SERIALIZETOJSON"}:
            cursor.advance()
            self.flags.add(word)
        elif word in _NOT_FOR_PARQUET.split():
            raise SqlError(f"{word} argument is not supported for PARQUET based COPY")
        elif word in _NOT_EMULATED:
            raise not_emulated(f"COPY with {word}")
        else:
            raise cursor.unexpected()


def read(cursor: TokenCursor) -> Command:
    """Read a COPY statement; SqlError for an option that does not go with Parquet."""
    cursor.expect("COPY")
    name = cursor.name()
    columns = tuple(cursor.identifiers_in_parentheses()) if cursor.peek() == "(" else ()
    cursor.expect("FROM")
    url = cursor.string()
    split_s3_url(url)
    options = _Options()
    while not cursor.at_end:
        options.read(cursor)
    if not options.authorized:
        raise SqlError("COPY needs an authorization: IAM_ROLE default, IAM_ROLE 'arn' or CREDENTIALS")
    if not options.parquet:
        raise not_emulated("COPY without FORMAT AS PARQUET")
    if "MANIFEST" not in options.flags:
        raise not_emulated("COPY without MANIFEST")
    return Copy(name, columns, url, "FILLRECORD" in options.flags, "SERIALIZETOJSON" in options.flags)
