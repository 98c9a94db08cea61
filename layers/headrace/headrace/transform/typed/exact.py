"""What a typed column of a file gives a column of the contract: the values that fit exactly, and where others are.

The others are left to the reader of documents, which says why, or rounds and cuts where the contract says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from headrace.domain.contract import Column, FileFormat, Kind
from headrace.transform.delimited.plain_values import in_utc, plain_reader
from headrace.transform.delimited.time_columns import WITHOUT_ZONE, is_zoned
from headrace.transform.schema import arrow_type
from headrace.transform.typed.json_lines import (
    clock_texts,
    is_clock,
    is_number,
    is_text,
    json_texts,
    number_texts,
)
from headrace.transform.values.meaning import meanings, nulls_of
from headrace.transform.values.numbers import is_rewritten
from headrace.transform.values.times import has_epochs

Taken = tuple[pa.Array, pa.Array]
"""Values, and a mask of those that are doubtful and null here. Both are as long as what they were taken from."""
Take = Callable[[pa.Array], Taken]
FEW = 64
"""So many values are left to the reader of documents together, if one of them does not fit."""
ANY_INTEGER = pa.decimal128(38, 0)
NO_TEXT = pa.scalar(None, pa.string())
FIRST_DAY, LAST_DAY = pa.scalar(date.min), pa.scalar(date.max)
FIRST_TIME, LAST_TIME = (pa.scalar(text).cast(WITHOUT_ZONE) for text in ("0001-01-01", "9999-12-31T23:59:59.999999"))


def take_of(column: Column, kind: pa.DataType, file_format: FileFormat) -> Take | None:
    """How a column takes values of a type, as `plain` leaves them; None for a type of which it takes none."""
    if kinds.is_null(kind):
        return lambda array: (pa.nulls(len(array), arrow_type(column)), _none(array))
    if is_text(kind) and column.kind is not Kind.SUPER:
        return _of_texts(column, file_format)
    return TAKES[column.kind](column, kind)


def utf8(array: pa.Array) -> Taken:
    """Bytes as texts, and which are none."""
    try:
        return array.cast(pa.string()), _none(array)
    except pa.ArrowInvalid:
        texts = [None if raw is None or not _is_utf8(raw) else raw.decode() for raw in array.to_pylist()]
        made = pa.array(texts, pa.string())
        return made, pc.and_(pc.is_valid(array), pc.is_null(made))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _none(array: pa.Array) -> pa.Array:
    return pa.repeat(pa.scalar(value=False), len(array))


def fitting(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values as another type, null where one does not fit exactly, or stands beside one."""
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        if len(array) <= FEW:
            return pa.nulls(len(array), kind)
        middle = len(array) // 2
        return pa.concat_arrays([fitting(array[:middle], kind), fitting(array[middle:], kind)])


def _where_lost(array: pa.Array, values: pa.Array) -> pa.Array:
    """Which values are there no more."""
    if array.null_count == values.null_count:
        return _none(array)
    return pc.and_(pc.is_valid(array), pc.is_null(values))


def _within(values: pa.Array, first: pa.Scalar, last: pa.Scalar) -> pa.Array:
    """The values between these, the others null."""
    if not len(values) or values.null_count == len(values):
        return values
    ends = pc.min_max(values)
    if pc.greater_equal(ends["min"], first).as_py() and pc.less_equal(ends["max"], last).as_py():
        return values
    inside = pc.and_(pc.greater_equal(values, first), pc.less_equal(values, last))
    return pc.if_else(inside, values, pa.scalar(None, values.type))


def _casting(convert: Callable[[pa.Array], pa.Array]) -> Take:
    def take(array: pa.Array) -> Taken:
        values = convert(array)
        return values, _where_lost(array, values)

    return take


def _of_texts(column: Column, file_format: FileFormat) -> Take | None:
    """Texts are taken as JSON's are: for what they say only by columns that are said to be written so."""
    if column.kind is Kind.STRING:
        return lambda array: _texts(array, column, file_format)
    said = column.writing.loose or is_rewritten(column) or bool(column.writing.true)
    if column.kind not in {Kind.DECIMAL, Kind.DATE, Kind.TIMESTAMP} and not said:
        return None

    def take(array: pa.Array) -> Taken:
        texts, undecodable = _texts(array, column, file_format)
        values = _read(texts, column)
        return values, pc.or_(undecodable, _where_lost(texts, values))

    return take


def _texts(array: pa.Array, column: Column, file_format: FileFormat) -> Taken:
    """The texts that there are, without words for nothing; one with a NUL is doubtful."""
    texts, doubtful = utf8(array)
    nulls = nulls_of(column, file_format)
    if nulls:
        texts = pc.if_else(pc.is_in(texts, pa.array(nulls, pa.string())), NO_TEXT, texts)
    texts = meanings(texts, column, nulls)
    has_nul = pc.fill_null(pc.match_substring(texts, "\0"), pa.scalar(value=False))
    return texts, pc.or_(doubtful, has_nul) if pc.any(has_nul).as_py() else doubtful


