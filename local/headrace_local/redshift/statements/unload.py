"""UNLOAD ('query') TO 's3://…': the statement, its options, and what it leaves in the bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlglot import exp

from headrace_local.redshift.catalog.locks import Requests
from headrace_local.redshift.datatypes.datatypes import RedshiftType
from headrace_local.redshift.datatypes.results import ResultSet
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.files.manifest import split_s3_url
from headrace_local.redshift.files.role import read_role
from headrace_local.redshift.files.unload_files import (
    MAX_FILE_BYTES,
    MIN_FILE_BYTES,
    Encode,
    File,
    Layout,
    csv_encoder,
    parquet,
)
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Command, Outcome, Session
from headrace_local.redshift.statements.queries import read_locks
from headrace_local.redshift.syntax.grammar import parse
from headrace_local.redshift.syntax.labels import column_labels
from headrace_local.redshift.syntax.tokens import TokenCursor

_NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the"
    " target files in S3, or using the ALLOWOVERWRITE option."
)
_NOT_WITH_PARQUET = ("DELIMITER", "HEADER", "FIXEDWIDTH", "ADDQUOTES", "ESCAPE", "NULL", "GZIP", "BZIP2", "ZSTD")
_NOT_WITH_CSV = ("FIXEDWIDTH", "ADDQUOTES", "ESCAPE")
_NOT_EMULATED = (
    "ACCESS_KEY_ID", "BZIP2", "ENCRYPTED", "EXTENSION", "GZIP", "JSON", "KMS_KEY_ID", "NULL", "REGION", "ROWGROUPSIZE",
    "ZSTD", "MASTER_SYMMETRIC_KEY", "CONFIDENTIAL",
)  # fmt: skip
_UNITS = {"MB": 1024**2, "GB": 1024**3}


@dataclass
class Options:
    """The options of an UNLOAD while they are read; sizes in bytes."""

    authorized: bool = False
    format: str | None = None
    manifest: str | None = None
    words: set[str] = field(default_factory=set)
    delimiter: str = ","
    parallel: bool = True
    max_bytes: int = MAX_FILE_BYTES
    partition_by: tuple[str, ...] = ()
    include: bool = False

    def read(self, cursor: TokenCursor) -> None:
        """Read one option."""
        word = cursor.peek()
        reader = _READERS.get(word)
        if reader is not None:
            cursor.advance()
            self.words.add(word)
            reader(self, cursor)
        elif word in _NOT_WITH_PARQUET and self.format == "PARQUET":
            raise _not_for("PARQUET", word)
        elif word in _NOT_EMULATED or word in _NOT_WITH_CSV:
            raise not_emulated(f"UNLOAD with {word}")
        else:
            raise cursor.unexpected()

    def check(self) -> None:
        """SqlError for options that do not go together, or that are not known here."""
        if not self.authorized:
            raise SqlError("UNLOAD needs an authorization: IAM_ROLE default, IAM_ROLE 'arn' or CREDENTIALS")
        if self.format is None:
            raise not_emulated("UNLOAD as text: use FORMAT AS CSV or PARQUET; text")
        for word in sorted(self.words.intersection(_NOT_WITH_PARQUET)):
            if self.format == "PARQUET":
                raise _not_for("PARQUET", word)
        if {"ALLOWOVERWRITE", "CLEANPATH"} <= self.words:
            raise SqlError("ALLOWOVERWRITE and CLEANPATH cannot be used together")

    @property
    def layout(self) -> Layout:
        """How the rows are spread over files."""
        extension = ".parquet" if self.format == "PARQUET" else ""
        return Layout(self.parallel, extension, self.max_bytes, self.partition_by, self.include)

    @property
    def encode(self) -> Encode:
        """What makes a file's bytes."""
        return parquet if self.format == "PARQUET" else csv_encoder(self.delimiter, header="HEADER" in self.words)


def _not_for(kind: str, word: str) -> SqlError:
    return SqlError(f"{word} option is not supported for UNLOAD to {kind}")


def _read_role(options: Options, cursor: TokenCursor) -> None:
    read_role(cursor)
    options.authorized = True


def _read_credentials(options: Options, cursor: TokenCursor) -> None:
    cursor.match("AS")
    cursor.string()
    options.authorized = True


def _read_format(options: Options, cursor: TokenCursor) -> None:
    cursor.match("AS")
    kind = cursor.match_any("CSV", "PARQUET")
    if kind is None:
        raise not_emulated(f"UNLOAD FORMAT {cursor.peek()}")
    options.format = kind


def _read_csv(options: Options, _: TokenCursor) -> None:
    options.format = "CSV"


def _read_parquet(options: Options, _: TokenCursor) -> None:
    options.format = "PARQUET"


def _read_delimiter(options: Options, cursor: TokenCursor) -> None:
    cursor.match("AS")
    options.delimiter = cursor.string()
    if len(options.delimiter) != 1 or not options.delimiter.isascii():
        raise SqlError("the delimiter must be a single ASCII character")


def _read_manifest(options: Options, cursor: TokenCursor) -> None:
    options.manifest = "VERBOSE" if cursor.match("VERBOSE") else "PLAIN"


def _read_parallel(options: Options, cursor: TokenCursor) -> None:
    choice = cursor.match_any("ON", "OFF", "TRUE", "FALSE") or "ON"
    options.parallel = choice in {"ON", "TRUE"}


def _read_max_size(options: Options, cursor: TokenCursor) -> None:
    cursor.match("AS")
    number = cursor.advance().text
    unit = cursor.match_any(*_UNITS) or "MB"
    try:
        options.max_bytes = int(float(number) * _UNITS[unit])
    except ValueError as error:
        raise SqlError(f'syntax error at or near "{number}"') from error
    if not MIN_FILE_BYTES <= options.max_bytes <= MAX_FILE_BYTES:
        raise SqlError("MAXFILESIZE must be between 5 MB and 6.2 GB")


