"""The texts of a column that are plainly good values, all at once. The others are read one by one, by `text_reader`.

What is written in another than the usual way is rewritten first, by the same tables as single values are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Kind
from headrace.domain.kind import TIMES
from headrace.domain.writing import CUT, HALF_EVEN, HALF_UP, USUAL, Writing
from headrace.transform.delimited.patterns import ISO_CLOCK, ISO_PATTERN_DATE, calendar, is_written, value_pattern
from headrace.transform.delimited.time_columns import IN_UTC, WITHOUT_ZONE, literal, typed_texts
from headrace.transform.schema import arrow_type
from headrace.transform.values.numbers import is_rewritten, number_form
from headrace.transform.values.times import (
    DIGITS,
    EPOCHS,
    ISO,
    LAST_HOUR,
    LIKE,
    MONTH_NUMBERS,
    WEEKDAY_NUMBERS,
    TimeFormat,
    from_zone,
    full_year,
    parse_format,
)
from headrace.transform.values.values import boolean_forms

Read = Callable[[pa.Array], pa.Array]
"""From texts to values; null where a text is not plainly one."""
NO_TEXT = pa.scalar(None, pa.string())
NO_TIME = pa.scalar(None, WITHOUT_ZONE)
TRUE, FALSE, NO_FLAG = pa.scalar(value=True), pa.scalar(value=False), pa.scalar(None, pa.bool_())
MODES = {HALF_UP: "half_towards_infinity", HALF_EVEN: "half_to_even", CUT: "towards_zero"}
WIDE = pa.decimal256(76, 38)
MOST_WHOLE, MOST_DECIMALS = 37, 38
"""Digits of a number before and after its point that `WIDE` holds."""
SECONDS = {"epochSeconds": (1_000_000, 11), "epochMilliseconds": (1000, 14), "epochMicroseconds": (1, 17)}
"""Microseconds of a unit, and how many digits are within the calendar for sure."""
LITERAL = re.compile(r"\\?([^A-Za-z0-9\\^$()\[\]])")
LONGEST = 6
"""Digits of a fraction that the warehouse keeps."""
HOUR = 3_600_000_000
RANGE = (pa.scalar(-62_000_000_000_000_000), pa.scalar(253_000_000_000_000_000))
"""In microseconds since 1970: somewhat less than the years 1 to 9999."""


def plain_reader(column: Column, *, zoned: bool) -> Read:
    """Reads the texts of a column that is neither text nor JSON; `zoned`, its times are written with zones."""
    if column.kind is Kind.BOOLEAN:
        return _flags_reader(column)
    if not is_written(column):
        return _usual_reader(column, zoned=zoned)
    return _times_reader(column, zoned=zoned) if column.kind in TIMES else _numbers_reader(column)


def matching(texts: pa.Array, pattern: str) -> pa.Array:
    """The texts that match, the others null."""
    fits = pc.match_substring_regex(texts, f"^(?:{pattern})$")
    return texts if pc.all(fits).as_py() is not False else pc.if_else(fits, texts, NO_TEXT)


def _flags_reader(column: Column) -> Read:
    """Reads words for true and false: what is neither is no boolean."""
    true, false = (pa.array(forms, pa.string()) for forms in boolean_forms(column))
    return lambda texts: pc.if_else(
        pc.is_in(texts, true), TRUE, pc.if_else(pc.is_in(texts, false), FALSE, NO_FLAG)
    )  # fmt: skip


def _usual_reader(column: Column, *, zoned: bool) -> Read:
    pattern = value_pattern(column, frozenset({column.name} if zoned else ()))

    def read(texts: pa.Array) -> pa.Array:
        known = matching(texts, pattern)
        try:
            return typed_texts(known, column, zoned=zoned)
        except pa.ArrowInvalid:
            return pa.nulls(len(texts), arrow_type(column))

    return read


def _numbers_reader(column: Column) -> Read:
    usual = _usual_reader(replace(column, writing=USUAL), zoned=False)
    form = number_form(column.writing, exponents=column.kind is Kind.FLOAT) if is_rewritten(column) else None
    exact = form is not None and column.kind is not Kind.FLOAT and not column.writing.exponents
    steps = form.steps if form else ()
    if column.kind is Kind.INTEGER and column.writing.rounding:
        steps = (*steps, (r"\.0*$", ""))

    def read(texts: pa.Array) -> pa.Array:
        known = matching(texts, form.fits) if form else texts
        for step in steps:
            known = _replaced(known, step)
        values = _cast(known, column) if exact else None
        values = usual(known) if values is None else values
        if column.kind is Kind.DECIMAL and column.writing.rounding in MODES and values.null_count > known.null_count:
            return pc.coalesce(values, _rounded(known, column))
        return values

    return read


def _cast(texts: pa.Array, column: Column) -> pa.Array | None:
    """Texts of digits as the column's type; None where one does not fit."""
    try:
        return texts.cast(arrow_type(column))
    except pa.ArrowInvalid:
        return None