def _read(texts: pa.Array, column: Column) -> pa.Array:
    """What texts say, null where that is not plain."""
    filled = texts.drop_null()
    zoned = is_zoned(column, filled[0].as_py().encode() if len(filled) else b"")
    return plain_reader(column, zoned=zoned)(texts)


def _string(column: Column, kind: pa.DataType) -> Take | None:
    if is_clock(kind):
        return _casting(clock_texts)
    if column.writing.loose and is_number(kind):
        return _casting(_finite_texts)
    if column.writing.loose and kinds.is_boolean(kind):
        return _casting(lambda array: array.cast(pa.string()))
    return None


def _finite_texts(array: pa.Array) -> pa.Array:
    """Numbers as texts, null for NaN and Infinity, which no document has."""
    texts = number_texts(array)
    if not kinds.is_floating(array.type) or pc.all(finite := pc.is_finite(array)).as_py() is not False:
        return texts
    return pc.if_else(finite, texts, NO_TEXT)


def _integer(column: Column, kind: pa.DataType) -> Take | None:
    return _casting(lambda array: fitting(array, arrow_type(column))) if is_number(kind) else None


def _float(column: Column, kind: pa.DataType) -> Take | None:
    """Decimals go through their texts, so that the nearest double is found."""
    if not is_number(kind):
        return None

    def convert(array: pa.Array) -> pa.Array:
        exact = array.cast(pa.string()) if kinds.is_decimal(kind) else array
        values = fitting(exact, arrow_type(column))
        finite = pc.is_finite(values)
        return (
            values if pc.all(finite).as_py() is not False else pc.if_else(finite, values, pa.scalar(None, values.type))
        )

    return _casting(convert)


def _decimal(column: Column, kind: pa.DataType) -> Take | None:
    """Floats go through the shortest texts that mean them, integers through decimals that hold any of them.

    Arrow casts no integers to decimals that might be too short for them, even where none is.
    """
    if not is_number(kind):
        return None
    through = pa.string() if kinds.is_floating(kind) else ANY_INTEGER if kinds.is_integer(kind) else kind
    return _casting(lambda array: fitting(array.cast(through), arrow_type(column)))


def _boolean(_: Column, kind: pa.DataType) -> Take | None:
    return _casting(lambda array: array) if kinds.is_boolean(kind) else None


def _date(column: Column, kind: pa.DataType) -> Take | None:
    """A point in time is a date at midnight."""
    if kinds.is_timestamp(kind):
        return _casting(lambda array: _within(_days(array), FIRST_DAY, LAST_DAY))
    if kinds.is_date(kind):
        return _casting(lambda array: _within(array.cast(pa.date32()), FIRST_DAY, LAST_DAY))
    return _numbers_since(column, kind)


def _days(array: pa.Array) -> pa.Array:
    times = (
        array.cast(pa.timestamp(array.type.unit, "UTC")).cast(pa.timestamp(array.type.unit)) if array.type.tz else array
    )
    days = times.cast(pa.date32(), safe=False)
    midnight = pc.equal(days.cast(pa.timestamp("s")).cast(pa.int64()), _seconds(times))
    return pc.if_else(midnight, days, pa.scalar(None, pa.date32()))


def _seconds(times: pa.Array) -> pa.Array:
    """Whole seconds since 1970, null for others."""
    units = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[times.type.unit]
    counts = times.cast(pa.int64())
    seconds = pc.divide(counts, units)
    return pc.if_else(pc.equal(pc.multiply(seconds, units), counts), seconds, pa.scalar(None, pa.int64()))


def _timestamp(column: Column, kind: pa.DataType) -> Take | None:
    """Those without a zone are of the column's; a date is its midnight."""
    if not (kinds.is_timestamp(kind) or kinds.is_date(kind)):
        return _numbers_since(column, kind)
    is_local = bool(column.writing.zone) and not (kinds.is_timestamp(kind) and kind.tz)

    def convert(array: pa.Array) -> pa.Array:
        times = array.cast(pa.date32()).cast(pa.timestamp("s")) if kinds.is_date(kind) else array
        in_micros = fitting(times, pa.timestamp("us", times.type.tz)).cast(WITHOUT_ZONE)
        known = _within(in_micros, FIRST_TIME, LAST_TIME)
        return in_utc(known, column.writing) if is_local else known

    return _casting(convert)


def _numbers_since(column: Column, kind: pa.DataType) -> Take | None:
    """Numbers since 1970, where the contract says that times are written so."""
    if not (has_epochs(column) and is_number(kind)):
        return None
    return _casting(lambda array: _read(number_texts(array), column))


def _super(_: Column, kind: pa.DataType) -> Take | None:
    """Anything that has a form in JSON. A text is the JSON that it holds."""

    def take(array: pa.Array) -> Taken:
        return utf8(array if is_text(kind) else json_texts(array))

    return take


TAKES: dict[Kind, Callable[[Column, pa.DataType], Take | None]] = {
    Kind.STRING: _string,
    Kind.INTEGER: _integer,
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _timestamp,
    Kind.SUPER: _super,
}
