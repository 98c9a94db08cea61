"""A dataset as the pipeline sees it: a compiled contract, free of YAML and of any library.

`headrace_compiler` makes these from `contracts/*.odcs.yaml`; they travel to the functions as JSON in the
contracts layer, so nothing that runs in Lambda parses a contract or imports its parser.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from headrace.domain.expected.calendar import Expectation
from headrace.domain.files.formats import FORMATS, Format
from headrace.domain.files.names import IGNORED
from headrace.domain.kind import Kind
from headrace.domain.source import After, Checksum, Complete, Protocol, Source, Tls
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.support import Support
from headrace.domain.writing import USUAL, Writing

__all__ = [
    "LINEAGE_COLUMNS",
    "MERGE_SECONDS",
    "PATIENCE_SECONDS",
    "UNKNOWN_COLUMN",
    "VALIDITY",
    "Column",
    "Contract",
    "FileFormat",
    "Kind",
    "RowRule",
    "View",
]

LINEAGE_COLUMNS = ("_file_id", "_row_number", "_batch_id")
"""Every row of a target names the file, the row in it (1-based, header not counted) and the batch that brought it."""

UNKNOWN_COLUMN = "_unknown"
"""Where a target keeps, as one JSON object a row, what a file brings and the contract does not name."""

VALIDITY = ("valid_from", "valid_to", "is_current")
"""The columns of a history that say when a state held: from, up to and without, still."""

TABLE, PARTITION = "table", "partition"
"""What a file of a dataset of snapshots is the whole of."""

NESTED = {"columns", "format", "rules", "checks", "views", "sources", "support", "expected"}
"""The fields of a contract that hold objects."""


PATIENCE_SECONDS = 86_400
"""How long files wait for their marker, or a marker for its files, unless the contract says otherwise."""
HELD_SECONDS = 86_400
"""How long a batch waits for a decision before people are notified again, unless the contract says otherwise."""
MERGE_SECONDS = 900
"""How often the rows of a staged dataset are merged, unless its contract says otherwise."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it is in the file, what it is in the warehouse, what its values must obey.

    `max_bytes` is the VARCHAR length (Redshift counts bytes), `min_length` and `max_length` count characters.
    `minimum` and `maximum` are inclusive and kept as text, to be read in the column's own kind.
    `start` (from 1) and `width` are its place in a line of fixed width, in characters.
    `unknown` marks the one column that takes the fields of a file that no other column takes.
    `logic` is SQL that the merge of a staged dataset puts in the value's place.
    `origin` is where in the object's key the value stands, as `key_values` names it; empty for one in the rows.
    `unpadded` values end in no blank: Redshift would take them for the same key as those without it.
    `writing` is how the values are written, where that is not as usual.
    """

    name: str
    source: str
    kind: Kind
    redshift_type: str
    required: bool = False
    unique: bool = False
    bits: int = 64
    precision: int = 0
    scale: int = 0
    max_bytes: int = 0
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    exclusive_minimum: str | None = None
    exclusive_maximum: str | None = None
    formats: tuple[str, ...] = ()
    encode: str | None = None
    description: str = ""
    unknown: bool = False
    start: int = 0
    width: int = 0
    logic: str = ""
    unpadded: bool = False
    origin: str = ""
    writing: Writing = USUAL


ESCAPES = ("character", "sequences", "marks")
"""What `\\n` means: the letter n, as for Redshift; a line end, as for PostgreSQL and MySQL; both characters."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a file of this dataset is written. `compression` may be `auto`: detected from the first bytes.

    `kind` is the name of one of `FORMATS`, which `traits` gives.
    `encoding` may be `auto`: a byte order mark, or the pattern of UTF-16's zeros, or else UTF-8.
    `escapes` says what an escape before a letter such as n means, one of `ESCAPES`; nothing if nobody has said so.
    `comments` are more than the one of `comment`. `after_header` lines below the header are no rows, nor are the last
    `footer_lines`; of these `trailer` is an expression whose group counts the rows, and `trailer_also` more lines.
    `row_element` is the element of XML that is a row. `sheet` is the one of a workbook that is read, empty the first.
    Of JSON: `concatenated`, objects stand behind one another in any lines; `rows_at`, the rows are the list at this
    path of one object; `nan_is_null`, NaN and Infinity, which JSON does not have, are nothing.
    `fills_short`: fields that a row lacks at its end have no value.
    `quoted_nulls`: a null token means nothing in quotes, too. `excel_text`: a field may be written as `="…"`.
    """

    kind: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    encoding: str = "utf-8"
    compression: str = "auto"
    null_tokens: tuple[str, ...] = ("",)
    quoted_nulls: bool = True
    excel_text: bool = False
    escape: str = ""
    escapes: str = ""
    skip_lines: int = 0
    comment: str = ""
    comments: tuple[str, ...] = ()
    after_header: int = 0
    footer_lines: int = 0
    trailer: str = ""
    trailer_also: int = 0
    fills_short: bool = False
    concatenated: bool = False
    rows_at: str = ""
    nan_is_null: bool = False
    sheet: str = ""
    row_element: str = ""
    max_line_bytes: int = 16 << 20
    max_decompressed_bytes: int = 20 << 30

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What lines begin with that are no rows."""
        return tuple(mark.encode() for mark in (self.comment, *self.comments) if mark)

    @property
    def traits(self) -> Format:
        """What is true of every file of this format."""
        return FORMATS[self.kind]