def _replaced(texts: pa.Array, step: tuple[str, str]) -> pa.Array:
    """The texts after a step; for marks alone, which are quicker to find than an expression."""
    pattern, by = step
    mark = LITERAL.fullmatch(pattern)
    return pc.replace_substring(texts, mark[1], by) if mark else pc.replace_substring_regex(texts, pattern, by)


def _rounded(texts: pa.Array, column: Column) -> pa.Array:
    """Numbers that may have more decimals than the column."""
    whole = min(max(column.precision - column.scale, 1), MOST_WHOLE)
    known = matching(texts, rf"-?[0-9]{{1,{whole}}}(?:\.[0-9]{{1,{MOST_DECIMALS}}})?")
    try:
        exact = pc.round(known.cast(WIDE), ndigits=column.scale, round_mode=MODES[column.writing.rounding])
        return exact.cast(arrow_type(column))
    except pa.ArrowInvalid:
        return pa.nulls(len(texts), arrow_type(column))


class _OneFormat(NamedTuple):
    """Reads times in one format. `claims` matches the texts that are written so, whether or not they are good."""

    read: Read
    claims: str


def _times_reader(column: Column, *, zoned: bool) -> Read:
    """Each text is read by the first format that it fits."""
    formats = [_one_format(text, column, zoned=zoned) for text in column.formats or (ISO,)]

    def read(texts: pa.Array) -> pa.Array:
        values, left = None, texts
        for each in formats:
            found = each.read(left)
            values = found if values is None else pc.coalesce(values, found)
            if each is formats[-1] or values.null_count == texts.null_count:
                break
            left = pc.if_else(pc.is_valid(found), NO_TEXT, left)
            left = pc.if_else(pc.match_substring_regex(left, each.claims), NO_TEXT, left)
        return values

    return read


def _one_format(text: str, column: Column, *, zoned: bool) -> _OneFormat:
    if text in EPOCHS:
        return _OneFormat(_epoch_reader(text, column), r"^[+-]?[0-9]+(?:\.[0-9]+)?$")
    if text == ISO:
        read = _iso_reader(column, zoned=zoned)
        return _OneFormat(read, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:.,]+(?:[Zz]|[+-][0-9:]+)?)?$")
    wanted = parse_format(text)
    digits = DIGITS | LAST_HOUR if column.writing.hour24 else DIGITS
    claims = "".join(f"(?:{digits[token]})" if token else literal(said) for token, said in wanted.parts)
    return _OneFormat(_letters_reader(text, wanted, column), f"^{claims}$")


def _iso_reader(column: Column, *, zoned: bool) -> Read:
    read = _usual_reader(replace(column, writing=USUAL, formats=()), zoned=zoned)
    is_local = bool(column.writing.zone) and not zoned
    return (lambda texts: in_utc(read(texts), column.writing)) if is_local else read


def _epoch_reader(text: str, column: Column) -> Read:
    """Whole numbers well within the calendar."""
    micros, digits = SECONDS.get(text, (0, 18))

    def read(texts: pa.Array) -> pa.Array:
        whole = matching(texts, f"-?[0-9]{{1,{digits}}}").cast(pa.int64())
        values = pc.multiply(whole, micros) if micros else _micros(whole, column.writing)
        within = pc.and_(pc.greater(values, RANGE[0]), pc.less(values, RANGE[1]))
        found = pc.if_else(within, values, pa.scalar(None, pa.int64())).cast(WITHOUT_ZONE)
        return _as_days(found, column)

    return read


def _micros(nanos: pa.Array, written: Writing) -> pa.Array:
    """Nanoseconds as microseconds, where nothing is lost or it may be."""
    quotient = pc.divide(nanos, 1000)
    exact = pc.equal(pc.multiply(quotient, 1000), nanos)
    cuts = pc.and_(pc.greater_equal(nanos, 0), pa.scalar(written.finer == CUT))
    return pc.if_else(pc.or_(exact, cuts), quotient, pa.scalar(None, pa.int64()))


def _as_days(times: pa.Array, column: Column) -> pa.Array:
    return pc.floor_temporal(times, unit="day").cast(pa.date32()) if column.kind is Kind.DATE else times


def _letters_reader(text: str, wanted: TimeFormat, column: Column) -> Read:
    if wanted.is_usual:
        read = _usual_reader(replace(column, writing=USUAL, formats=(text,)), zoned=False)
        is_local = bool(column.writing.zone) and "XXX" not in wanted.tokens
        rounds = column.writing.finer == "round" and any(
            len(token) > LONGEST and token[0] == "S" for token in wanted.tokens
        )
        if not rounds:
            return (lambda texts: in_utc(read(texts), column.writing)) if is_local else read
    return _parts_reader(wanted, column)


