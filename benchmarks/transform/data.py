"""A file of events to measure and check the transform with, and the truth about every row of it.

A row is a function of the seed and its number, so nothing needs to be stored: what row 4,711 must become, and whether
it is bad and why, is computed again where it is asked for. The row's number is part of its id, so a row is recognised
even where an engine numbers rows wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Contract, FileFormat, Kind

NAMES = ("event_id", "kind", "at", "worker", "duration_ms", "score", "payload")
KINDS = ("created", "assigned", "started", "paused", "resumed", "completed", "failed")
TOOLS = ("scanner", "press", "lathe", "packer", "café robot")
FIRST_MOMENT = datetime(2026, 3, 2, 6, 0)  # noqa: DTZ001 - the file's times are UTC and say so
MILLISECONDS_APART = 40
CHUNK = 1 << 16
BAD_AT = 37
"""Of every `bad_every` rows the one with this remainder is bad."""
SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us"), nullable=False),
        ("worker", pa.string()),
        ("duration_ms", pa.int64()),
        ("score", pa.float64()),
        ("payload", pa.string()),
    ]
)

CONTRACT = Contract(
    "events",
    "1.0.0",
    "1",
    "events/",
    FileFormat(),
    "public",
    "events",
    (
        Column("event_id", "event_id", Kind.STRING, "VARCHAR(64)", required=True, max_bytes=64, min_length=1),
        Column("kind", "kind", Kind.STRING, "VARCHAR(16)", required=True, max_bytes=16, enum=KINDS),
        Column("at", "at", Kind.TIMESTAMP, "TIMESTAMP", required=True, minimum="2020-01-01T00:00:00Z"),
        Column("worker", "worker", Kind.STRING, "VARCHAR(32)", max_bytes=32, pattern="^w-[0-9]{4}$"),
        Column("duration_ms", "duration_ms", Kind.INTEGER, "BIGINT", minimum="0"),
        Column("score", "score", Kind.FLOAT, "DOUBLE PRECISION", minimum="0", maximum="1"),
        Column("payload", "payload", Kind.SUPER, "SUPER"),
    ),
)
JSON_CONTRACT = replace(CONTRACT, format=FileFormat(kind="json", null_tokens=()))

Fields = list[bytes]


class Fault(NamedTuple):
    """One way to be bad: the column at fault, None for the whole row, the rule it breaks, and how it is done."""

    column: str | None
    rule: str
    spoil: Callable[[Fields], Fields]


def _put(column: str, value: bytes) -> Callable[[Fields], Fields]:
    place = NAMES.index(column)
    return lambda fields: [*fields[:place], value, *fields[place + 1 :]]


FAULTS = (
    Fault("event_id", "required", _put("event_id", b"")),
    Fault("kind", "enum", _put("kind", b"exploded")),
    Fault("kind", "required", _put("kind", b"")),
    Fault("at", "logicalType", _put("at", b"yesterday")),
    Fault("at", "logicalType", _put("at", b"2026-02-30T10:00:00Z")),
    Fault("at", "minimum", _put("at", b"1970-01-01T00:00:00Z")),
    Fault("worker", "pattern", _put("worker", b"worker 7")),
    Fault("duration_ms", "logicalType", _put("duration_ms", b"twelve")),
    Fault("duration_ms", "logicalType", _put("duration_ms", b"12.5")),
    Fault("duration_ms", "minimum", _put("duration_ms", b"-40")),
    Fault("duration_ms", "physicalType", _put("duration_ms", b"99999999999999999999")),
    Fault("score", "logicalType", _put("score", b"0;5")),
    Fault("score", "maximum", _put("score", b"1.7")),
    Fault("payload", "logicalType", _put("payload", b'"{""tool"":"')),
    Fault("payload", "encoding", _put("payload", b'"{""tool"": ""caf\xe9""}"')),
    Fault(None, "fieldCount", lambda fields: fields[:-1]),
    Fault(None, "fieldCount", lambda fields: [*fields, b"surplus"]),
    Fault(None, "fieldCount", lambda fields: fields[:2]),
    Fault(None, "quoting", lambda fields: [b'"' + fields[0] + b'"x', *fields[1:]]),
    Fault(None, "quoting", lambda fields: [b'"' + fields[0], *fields[1:-1], b""]),
)


@dataclass(frozen=True, slots=True)
class Events:
    """A file of `rows` events. Every `bad_every`-th is bad, in turn in each way there is; 0 means none is."""

    rows: int
    seed: int = 1
    bad_every: int = 100

    @property
    def bad_rows(self) -> int:
        """How many rows are bad."""
        return len(range(self._first_bad, self.rows + 1, self.bad_every)) if self.bad_every else 0

    @property
    def _first_bad(self) -> int:
        return BAD_AT % self.bad_every or self.bad_every

    def write_csv(self, path: Path) -> Path:
        """Writes the file with a header and LF line ends."""
        with path.open("wb") as file:
            file.write(",".join(NAMES).encode() + b"\n")
            for lines in self._chunks():
                file.write(_text(lines))
        return path

    def write_json_lines(self, path: Path) -> Path:
        """Writes the same good rows as JSON Lines; the bad ones are cut in the middle."""
        with path.open("wb") as file:
            for numbers in self._numbers():
                lines = _json_lines(self.values(numbers))
                file.write(_text(pc.if_else(self.is_bad(numbers), _halved(lines), lines)))
        return path

    def values(self, numbers: pa.Array, *, kind: str = "csv") -> pa.Table:
        """What rows with these numbers (from 1) hold where they are good. JSON is kept without its blanks."""
        draw = [_scattered(numbers, self.seed * 16 + stream) for stream in range(6)]
        milliseconds = pc.add(pc.multiply(numbers, MILLISECONDS_APART), _below(draw[0], MILLISECONDS_APART))
        start = pa.scalar(FIRST_MOMENT, pa.timestamp("ms"))
        moments = pc.add(start, milliseconds.cast(pa.duration("ms"))).cast(pa.timestamp("us"))
        worker = pc.binary_join_element_wise("w-", _digits(_below(draw[1], 400), 4), "")
        columns = [
            event_ids(numbers),
            pa.array(KINDS).take(_below(draw[2], len(KINDS))),
            moments,
            _sometimes_null(worker, draw[1], 12),
            _sometimes_null(_below(draw[3], 90_000), draw[4], 9),
            pc.divide(_below(draw[4], 10_000).cast(pa.float64()), 10_000.0),
            _sometimes_null(_payload(draw[5], "" if kind == "jsonl" else " "), draw[5], 5),
        ]
        return pa.table(columns, schema=SCHEMA)

    def is_bad(self, numbers: pa.Array) -> pa.Array:
        """A mask over row numbers."""
        if not self.bad_every:
            return pa.repeat(pa.scalar(value=False), len(numbers))
        return pc.equal(_remainder(numbers, self.bad_every), BAD_AT % self.bad_every)

    def fault(self, number: int) -> Fault:
        """What is wrong with a bad row."""
        return FAULTS[number // self.bad_every % len(FAULTS)]

    def bad_lines(self, kind: str = "csv") -> Iterator[tuple[int, bytes, str | None]]:
        """The number, the bytes, and the column at fault of every bad row of the file of that kind."""
        if self.bad_every:
            bad = range(self._first_bad, self.rows + 1, self.bad_every)
            for start in range(0, len(bad), CHUNK):
                numbers = bad[start : start + CHUNK]
                values = self.values(pa.array(numbers, pa.int64()))
                if kind == "jsonl":
                    yield from (
                        (n, line, None)
                        for n, line in zip(numbers, _halved(_json_lines(values)).to_pylist(), strict=True)
                    )
                    continue
                for number, line in zip(numbers, _csv_lines(values).to_pylist(), strict=True):
                    fault = self.fault(number)
                    yield number, b",".join(fault.spoil(line.split(b",", len(NAMES) - 1))), fault.column

    def _chunks(self) -> Iterator[pa.Array]:
        bad_lines = self.bad_lines()
        for numbers in self._numbers():
            bad = self.is_bad(numbers)
            spoilt = [next(bad_lines)[1] for _ in range(pc.sum(bad).as_py() or 0)]
            yield pc.replace_with_mask(_csv_lines(self.values(numbers)), bad, pa.array(spoilt, pa.binary()))

    def _numbers(self) -> Iterator[pa.Array]:
        for start in range(1, self.rows + 1, CHUNK):
            yield pa.arange(start, min(start + CHUNK, self.rows + 1))


def event_ids(numbers: pa.Array) -> pa.Array:
    """The ids of rows by their numbers."""
    return pc.binary_join_element_wise("e-", _digits(numbers, 12), "")


def rows_of_ids(ids: pa.Array) -> pa.Array:
    """The row numbers in ids; null for what is none."""
    known = pc.match_substring_regex(ids, "^e-[0-9]{12}$")
    return pc.if_else(known, pc.utf8_slice_codeunits(ids, 2), pa.scalar(None, pa.string())).cast(pa.int64())


def _scattered(numbers: pa.Array, stream: int) -> pa.Array:
    """A number from 0 to 2^31 for each row: splitmix64, where Arrow's arithmetic wraps around as it must."""
    mixed = pc.multiply(pc.add(numbers.cast(pa.uint64()), _uint(stream << 40)), _uint(0x9E3779B97F4A7C15))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = pc.multiply(pc.bit_wise_xor(mixed, pc.shift_right(mixed, _uint(shift))), _uint(factor))
    return pc.shift_right(mixed, _uint(33)).cast(pa.int64())