@dataclass(frozen=True, slots=True)
class RowRule:
    """What must hold between the columns of a row. `text` is for people, `tree` for `transform.rowrules`."""

    name: str
    text: str
    tree: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A materialized view over the target, refreshed after each load. `name` is full, `query` a SELECT."""

    name: str
    query: str
    dist_key: str | None = None
    sort_key: tuple[str, ...] = ()


AUTO, LAMBDA, GLUE = ENGINES = ("auto", "lambda", "glue")
"""What transforms a dataset's files: by their size, or always a function, or always the Glue job."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One dataset. `version` is the contract's own; `digest` changes with any change of its text.

    The rows of a `staged` dataset are appended to a stage table, and merged into the target every `merge_seconds`.

    The column `operation` of a change log says whether a row is a new state of its key or deletes it. Rows that are
    deleted go, or stay with the time of the load in the column `deleted_at`. A file without that column fails, unless
    `operation_optional` says that its rows are inserts. Where it says one of `truncates`, all earlier rows are deleted.

    With `history` the table `history_table` says when each state of a key held.

    A file with more than `max_bad_rows` bad rows, or than `max_bad_share` (0 to 1) of its rows, is held back whole;
    so is one without a good row, unless `max_bad_share` is given. A new version of a key that lacks more than
    `max_shrink` (0 to 1) of the good rows of the version before waits for a person; None: none does.
    `checks` are of the third tier, about the numbers as a whole; while a batch is held by one of them, later batches
    go on unless `wait_while_held`. An object is one of the dataset's `files` if its name fits one of these patterns, or
    there are none, unless a name in its path fits one of `ignore`. With `load_copies` the bytes of an earlier file
    count as content of their own under another key. `most_files` have room in the SQL of one batch. `folder_templates`
    and `name_templates` are those of `key_values`, for the folders below the prefix and for the names of files. Each
    file of a `snapshot` is the whole `table`, or the whole of a `partition`: what is not in it goes.
    `engine` is one of `ENGINES`. The rows of an object that is deleted from landing go if `remove_deleted`, those of
    one that S3's lifecycle rules delete if `remove_expired`.

    `support` are the channels that are notified, `severities` what the contract makes of causes.

    Files that wait for a `marker`, or are listed in a `manifest`, both patterns of names, are loaded as one: see
    `domain.ingest.groups`. People are notified of those that have waited for `patience_seconds`.

    They are notified, too, of `expected` files that do not come, with `notify_quiet` of a dataset that is quiet for
    longer than usual, of more than a share of rows in quarantine (`quarantine_limit`, 0 to 1), and of a batch that has
    been held for `held_seconds`.
    """

    dataset: str
    version: str
    digest: str
    prefix: str
    format: FileFormat
    schema: str
    table: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    ordering: tuple[str, ...] = ()
    operation: str | None = None
    deleted_at: str | None = None
    operation_optional: bool = False
    truncates: tuple[str, ...] = ()
    history: bool = False
    dist_key: str | None = None
    sort_key: tuple[str, ...] = ()
    replace_versions: bool = True
    wait_seconds: int = 0
    freshness_seconds: int | None = None
    channel: str | None = None
    support: tuple[Support, ...] = ()
    severities: dict[str, str] = field(default_factory=dict)
    description: str = ""
    refuse_unknown: bool = False
    max_bad_rows: int | None = None
    max_bad_share: float | None = None
    max_shrink: float | None = None
    rules: tuple[RowRule, ...] = ()
    staged: bool = False
    merge_seconds: int = MERGE_SECONDS
    checks: tuple[Check, ...] = ()
    wait_while_held: bool = False
    views: tuple[View, ...] = ()
    sources: tuple[Source, ...] = ()
    files: tuple[str, ...] = ()
    ignore: tuple[str, ...] = IGNORED
    load_copies: bool = False
    snapshot: str = ""
    folder_templates: tuple[str, ...] = ()
    name_templates: tuple[str, ...] = ()
    most_files: int = 700
    engine: str = AUTO
    remove_deleted: bool = False
    remove_expired: bool = False
    marker: str = ""
    manifest: str = ""
    patience_seconds: int = PATIENCE_SECONDS
    expected: tuple[Expectation, ...] = ()
    notify_quiet: bool = False
    quarantine_limit: float | None = None
    held_seconds: int = HELD_SECONDS
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def grouped(self) -> bool:
        """Whether files are loaded in groups, each opened by a marker or manifest."""
        return bool(self.marker or self.manifest)

    @property
    def removes_rows(self) -> bool:
        """Whether rows can go with their object."""
        return self.remove_deleted or self.remove_expired

    @property
    def target(self) -> str:
        """The table's full name in the warehouse."""
        return f"{self.schema}.{self.table}"

    @property
    def stage(self) -> str:
        """The table to which the rows of a staged dataset are appended."""
        return f"etl.staged_{self.dataset}"

    @property
    def deleted_keys(self) -> str | None:
        """The table of the keys that a change log has deleted; None where such rows stay, or there are no deletes."""
        return f"etl.deleted_{self.dataset}" if self.operation and not self.deleted_at else None

    @property
    def needed_operation(self) -> Column | None:
        """The column of a change log's operations, if no file may lack it."""
        needed = None if self.operation_optional else self.operation
        return next((column for column in self.columns if column.name == needed), None)

    @property
    def deleted_key_columns(self) -> tuple[str, ...]:
        """What is kept of a delete: its key, its order, its lineage."""
        return tuple(dict.fromkeys((*self.primary_key, *self.truncate_columns)))

    @property
    def truncated(self) -> str | None:
        """The table of the truncates of a change log; None where there are none."""
        return f"etl.truncates_{self.dataset}" if self.truncates else None

    @property
    def truncate_columns(self) -> tuple[str, ...]:
        """What is kept of a truncate: its order, its lineage."""
        return (*self.ordering, *LINEAGE_COLUMNS)

    @property
    def memories(self) -> dict[str, tuple[str, ...]]:
        """The tables, with their columns, that remember what is no longer in the target."""
        kept = {self.deleted_keys: self.deleted_key_columns, self.truncated: self.truncate_columns}
        return {table: columns for table, columns in kept.items() if table}

    @property
    def versions(self) -> str:
        """The table of all rows that were loaded, out of which a dataset's history is made."""
        return f"etl.versions_{self.dataset}"

    @property
    def history_table(self) -> str:
        """The table that says from when until when each state of a key held."""
        return f"{self.target}_history"

    @property
    def of_files(self) -> tuple[str, ...]:
        """The tables whose rows go with the file that brought them."""
        return (self.target, *self.memories, *([self.versions] if self.history else []))

    def as_versions(self) -> Contract:
        """The table of the versions as a contract has tables: any row fits, JSON is text as it was loaded."""
        kept = (replace(column, required=False) for column in self._of_states())
        return self._beside("etl", f"versions_{self.dataset}", kept)

    def as_history(self) -> Contract:
        """The table of the history as a contract has tables."""
        time = next(column for column in self.columns if column.name == self.ordering[0])
        begins, ends, current = VALIDITY
        validity = (
            replace(time, name=begins),
            replace(time, name=ends, required=False),
            Column(current, "", Kind.BOOLEAN, "BOOLEAN", required=True),
        )
        return self._beside(self.schema, f"{self.table}_history", (*self._of_states(), *validity))

    def _of_states(self) -> tuple[Column, ...]:
        """The columns of a state: when a row was marked as deleted is the table's matter."""
        return tuple(column for column in self.columns if column.name != self.deleted_at)

    def _beside(self, schema: str, table: str, columns: Iterable[Column]) -> Contract:
        plain: dict[str, Any] = {"operation": None, "deleted_at": None, "truncates": (), "history": False}
        return replace(self, schema=schema, table=table, columns=tuple(columns), primary_key=(), ordering=(), **plain)

    def is_filled(self, column: Column) -> bool:
        """Whether every good row has a value in the column: one that truncates may lack the key."""
        return column.required and not (self.truncates and column.name in self.primary_key)

    @property
    def named_columns(self) -> tuple[Column, ...]:
        """The columns that the contract names: all but the one for unknown fields."""
        return tuple(column for column in self.columns if not column.unknown)

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """The named columns whose values stand in the rows of a file, and not in its key."""
        return tuple(column for column in self.named_columns if not column.origin)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns whose values stand in a file's key."""
        return tuple(column for column in self.columns if column.origin)

    @property
    def names(self) -> tuple[str, ...]:
        """What the contract names in the warehouse: an error's text may name it too."""
        return (self.dataset, self.schema, self.table, *(column.name for column in self.columns))

    def to_json(self) -> dict[str, Any]:
        """The contract as plain JSON values; of how columns are written only what is not as usual."""
        value = asdict(self)
        for column in value["columns"]:
            said = {name: each for name, each in column.pop("writing").items() if each != getattr(USUAL, name)}
            column.update({"writing": said} if said else {})
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`. Raises TypeError for a field that this version does not know."""
        columns = tuple(_column(item) for item in value["columns"])
        file_format = FileFormat(**_tuples(FileFormat, value["format"]))
        rules = tuple(RowRule(item["name"], item["text"], _frozen(item["tree"])) for item in value.get("rules", ()))
        checks = tuple(Check(**item | {"metric": Metric(item["metric"])}) for item in value.get("checks", ()))
        views = tuple(View(**_tuples(View, item)) for item in value.get("views", ()))
        sources = tuple(map(_source, value.get("sources", ())))
        support = tuple(Support(**item) for item in value.get("support", ()))
        expected = tuple(Expectation(**_tuples(Expectation, item)) for item in value.get("expected", ()))
        rest = _tuples(cls, {k: v for k, v in value.items() if k not in NESTED})
        return cls(
            columns=columns, format=file_format, rules=rules, checks=checks, views=views, sources=sources,
            support=support, expected=expected, **rest
        )  # fmt: skip


def _column(value: dict[str, Any]) -> Column:
    writing = Writing(**_tuples(Writing, value.get("writing", {})))
    return Column(**_tuples(Column, value | {"kind": Kind(value["kind"]), "writing": writing}))


def _source(value: dict[str, Any]) -> Source:
    kinds = {"protocol": Protocol, "complete": Complete, "after": After, "checksum": Checksum, "tls": Tls}
    return Source(**_tuples(Source, value | {name: kind(value[name]) for name, kind in kinds.items()}))


def _frozen(tree: Any) -> Any:
    return tuple(map(_frozen, tree)) if isinstance(tree, list | tuple) else tree


def _tuples(cls: type, value: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only; the dataclasses hold tuples."""
    wants_tuple = {f.name for f in fields(cls) if str(f.type).startswith("tuple")}
    return {k: tuple(v) if k in wants_tuple and v is not None else v for k, v in value.items()}