def _parts_reader(wanted: TimeFormat, column: Column) -> Read:
    """Takes the parts of a text apart, and puts them together as in ISO 8601."""
    names = {token: f"p{place}" for place, token in enumerate(wanted.tokens)}
    by_letter = {LIKE.get(token[0], token[0]): token for token in wanted.tokens}
    groups = [f"(?P<{names[token]}>{DIGITS[token]})" if token else literal(said) for token, said in wanted.parts]
    regex = f"^{''.join(groups)}$"
    iso = f"(?:{calendar(ISO_PATTERN_DATE, replace(column, minimum=None, exclusive_minimum=None))})T{ISO_CLOCK}"

    def read(texts: pa.Array) -> pa.Array:
        found = pc.extract_regex(texts, regex)
        parts = {letter: pc.struct_field(found, names[token]) for letter, token in by_letter.items()}
        known = matching(_joined(parts, by_letter, column.writing), iso)
        values = known.cast(WITHOUT_ZONE)
        if "E" in parts:
            days = _looked_up(pc.ascii_lower(parts["E"]), WEEKDAY_NUMBERS, pa.int64())
            values = pc.if_else(pc.equal(pc.day_of_week(values), days), values, NO_TIME)
        return _moved(values, known, parts, column)

    return read


def _joined(parts: dict[str, pa.Array], tokens: dict[str, str], written: Writing) -> pa.Array:
    """The parts of times as text in ISO 8601."""
    date = pc.binary_join_element_wise(_years(parts["y"], written), _months(parts["M"]), _two(parts["d"]), "-")
    if "H" not in parts:
        return pc.binary_join_element_wise(date, "T00:00:00", "")
    hour = _two(parts["H"])
    if "a" in parts:
        half = pc.ascii_lower(pc.utf8_slice_codeunits(parts["a"], 0, 1))
        hour = _looked_up(pc.binary_join_element_wise(hour, half, ""), HOURS, pa.string())
    clock = [hour, *(_two(parts[letter]) if letter in parts else "00" for letter in "ms")]
    pieces = [date, "T", pc.binary_join_element_wise(*clock, ":")]
    if "S" in parts:
        announced = tokens["S"] != "S*"
        pieces += [".", _fraction(parts["S"], written.finer or ("cut" if announced else ""))]
    return pc.binary_join_element_wise(*pieces, "")


HOURS = {f"{hour % 12 or 12:02d}{'p' if hour > 11 else 'a'}": f"{hour:02d}" for hour in range(24)}


def _fraction(digits: pa.Array, finer: str) -> pa.Array:
    """Up to six digits; longer ones where they may be cut, or are zeros."""
    if finer == "cut":
        return pc.utf8_slice_codeunits(digits, 0, 6)
    return pc.replace_substring_regex(digits, "^([0-9]{6})0+$", r"\1")


def _two(digits: pa.Array) -> pa.Array:
    return pc.ascii_lpad(digits, 2, "0")


def _years(digits: pa.Array, written: Writing) -> pa.Array:
    """Years of four digits. All of a format have as many."""
    if not written.first_year:
        return digits
    two = {f"{year:02d}": f"{full_year(f'{year:02d}', written):04d}" for year in range(100)}
    return pc.coalesce(_looked_up(digits, two, pa.string()), digits)


def _months(texts: pa.Array) -> pa.Array:
    named = {name: f"{number:02d}" for name, number in MONTH_NUMBERS.items()}
    return pc.coalesce(_looked_up(pc.ascii_lower(texts), named, pa.string()), _two(texts))


def _looked_up(texts: pa.Array, table: Mapping[str, object], kind: pa.DataType) -> pa.Array:
    """What the table says of each text, null where it says nothing."""
    return pa.array(list(table.values()), kind).take(pc.index_in(texts, pa.array(list(table), pa.string())))


def _moved(values: pa.Array, iso: pa.Array, parts: dict[str, pa.Array], column: Column) -> pa.Array:
    """The times in UTC, from the zone that is written beside them, or the column's."""
    if column.kind is Kind.DATE:
        return _as_days(values, column)
    if "X" in parts:
        known = pc.if_else(pc.is_valid(values), iso, NO_TEXT)
        return pc.binary_join_element_wise(known, parts["X"], "").cast(IN_UTC).cast(WITHOUT_ZONE)
    return in_utc(values, column.writing) if column.writing.zone else values


def in_utc(values: pa.Array, written: Writing) -> pa.Array:
    """Local times in UTC, null where clocks change in that hour.

    Each hour is looked up once: files hold few.
    """
    local = values.cast(pa.int64())
    hours = pc.divide(pc.floor_temporal(values, unit="hour").cast(pa.int64()), HOUR)
    encoded = hours.dictionary_encode()
    moves = [
        None if hour is None else _offset(hour, written.zone, written.ambiguous)
        for hour in encoded.dictionary.to_pylist()
    ]
    offsets = pa.array(moves, pa.int64()).take(encoded.indices)
    return pc.subtract(local, offsets).cast(WITHOUT_ZONE)


@lru_cache(maxsize=1 << 16)
def _offset(hour: int, zone: str, ambiguous: str) -> int | None:
    """Microseconds from UTC to local time all through an hour since 1970; None where they change, or end."""
    first = datetime(1970, 1, 1) + timedelta(hours=hour)  # noqa: DTZ001 - a local time
    last = first + timedelta(hours=1, microseconds=-1)
    try:
        moves = {value - from_zone(value, zone, ambiguous) for value in (first, last)}
    except (ValueError, OverflowError):
        return None
    move = moves.pop()
    return None if moves else move // timedelta(microseconds=1)
