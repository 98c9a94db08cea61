"""The contract as one regular expression over the bytes of a line: what matches is a good row, up to `checks`.

RE2 runs it over binary arrays, where a character is a byte. The pattern is sound, not complete: a line that does not
match is looked at by the slow path, which may still accept it. So whatever is rare or intricate is left out here.
"""

from __future__ import annotations

import re

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform.header import Layout
from headrace.transform.times import DIGITS, TimeFormat, parse_format
from headrace.transform.values import BOOLEAN_FORMS

INTEGER_DIGITS = {16: 4, 32: 9, 64: 18}
YEAR = "[12][0-9]{3}"
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
IN_TYPED_VALUES = re.compile(rb"[0-9A-Za-z+\-.: /]")
IN_STRINGS = {"\r", "\n", "\0"}


def has_fast_path(contract: Contract) -> bool:
    """Whether lines can be matched and parsed as a whole: not where the delimiter may occur in numbers and dates."""
    delimiter, quote = contract.format.delimiter.encode(), contract.format.quote.encode()
    in_formats = any(contract.format.delimiter in text for column in contract.columns for text in column.formats)
    return len(delimiter) == 1 and len(quote) <= 1 and not in_formats and not IN_TYPED_VALUES.match(delimiter)


def line_pattern(contract: Contract, layout: Layout, zoned: frozenset[str]) -> str:
    """The expression for a whole line of the file, without its line feed. `zoned` are the timestamps with a zone."""
    fields = [_field(column, contract, zoned) for column in layout.columns]
    return "^" + _byte(contract.format.delimiter).join(fields) + r"\r?$"


def _byte(character: str) -> str:
    return rf"\x{ord(character):02x}"


def _field(column: Column | None, contract: Contract, zoned: frozenset[str]) -> str:
    quote = contract.format.quote
    content = "" if column is None else _content(column, contract, zoned)
    if column is None or not content:
        needs_text = column is not None and column.required and "" in contract.format.null_tokens
        return _free_text(contract, "+" if needs_text else "*")
    tokens = () if column.required else contract.format.null_tokens
    content = "|".join([content, *map(_literal, tokens)])
    return f"(?:{content}|{_byte(quote)}(?:{content}){_byte(quote)})" if quote else f"(?:{content})"


def _content(column: Column, contract: Contract, zoned: frozenset[str]) -> str:
    """The expression for the column's values; nothing where they may be any text."""
    if column.kind is Kind.STRING:
        special = {contract.format.delimiter, contract.format.quote} | IN_STRINGS
        return "|".join(_literal(text) for text in column.enum if text and special.isdisjoint(text))
    return "" if column.kind is Kind.SUPER else value_pattern(column, zoned)


def _literal(text: str) -> str:
    return "".join(rf"\x{byte:02x}" for byte in text.encode())


def _free_text(contract: Contract, repeated: str) -> str:
    delimiter, quote = contract.format.delimiter, contract.format.quote
    plain = _any_byte_but({delimiter, quote} | IN_STRINGS)
    if not quote:
        return f"{plain}{repeated}"
    inside = _any_byte_but({quote} | IN_STRINGS)
    mark = _byte(quote)
    return f"(?:{plain}{repeated}|{mark}(?:{inside}|{mark}{mark}){repeated}{mark})"


def _any_byte_but(excluded: set[str]) -> str:
    listed = "".join(_byte(character) for character in sorted(excluded) if character)
    return rf"(?:[^{listed}\x80-\xff]|{BEYOND_ASCII})"


def value_pattern(column: Column, zoned: frozenset[str]) -> str:
    """The expression for a value of the column that is neither text nor JSON."""
    if column.formats:
        return _calendar(parse_format(column.formats[0]))
    if column.kind is Kind.TIMESTAMP:
        zone = ZONE if column.name in zoned else ""
        return f"(?:{_calendar(ISO_PATTERN_DATE)})[T ]{ISO_CLOCK}{zone}"
    if column.kind is Kind.DATE:
        return _calendar(ISO_PATTERN_DATE)
    return _boolean() if column.kind is Kind.BOOLEAN else _number(column)


def _boolean() -> str:
    return "|".join(form for forms in BOOLEAN_FORMS for form in forms)


def _number(column: Column) -> str:
    bound = column.minimum or column.exclusive_minimum or "-1"
    sign = "-?" if bound.startswith("-") else ""
    if column.kind is Kind.INTEGER:
        return f"{sign}[0-9]{{1,{INTEGER_DIGITS[column.bits]}}}"
    if column.kind is Kind.DECIMAL:
        return sign + _decimal(column)
    exponent = "(?:[eE][+-]?[0-9]{1,2})?" if column.bits == 64 else ""
    return rf"{sign}[0-9]{{1,15}}(?:\.[0-9]{{1,15}})?{exponent}"


def _decimal(column: Column) -> str:
    whole = column.precision - column.scale
    digits = f"[0-9]{{1,{whole}}}" if whole else "0"
    return rf"{digits}(?:\.[0-9]{{1,{column.scale}}})?" if column.scale else digits


def _calendar(time_format: TimeFormat) -> str:
    return "|".join(_ungrouped(time_format, days) for days in MONTHS_BY_DAYS)


def _ungrouped(time_format: TimeFormat, days: dict[str, str]) -> str:
    known = DIGITS | {"yyyy": YEAR, "XXX": ZONE} | days
    return "".join(known[token] if token else _literal(literal) for token, literal in time_format.parts)
