"""The contract as expressions over the bytes of a line: one for good rows, up to `checks`, one for sound records.

RE2 runs them in Latin-1, where a character is a byte. They are sound, not complete: what does not match is looked at
more closely, and may still be accepted. So anything rare or intricate is left out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.kind import NUMBERS, TIMES
from headrace.transform.delimited.header import Layout
from headrace.transform.delimited.stand_in import DelimiterStandIn
from headrace.transform.values.json_text import CONSTANTS, Shape, keys_of, shallow, shaped
from headrace.transform.values.meaning import is_cleaned, nulls_of
from headrace.transform.values.numbers import is_rewritten
from headrace.transform.values.ranges import fractions_up_to, highest, up_to, years
from headrace.transform.values.times import DIGITS, TimeFormat, is_special, parse_format
from headrace.transform.values.values import boolean_forms

INTEGER_DIGITS = {16: 4, 32: 9, 64: 18}
DOUBLE_DIGITS = 15
MONTHS_BY_DAYS = (
    {"MM": "(?:0[1-9]|1[0-2])", "dd": "(?:0[1-9]|1[0-9]|2[0-8])"},
    {"MM": "(?:0[13-9]|1[0-2])", "dd": "(?:29|30)"},
    {"MM": "(?:0[13578]|1[02])", "dd": "31"},
)
"""Every date of every year but 29 February."""
ISO_PATTERN_DATE = parse_format("yyyy-MM-dd")
ISO_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
ZONE = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
BEYOND_ASCII = (
    r"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    r"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
"""UTF-8 of more than one byte, as byte ranges."""
IN_TYPED_VALUES = re.compile(r"[0-9A-Za-z+\-.: /]")
IN_JSON = frozenset("{}[]:, ")
CONTROLS = frozenset("\r\n\0")
PLAIN_PATTERN = re.compile(
    r"\^((?:(?:[A-Za-z0-9_-]|\\d|\[(?:[A-Z]-[A-Z]|[a-z]-[a-z]|[0-9]-[0-9]|[A-Za-z0-9_])+\])"
    r"(?:[?*+]|\{[0-9]+(?:,[0-9]+)?\})?)+)\$"
)
"""A pattern of letters, digits and classes of them, which means the same in bytes and in characters."""
ITS_CHARACTERS = re.compile("[A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Habits:
    """How a file writes what may be written in several ways: timestamps with zones, JSON of little depth.

    `shapes` are those of the JSON's objects, by column, where they are few.
    """

    zoned: frozenset[str] = frozenset()
    shallow: frozenset[str] = frozenset()
    shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)


class LinePatterns:
    """Makes the expressions for lines without their ends."""

    def __init__(self, contract: Contract, layout: Layout) -> None:
        self._columns = layout.columns
        self._formats = [text for column in contract.columns for text in column.formats]
        self._text_file = contract.format.traits.delimited
        seen = DelimiterStandIn(contract.format)
        self._mark, self._between = seen.mark, _byte(seen.mark) * seen.width
        self._quote, self._escape = contract.format.quote, contract.format.escape
        self._special = (CONTROLS | {self._mark, self._quote, self._escape}) - {""}
        self._format = contract.format

    @property
    def exist(self) -> bool:
        """Whether such lines can be matched at all: records that are lines of text, with marks of one byte."""
        marks = self._quote + self._escape
        return self._text_file and marks.isascii() and self._mark not in CONTROLS | set(marks)

    @property
    def typed(self) -> bool:
        """Whether good rows can: not where a mark may occur in numbers and dates."""
        in_formats = any(self._mark in text for text in self._formats)
        return self.exist and not in_formats and not any(map(IN_TYPED_VALUES.match, self._special))

    def sound(self) -> str:
        """The expression for records of the right number of well quoted values, all of them text."""
        return self._between.join(self._text(None) for _ in self._columns)

    def good(self, habits: Habits) -> str:
        """The expression for good rows."""
        return self._between.join(self._field(column, habits) for column in self._columns)

    def proven(self, column: Column, habits: Habits) -> frozenset[str]:
        """The rules of a column that the expression for good rows has checked already.

        `shallow`: it is JSON of little depth, in which a key may be there twice.
        """
        if column.kind is Kind.SUPER:
            shape = "json" if self._shapes(column, habits) else "shallow"
            return frozenset({shape} if self._is_shallow(column, habits) else ())
        if column.kind is Kind.STRING and not is_cleaned(column) and self._contents(column, habits):
            return frozenset({"enum"} if column.enum else {"pattern"})
        return frozenset()

    def _is_shallow(self, column: Column, habits: Habits) -> bool:
        awkward = self._escape or self._quote in IN_JSON or is_cleaned(column)
        return column.name in habits.shallow and not awkward

    def _field(self, column: Column | None, habits: Habits) -> str:
        if column is None:
            return self._text(None)
        if self._is_shallow(column, habits):
            return _any_of([self._json(self._shapes(column, habits)), *self._null_texts(column)])
        contents = "" if is_written(column) or is_cleaned(column) else self._contents(column, habits)
        return self._either_way(contents, column) if contents else self._text(column)

    def _contents(self, column: Column, habits: Habits) -> str:
        """The expression for the column's values; nothing where they may be any text."""
        if column.kind is Kind.STRING:
            texts = [_literal(text) for text in column.enum if text and self._special.isdisjoint(text)]
            return "|".join(texts) or ("" if column.enum else self._plain_pattern(column))
        return "" if column.kind is Kind.SUPER else value_pattern(column, habits.zoned)

    def _plain_pattern(self, column: Column) -> str:
        found = PLAIN_PATTERN.fullmatch(column.pattern or "")
        alone = len(self._columns) == 1
        return "" if found is None or alone or any(map(ITS_CHARACTERS.match, self._special)) else found[1]

    def _null_texts(self, column: Column) -> list[str]:
        """Null tokens as they stand without quotes. A line of nothing is a blank line, and no row."""
        if column.required:
            return []
        nulls = nulls_of(column, self._format)
        tokens = [token for token in nulls if token == self._escape + "N" or self._special.isdisjoint(token)]
        return [_literal(token) for token in tokens if token or len(self._columns) > 1]

    def _either_way(self, contents: str, column: Column) -> str:
        """The values with and without quotes; null tokens may be quoted too."""
        plain = _any_of([contents, *self._null_texts(column)])
        if not self._quote:
            return plain
        nulls = () if column.required or not self._format.quoted_nulls else nulls_of(column, self._format)
        tokens = [token for token in nulls if self._special.isdisjoint(token)]
        mark = _byte(self._quote)
        return f"(?:{plain}|{mark}{_any_of([contents, *map(_literal, tokens)])}{mark})"

    def _text(self, column: Column | None) -> str:
        """Any text, with or without quotes."""
        nulls = self._format.null_tokens if column is None else nulls_of(column, self._format)
        filled = column is not None and column.required and "" in nulls
        repeated = "+" if filled or len(self._columns) == 1 else "*"
        forms = [f"{_any_byte_but(self._special)}{repeated}"]
        if self._quote:
            mark = _byte(self._quote)
            forms.append(f"{mark}(?:{_any_byte_but(self._special - {self._mark})}|{mark}{mark}){repeated}{mark}")
        if self._escape and not filled and self._escape + "N" in nulls:
            forms.append(_literal(self._escape + "N"))
        if self._quote and self._format.excel_text:
            forms.append(f"={mark}{_any_byte_but(self._special)}*{mark}")
        return _any_of(forms)

    def _shapes(self, column: Column, habits: Habits) -> tuple[Shape, ...]:
        shapes = habits.shapes.get(column.name, ())
        return shapes if all(self._special.isdisjoint(key) for shape in shapes for key in keys_of(shape)) else ()

    def _json(self, shapes: Sequence[Shape]) -> str:
        """JSON of little depth, its objects of these shapes if there are any: in quotes, or where it needs none."""
        if not self._quote and self._mark in IN_JSON:
            return CONSTANTS
        mark = '""' if self._quote == '"' else '"'
        character = self._in_json({self._quote or self._mark})
        contents = shaped(mark, character, shapes) if shapes else shallow(mark, character)
        quote = _byte(self._quote) if self._quote else ""
        return f"{CONSTANTS}|{quote}{contents}{quote}" if quote else contents

    def _in_json(self, excluded: set[str]) -> str:
        """What texts of JSON hold beside escapes."""
        controls = {chr(code) for code in range(32)}
        return _any_byte_but(controls | excluded | {'"', "\\"})