def _uint(value: int) -> pa.Scalar:
    return pa.scalar(value, pa.uint64())


def _remainder(numbers: pa.Array, divisor: int) -> pa.Array:
    return pc.subtract(numbers, pc.multiply(pc.divide(numbers, divisor), divisor))


def _below(drawn: pa.Array, limit: int) -> pa.Array:
    return _remainder(drawn, limit)


def _digits(numbers: pa.Array, width: int) -> pa.Array:
    return pc.utf8_lpad(numbers.cast(pa.string()), width, "0")


def _sometimes_null(values: pa.Array, drawn: pa.Array, one_in: int) -> pa.Array:
    return pc.if_else(pc.equal(_remainder(drawn, one_in), 0), pa.scalar(None, values.type), values)


def _payload(drawn: pa.Array, blank: str) -> pa.Array:
    tool = pa.array(TOOLS).take(_below(drawn, len(TOOLS)))
    steps = _below(pc.divide(drawn, 8), 30).cast(pa.string())
    order = _digits(pc.divide(drawn, 4096), 7)
    return pc.binary_join_element_wise(
        f'{{"tool":{blank}{{"name":{blank}"',
        tool,
        f'"}},{blank}"order":{blank}"o-',
        order,
        f'",{blank}"steps":{blank}',
        steps,
        "}",
        "",
    )