def _read_partition(options: Options, cursor: TokenCursor) -> None:
    cursor.expect("BY")
    options.partition_by = tuple(cursor.identifiers_in_parentheses())
    options.include = cursor.match("INCLUDE")


def _read_word(_: Options, __: TokenCursor) -> None:
    """A word that says all by itself."""


_READERS = {
    "IAM_ROLE": _read_role,
    "CREDENTIALS": _read_credentials,
    "FORMAT": _read_format,
    "CSV": _read_csv,
    "PARQUET": _read_parquet,
    "DELIMITER": _read_delimiter,
    "MANIFEST": _read_manifest,
    "PARALLEL": _read_parallel,
    "MAXFILESIZE": _read_max_size,
    "PARTITION": _read_partition,
    **dict.fromkeys(("ALLOWOVERWRITE", "CLEANPATH", "HEADER"), _read_word),
}


@dataclass(frozen=True)
class Unload:
    """An UNLOAD."""

    query: exp.Expr
    url: str
    options: Options

    def locks(self, session: Session) -> Requests:
        """Those of its query."""
        return read_locks(session, self.query)

    def run(self, session: Session) -> Outcome:
        """Write the files, then the manifest; nothing of it is undone by a rollback."""
        sql = to_sql(session.translator.translate(self.query))
        result = session.query(sql, lambda names: column_labels(self.query, names), most_bytes=None)
        rows = _plain(result)
        self._check_partitions(rows)
        files = list(self.options.layout.files(rows, self.options.encode))
        try:
            self._make_room(session, files)
            self._write(session, files, result)
        except FileNotFoundError as error:
            raise SqlError(f"S3ServiceException:The specified bucket does not exist: {self.url}") from error
        return Outcome(rows=rows.num_rows)

    def _check_partitions(self, rows: pa.Table) -> None:
        missing = set(self.options.partition_by) - set(rows.column_names)
        if missing:
            raise SqlError(f'column "{min(missing)}" of PARTITION BY is not in the query')
        if len(self.options.partition_by) == rows.num_columns and not self.options.include:
            raise SqlError("PARTITION BY cannot name every column of the query")

    def _make_room(self, session: Session, files: list[File]) -> None:
        store, (bucket, prefix) = session.warehouse.s3, split_s3_url(self.url)
        if "CLEANPATH" in self.options.words:
            for key in store.keys(bucket, prefix):
                store.delete(bucket, key)
        elif "ALLOWOVERWRITE" not in self.options.words:
            names = {file.name for file in files} | ({"manifest"} if self.options.manifest else set())
            if names.intersection(key.removeprefix(prefix) for key in store.keys(bucket, prefix)):
                raise SqlError(_NOT_EMPTY)

    def _write(self, session: Session, files: list[File], result: ResultSet) -> None:
        store, (bucket, prefix) = session.warehouse.s3, split_s3_url(self.url)
        for file in files:
            store.write(bucket, prefix + file.name, file.data)
        if self.options.manifest:
            manifest = json.dumps(self._manifest(files, result), indent=2)
            store.write(bucket, f"{prefix}manifest", manifest.encode())

    def _manifest(self, files: list[File], result: ResultSet) -> dict[str, Any]:
        if self.options.manifest == "PLAIN":
            # COPY of Parquet needs the lengths.
            lengths = self.options.format == "PARQUET"
            return {"entries": [self._entry(file, {"content_length"} if lengths else set()) for file in files]}
        return {
            "entries": [self._entry(file, {"content_length", "record_count"}) for file in files],
            "schema": {"elements": [_element(*each) for each in zip(result.labels, result.types, strict=True)]},
            "meta": {
                "content_length": sum(len(file.data) for file in files),
                "record_count": sum(file.rows for file in files),
            },
            "author": {"name": "Amazon Redshift", "version": "1.0.0"},
        }

    def _entry(self, file: File, told: set[str]) -> dict[str, Any]:
        known = {"content_length": len(file.data), "record_count": file.rows}
        meta = {name: value for name, value in known.items() if name in told}
        return {"url": self.url + file.name} | ({"meta": meta} if meta else {})


def _plain(result: ResultSet) -> pa.Table:
    """The rows with Redshift's labels, and in types that every reader of Parquet knows."""
    columns = [_plain_column(column) for column in result.rows.columns]
    if len(set(result.labels)) < len(result.labels):
        raise SqlError("UNLOAD needs a distinct name for each column")
    return pa.table(columns, names=list(result.labels))


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        return column.cast(column.type.storage_type)
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us"))
    return column


def _element(label: str, kind: RedshiftType) -> dict[str, Any]:
    described: dict[str, Any] = {"base": kind.name}
    if kind.length is not None:
        described["max_length"] = kind.length
    if kind.precision is not None:
        described |= {"precision": kind.precision, "scale": kind.scale}
    return {"name": label, "type": described}


def read(cursor: TokenCursor) -> Command:
    """Read an UNLOAD statement; SqlError for what Redshift refuses."""
    cursor.expect("UNLOAD")
    cursor.expect("(")
    query = _query(cursor.string())
    cursor.expect(")")
    cursor.expect("TO")
    url = cursor.string()
    split_s3_url(url)
    options = Options()
    while not cursor.at_end:
        options.read(cursor)
    options.check()
    return Unload(query, url, options)


def _query(text: str) -> exp.Expr:
    tree = parse(text)
    if not isinstance(tree, exp.Query):
        raise SqlError("UNLOAD takes a SELECT")
    if tree.args.get("limit"):
        raise SqlError("Limit clause is not supported")
    return tree
