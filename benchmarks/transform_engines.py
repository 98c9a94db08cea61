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

from benchmarks.transform_data import CONTRACT, JSON_CONTRACT, KINDS, NAMES, SCHEMA
from headrace.domain.contract import Contract
from headrace.transform import FileTransform, PartWriter, QuarantineWriter
from headrace.transform.parts import ROW_GROUP, ZSTD_LEVEL

BATCH = 65_536
BLOCK_BYTES = 4 << 20
GOOD = SCHEMA.append(pa.field("_row_number", pa.int64(), nullable=False))
BAD = pa.schema([("row_number", pa.int64()), ("raw", pa.binary()), ("column", pa.string())])
OLDEST = datetime(2020, 1, 1)  # noqa: DTZ001 - times in UTC, without a zone
WORKER = re.compile(r"w-[0-9]{4}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
INTEGER = re.compile(r"-?[0-9]{1,19}")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SETTINGS = {
    "compression": "zstd",
    "compression_level": ZSTD_LEVEL,
    "use_dictionary": ["kind", "worker"],
    "write_statistics": True,
    "store_schema": False,
}


class Wrong(Exception):  # noqa: N818 - a signal, as in the code that it stands for
    """A value of `column` is not allowed."""


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
    types = {field.name: field.type for field in SCHEMA} | {"at": pa.timestamp("us", tz="UTC")}
    convert = arrow_csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
    )
    read = arrow_csv.ReadOptions(use_threads=False, block_size=4 << 20)
    batches = arrow_csv.open_csv(source, read, convert_options=convert)
    with pq.ParquetWriter(folder / "good.parquet", batches.schema, **SETTINGS) as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            waiting.append(batch)
            if sum(map(len, waiting)) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=ROW_GROUP)
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting), row_group_size=ROW_GROUP)


class _Rows(NamedTuple):
    good: list[tuple[Any, ...]]
    bad: list[tuple[int, bytes, str | None]]


def plain_csv(source: Path, folder: Path) -> None:
    """Python's csv module, strict, a line at a time: quoted line ends are not supported in this form."""
    with source.open("rb") as lines:
        next(lines)
        _write(_decided(lines, _csv_row), folder)


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
                good.write_table(pa.concat_tables(waiting), row_group_size=ROW_GROUP)
                waiting = []
            bad.write_table(_table(rows.bad, BAD))
        if waiting:
            good.write_table(pa.concat_tables(waiting), row_group_size=ROW_GROUP)


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _csv_row(line: bytes) -> tuple[Any, ...]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise Wrong(_undecodable(line)) from None
    try:
        fields = next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise Wrong(None) from None
    if len(fields) != len(NAMES):
        raise Wrong(None)
    event_id, kind, at, worker, duration, score, payload = fields
    return (
        _id(event_id),
        _kind(kind),
        _moment(at),
        _worker(worker or None),
        _duration(int(duration) if _is(INTEGER, duration, "duration_ms") else None),
        _score(float(score) if _is(NUMBER, score, "score") else None),
        _payload(payload),
    )


def _undecodable(line: bytes) -> str | None:
    """The column that holds the bad byte. csv reads text only, so the line is read again with stand-ins."""
    try:
        fields = next(csv.reader([line.decode("utf-8", "surrogateescape")], strict=True))
    except csv.Error:
        return None
    return next((name for name, field in zip(NAMES, fields, strict=False) if not field.isprintable()), None)


def _is(pattern: re.Pattern[str], text: str, column: str) -> bool:
    if text and not pattern.fullmatch(text):
        raise Wrong(column)
    return bool(text)


def _id(text: str) -> str:
    if not text or len(text.encode()) > 64:
        raise Wrong("event_id")
    return text


def _kind(text: str) -> str:
    if text not in KINDS:
        raise Wrong("kind")
    return text


def _moment(text: str) -> datetime:
    if not MOMENT.fullmatch(text):
        raise Wrong("at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong("at") from None
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if moment < OLDEST:
        raise Wrong("at")
    return moment


def _worker(text: str | None) -> str | None:
    if text is not None and not WORKER.fullmatch(text):
        raise Wrong("worker")
    return text


def _duration(value: int | None) -> int | None:
    if value is not None and not 0 <= value < 1 << 63:
        raise Wrong("duration_ms")
    return value


def _score(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise Wrong("score")
    return value


def _payload(text: str) -> str | None:
    if not text:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Wrong("payload") from None
    return text


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
