"""The engines that the transform is compared with. Each does the whole job: typed Parquet and an account of bad rows.

An engine writes `good.parquet` (the columns of the data, then `_row_number`) and `bad.parquet` (row_number, raw,
column) into a folder. The floor does less: it knows no bad rows and checks nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from benchmarks.transform.data import CONTRACT, JSON_CONTRACT, KINDS, NAMES, SCHEMA
from headrace.domain.contract import LINEAGE_COLUMNS, Contract
from headrace.transform import BadRow, FileTransform, PartWriter, QuarantineWriter, RowError
from headrace.transform.output.parts import COMPRESSION, ROW_GROUP
from headrace.transform.schema import one_text

BATCH = 65_536
BLOCK_BYTES = 6 << 20
GOOD = SCHEMA.append(pa.field("_row_number", pa.int64(), nullable=False))
BAD = pa.schema([("row_number", pa.int64()), ("raw", pa.binary()), ("column", pa.string())])
OLDEST = datetime(2020, 1, 1)  # noqa: DTZ001 - times in UTC, without a zone
WORKER = re.compile(r"w-[0-9]{4}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
INTEGER = re.compile(r"-?[0-9]+")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SETTINGS: dict[str, Any] = {
    "compression": COMPRESSION,
    "use_dictionary": ["kind", "worker"],
    "write_statistics": True,
    "store_schema": False,
}


class Wrong(Exception):  # noqa: N818 - a signal, as in the code that it stands for
    """A value is not allowed: its column, the rule that it breaks, and why."""


Told = Callable[[bytes, Wrong], tuple[RowError, ...]]
"""What is reported of a bad line, and of its first fault."""


def headrace_csv(source: Path, folder: Path, block_bytes: int = BLOCK_BYTES) -> None:
    """The transform, as the pipeline runs it."""
    _headrace(CONTRACT, source, folder, block_bytes)


def headrace_json(source: Path, folder: Path, block_bytes: int = BLOCK_BYTES) -> None:
    """The transform on JSON Lines."""
    _headrace(JSON_CONTRACT, source, folder, block_bytes)


def _headrace(contract: Contract, source: Path, folder: Path, block_bytes: int) -> None:
    good = PartWriter(folder / "good.parquet", contract)
    bad = QuarantineWriter(folder / "bad.parquet", contract, batch_id="events-1")
    with source.open("rb") as stream:
        blocks = FileTransform(
            contract, stream, name=source.name, file_id="f" * 24, batch_id="events-1", block_bytes=block_bytes
        )
        for block in blocks:
            good.write(block.good)
            bad.write(block.bad, file_id="f" * 24, key=source.name)
    good.close()
    bad.close()


def floor(source: Path, folder: Path) -> None:
    """What cannot be saved: Arrow's typed parse of a clean file, and writing Parquet with the same settings."""
    _floor(source, folder, lambda table, _: table)


def floor_with_lineage(source: Path, folder: Path) -> None:
    """The floor, with the three columns of lineage that every row of the warehouse has: so all that must be written."""
    _floor(source, folder, _with_lineage)


def _with_lineage(table: pa.Table, before: int) -> pa.Table:
    rows = len(table)
    lineage = [one_text("f" * 24, rows), pa.arange(before + 1, before + rows + 1), one_text("events-1", rows)]
    for name, column in zip(LINEAGE_COLUMNS, lineage, strict=True):
        table = table.append_column(pa.field(name, column.type, nullable=False), column)
    return table


def _floor(source: Path, folder: Path, added: Callable[[pa.Table, int], pa.Table]) -> None:
    types = {field.name: field.type for field in SCHEMA} | {"at": pa.timestamp("us", tz="UTC")}
    convert = arrow_csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
    )
    read = arrow_csv.ReadOptions(use_threads=False, block_size=4 << 20)
    batches = arrow_csv.open_csv(source, read, convert_options=convert)
    schema = added(batches.schema.empty_table(), 0).schema
    settings = SETTINGS | {"use_dictionary": [*SETTINGS["use_dictionary"], "_file_id", "_batch_id"]}
    with pq.ParquetWriter(folder / "good.parquet", schema, **settings) as writer:
        before = 0
        for table in _row_groups(pa.Table.from_batches([batch]) for batch in batches):
            writer.write_table(added(table, before))
            before += len(table)