def is_written(column: Column) -> bool:
    """Whether the column's values are written in another than one usual way: they are texts at first."""
    written = column.writing
    if column.kind in TIMES:
        formats = column.formats
        unusual = len(formats) > 1 or any(is_special(text) or not parse_format(text).is_usual for text in formats)
        return unusual or bool(written.zone or written.finer or written.hour24)
    if column.kind is Kind.BOOLEAN:
        return bool(written.true)
    return is_rewritten(column) or (column.kind in NUMBERS and bool(written.rounding or written.exponents))


def _any_of(forms: Iterable[str]) -> str:
    return f"(?:{'|'.join(forms)})"


def _byte(character: str) -> str:
    return rf"\x{ord(character):02x}"


def _literal(text: str) -> str:
    return "".join(rf"\x{byte:02x}" for byte in text.encode())


def _any_byte_but(excluded: AbstractSet[str]) -> str:
    listed = "".join(_byte(character) for character in sorted(excluded))
    return rf"(?:[^{listed}\x80-\xff]|{BEYOND_ASCII})"


def value_pattern(column: Column, zoned: frozenset[str]) -> str:
    """The expression for a value of the column that is neither text nor JSON."""
    if column.formats:
        return calendar(parse_format(column.formats[0]), column)
    if column.kind is Kind.TIMESTAMP:
        zone = ZONE if column.name in zoned else ""
        return f"(?:{calendar(ISO_PATTERN_DATE, column)})[T ]{ISO_CLOCK}{zone}"
    if column.kind is Kind.DATE:
        return calendar(ISO_PATTERN_DATE, column)
    return _boolean(column) if column.kind is Kind.BOOLEAN else _number(column)


