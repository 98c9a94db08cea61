"""Columns of texts that are known to be dates or times, as what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Kind
from headrace.transform.delimited.patterns import Habits
from headrace.transform.schema import arrow_type
from headrace.transform.values.json_text import is_mostly_shallow, shapes_of
from headrace.transform.values.times import DIGITS, TimeFormat, parse_format

ZONED = re.compile(rb"(?:Z|[+-]\d\d:\d\d)$")
IN_UTC = pa.timestamp("us", tz="UTC")
WITHOUT_ZONE = pa.timestamp("us")
STRPTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


def is_zoned(column: Column, sample: bytes) -> bool:
    """Whether a timestamp column in ISO 8601 is written with zones, going by one of its values."""
    return column.kind is Kind.TIMESTAMP and not column.formats and ZONED.search(sample) is not None


def habits_of(columns: Sequence[Column | None], samples: Sequence[Sequence[bytes]]) -> Habits:
    """How records write what may be written in several ways, going by the values of some of them."""
    named = [(place, column) for place, column in enumerate(columns) if column is not None]
    zoned = {column.name for place, column in named if samples and is_zoned(column, samples[0][place])}
    json = [
        (column.name, [values[place] for values in samples]) for place, column in named if column.kind is Kind.SUPER
    ]
    shapes = {name: shapes_of(texts) for name, texts in json}
    return Habits(frozenset(zoned), frozenset(name for name, texts in json if is_mostly_shallow(texts)), shapes)


def typed_texts(array: pa.Array, column: Column, *, zoned: bool) -> pa.Array:
    """The texts as the column's type: in its first format, or in ISO 8601, all of them with zones or none."""
    if column.formats:
        return _formatted(array, parse_format(column.formats[0]), column.kind).cast(arrow_type(column))
    return array.cast(IN_UTC).cast(WITHOUT_ZONE) if zoned else array.cast(arrow_type(column))


def _formatted(array: pa.Array, time_format: TimeFormat, kind: Kind) -> pa.Array:
    """Rewritten in ISO 8601, which Arrow reads. A date is what is written, whatever the time and zone beside it."""
    if set(time_format.tokens) <= STRPTIME.keys():
        said = "".join(STRPTIME[token] if token else text.replace("%", "%%") for token, text in time_format.parts)
        return pc.strptime(array, said, "us")
    groups = {token[0]: place for place, token in enumerate(time_format.tokens, start=1)}
    regex = "".join(_group(token) if token else literal(text) for token, text in time_format.parts)
    text = rf"\{groups['y']}-\{groups['M']}-\{groups['d']}"
    if kind is Kind.DATE:
        return pc.replace_substring_regex(array, f"^{regex}$", text).cast(pa.date32())
    if "H" in groups:
        clock = [rf"\{groups[letter]}" if letter in groups else "00" for letter in "Hms"]
        text += "T" + ":".join(clock) + (rf".\{groups['S']}" if "S" in groups else "")
    if "X" in groups:
        text += rf"\{groups['X']}"
    iso = pc.replace_substring_regex(array, f"^{regex}$", text)
    if "X" in groups:
        return iso.cast(IN_UTC).cast(WITHOUT_ZONE)
    return iso.cast(WITHOUT_ZONE) if "H" in groups else iso.cast(pa.date32())


def _group(token: str) -> str:
    """A group for what Arrow reads of a token; digits beyond microseconds are left out of it."""
    spare = len(token) - 6 if token.startswith("S") else 0
    return f"([0-9]{{6}})[0-9]{{{spare}}}" if spare > 0 else f"({DIGITS[token]})"


def literal(text: str) -> str:
    """A text as RE2 takes it literally, which is not quite how Python escapes it."""
    return "".join(rf"\x{ord(mark):02x}" if mark.isascii() and not mark.isalnum() else mark for mark in text)