class _Rows(NamedTuple):
    good: list[tuple[Any, ...]]
    bad: list[tuple[int, bytes, str | None]]


def plain_csv(source: Path, folder: Path) -> None:
    """Python's csv module, strict, a line at a time, with the same account of bad rows as the transform's.

    Quoted line ends are not supported in this form.
    """
    _plain_csv(source, folder, lambda line, _: _account(line))


def plain_csv_briefly(source: Path, folder: Path) -> None:
    """The same, but only the first fault of a row is reported."""
    _plain_csv(source, folder, lambda _, wrong: (RowError(*wrong.args),))


def _plain_csv(source: Path, folder: Path, told: Told) -> None:
    account = QuarantineWriter(folder / "bad.parquet", CONTRACT, batch_id="events-1")
    with source.open("rb") as lines, pq.ParquetWriter(folder / "good.parquet", GOOD, **SETTINGS) as good:
        next(lines)
        for table in _row_groups(_accounted(lines, account, source.name, told)):
            good.write_table(table)
    account.close()


def _accounted(lines: Iterable[bytes], account: QuarantineWriter, key: str, told: Told) -> Iterator[pa.Table]:
    good: list[tuple[Any, ...]] = []
    bad: list[BadRow] = []
    for number, ended in enumerate(lines, start=1):
        line = ended.rstrip(b"\r\n")
        try:
            good.append((*_csv_row(line), number))
        except Wrong as wrong:
            bad.append(BadRow(number, line, told(line, wrong)))
        if number % BATCH == 0:
            account.write(bad, file_id="f" * 24, key=key)
            yield _table(good, GOOD)
            good, bad = [], []
    account.write(bad, file_id="f" * 24, key=key)
    yield _table(good, GOOD)


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def plain_json(source: Path, folder: Path) -> None:
    """A line at a time by orjson, every value checked in Python."""
    with source.open("rb") as lines:
        _write(_decided(lines, _json_row), folder)


def _decided(lines: Iterable[bytes], read: Callable[[bytes], tuple[Any, ...]]) -> Iterator[_Rows]:
    rows = _Rows([], [])
    for number, ended in enumerate(lines, start=1):
        line = ended.rstrip(b"\r\n")
        try:
            rows.good.append((*read(line), number))
        except Wrong as wrong:
            rows.bad.append((number, line, wrong.args[0]))
        if number % BATCH == 0:
            yield rows
            rows = _Rows([], [])
    yield rows


def _write(batches: Iterable[_Rows], folder: Path) -> None:
    with (
        pq.ParquetWriter(folder / "good.parquet", GOOD, **SETTINGS) as good,
        pq.ParquetWriter(folder / "bad.parquet", BAD, compression="zstd") as bad,
    ):
        waiting: list[pa.Table] = []
        for rows in batches:
            waiting.append(_table(rows.good, GOOD))
            if sum(map(len, waiting)) >= ROW_GROUP:
                good.write_table(pa.concat_tables(waiting))
                waiting = []
            bad.write_table(_table(rows.bad, BAD))
        if waiting:
            good.write_table(pa.concat_tables(waiting))


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _csv_row(line: bytes) -> tuple[Any, ...]:
    """The values of a good row. Raises Wrong at the first fault."""
    event_id, kind, at, worker, duration, score, payload = _csv_fields(line)
    return (
        _id(event_id),
        _kind(kind),
        _moment(at),
        _worker(worker),
        _duration_text(duration),
        _score_text(score),
        _payload(payload),
    )


def _csv_fields(line: bytes) -> list[str]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise Wrong(_undecodable(line), "encoding", "it holds bytes that are not UTF-8") from None
    try:
        fields = next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration) as error:
        raise Wrong(None, "quoting", str(error)) from None
    if len(fields) != len(NAMES):
        raise Wrong(None, "fieldCount", f"it has {len(fields)} fields, the header has {len(NAMES)}")
    return fields