def _csv_lines(values: pa.Table) -> pa.Array:
    payload = pc.replace_substring(values["payload"], '"', '""')
    quoted = pc.binary_join_element_wise('"', payload, '"', "")
    texts = [values["event_id"], values["kind"], _iso(values["at"]), values["worker"]]
    texts += [values["duration_ms"].cast(pa.string()), _four_decimals(values["score"]), quoted]
    joined = pc.binary_join_element_wise(*(pc.fill_null(text, "") for text in texts), ",")
    return joined.combine_chunks().cast(pa.binary())


def _json_lines(values: pa.Table) -> pa.Array:
    quoted = [pc.binary_join_element_wise('"', values[name], '"', "") for name in ("event_id", "kind", "worker")]
    texts = [*quoted[:2], pc.binary_join_element_wise('"', _iso(values["at"]), '"', ""), quoted[2]]
    texts += [values["duration_ms"].cast(pa.string()), _four_decimals(values["score"]), values["payload"]]
    members = [
        pc.binary_join_element_wise(f'"{name}":', pc.fill_null(text, "null"), "")
        for name, text in zip(NAMES, texts, strict=True)
    ]
    lines = pc.binary_join_element_wise("{", pc.binary_join_element_wise(*members, ","), "}", "")
    return lines.combine_chunks().cast(pa.binary())


def _iso(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.replace_substring(moments.cast(pa.timestamp("ms")).cast(pa.string()), " ", "T")
    return pc.binary_join_element_wise(text, "Z", "")


def _four_decimals(scores: pa.ChunkedArray) -> pa.ChunkedArray:
    whole = pc.round(pc.multiply(scores, 10_000.0)).cast(pa.int64())
    return pc.binary_join_element_wise("0.", _digits(whole, 4), "")


def _halved(lines: pa.Array) -> pa.Array:
    return pc.binary_slice(lines, 0, 60)


def _text(lines: pa.Array) -> pa.Buffer:
    """The lines with a line feed after each."""
    ended = pc.binary_join_element_wise(lines, b"\n", b"")
    return pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(ended)], pa.int32()), ended), b"")[0].as_buffer()