def _boolean(column: Column) -> str:
    return "|".join(_literal(form) for forms in boolean_forms(column) for form in forms)


def _number(column: Column) -> str:
    bound = column.minimum or column.exclusive_minimum or "-1"
    sign = "-?" if bound.startswith("-") else ""
    if column.kind is Kind.INTEGER:
        return sign + _integer(column, bounded=not sign)
    return sign + (_decimal(column) if column.kind is Kind.DECIMAL else _float(column, bounded=not sign))


def _integer(column: Column, *, bounded: bool) -> str:
    digits = INTEGER_DIGITS[column.bits]
    most = highest(column, digits) if bounded else None
    return f"[0-9]{{1,{digits}}}" if most is None else up_to(most)


def _float(column: Column, *, bounded: bool) -> str:
    fraction = rf"(?:\.[0-9]{{1,{DOUBLE_DIGITS}}})?"
    number = f"[0-9]{{1,{DOUBLE_DIGITS}}}{fraction}"
    most = highest(column, DOUBLE_DIGITS) if bounded else None
    plain = number if most is None else fractions_up_to(most, fraction)
    return f"(?:{plain}|{number}[eE][+-]?[0-9]{{1,2}})" if column.bits == 64 else plain


def _decimal(column: Column) -> str:
    whole = column.precision - column.scale
    digits = f"[0-9]{{1,{whole}}}" if whole else "0"
    return rf"{digits}(?:\.[0-9]{{1,{column.scale}}})?" if column.scale else digits


def calendar(time_format: TimeFormat, column: Column) -> str:
    """The expression for the days that a format can name, within the years of the column's bounds."""
    return "|".join(_ungrouped(time_format, {"yyyy": years(column)} | days) for days in MONTHS_BY_DAYS)


def _ungrouped(time_format: TimeFormat, days: dict[str, str]) -> str:
    known = DIGITS | {"XXX": ZONE} | days
    return "".join(known[token] if token else _literal(literal) for token, literal in time_format.parts)