def _account(line: bytes) -> tuple[RowError, ...]:
    """Every fault of a bad row."""
    try:
        fields = _csv_fields(line)
    except Wrong as wrong:
        return (RowError(*wrong.args),)
    errors: list[RowError] = []
    for read, field in zip(READERS, fields, strict=True):
        try:
            read(field)
        except Wrong as wrong:
            errors.append(RowError(*wrong.args))
    return tuple(errors)


def _undecodable(line: bytes) -> str | None:
    """The column that holds the bad byte. csv reads text only, so the line is read again with stand-ins."""
    try:
        fields = next(csv.reader([line.decode("utf-8", "surrogateescape")], strict=True))
    except csv.Error:
        return None
    return next((name for name, field in zip(NAMES, fields, strict=False) if not field.isprintable()), None)


def _is(pattern: re.Pattern[str], text: str, column: str, noun: str) -> bool:
    if text and not pattern.fullmatch(text):
        raise Wrong(column, "logicalType", f"{text!r} is not {noun}")
    return bool(text)


def _id(text: str) -> str:
    if not text:
        raise Wrong("event_id", "required", "it has no value")
    if len(text.encode()) > 64:
        raise Wrong("event_id", "physicalType", f"it takes {len(text.encode())} bytes, VARCHAR(64) holds 64")
    return text


def _kind(text: str) -> str:
    if not text:
        raise Wrong("kind", "required", "it has no value")
    if text not in KINDS:
        raise Wrong("kind", "enum", f"{text!r} is not one of {', '.join(KINDS)}")
    return text


def _moment(text: str) -> datetime:
    if not MOMENT.fullmatch(text):
        raise Wrong("at", "logicalType", f"{text!r} is not a timestamp")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Wrong("at", "logicalType", f"{text!r} is not a timestamp: {error}") from None
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if moment < OLDEST:
        raise Wrong("at", "minimum", f"{text!r} is less than the minimum {OLDEST}")
    return moment


def _worker(text: str | None) -> str | None:
    if text and not WORKER.fullmatch(text):
        raise Wrong("worker", "pattern", f"{text!r} does not match {WORKER.pattern}")
    return text or None


def _duration_text(text: str) -> int | None:
    return _duration(int(text) if _is(INTEGER, text, "duration_ms", "an integer") else None)


def _duration(value: int | None) -> int | None:
    if value is not None and not 0 <= value < 1 << 63:
        rule = "minimum" if value < 0 else "physicalType"
        raise Wrong("duration_ms", rule, f"{value} is not from 0 to {(1 << 63) - 1}")
    return value


def _score_text(text: str) -> float | None:
    return _score(float(text) if _is(NUMBER, text, "score", "a number") else None)


def _score(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise Wrong("score", "minimum" if value < 0 else "maximum", f"{value} is not from 0 to 1")
    return value


def _payload(text: str) -> str | None:
    if not text:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Wrong("payload", "logicalType", f"{text!r} is not JSON: {error}") from None
    return text


READERS: tuple[Callable[[str], Any], ...] = (_id, _kind, _moment, _worker, _duration_text, _score_text, _payload)


def _json_row(line: bytes) -> tuple[Any, ...]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Wrong(None) from None
    if type(row) is not dict:
        raise Wrong(None)
    get = row.get
    return (
        _id(_typed(get("event_id"), str, "event_id") or ""),
        _kind(_typed(get("kind"), str, "kind") or ""),
        _moment(_typed(get("at"), str, "at") or ""),
        _worker(_typed(get("worker"), str, "worker")),
        _duration(_typed(get("duration_ms"), int, "duration_ms")),
        _score(_typed(get("score"), float, "score")),
        None if get("payload") is None else orjson.dumps(get("payload")).decode(),
    )


def _typed(value: Any, wanted: type, column: str) -> Any:
    if value is not None and type(value) is not wanted:
        raise Wrong(column)
    return value
