"""The types that Redshift gives to computed values.

Source: https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html, and the page of each function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_local.redshift.datatypes.datatypes import MAX_DECIMAL_PRECISION, MAX_VARCHAR_BYTES, RedshiftType

Type = RedshiftType | None

BIGINT = RedshiftType("bigint")
BOOLEAN = RedshiftType("boolean")
DATE = RedshiftType("date")
DOUBLE = RedshiftType("double precision")
INTEGER = RedshiftType("integer")
SUPER = RedshiftType("super")
TEXT = RedshiftType("character varying", length=MAX_VARCHAR_BYTES)
TIMESTAMP = RedshiftType("timestamp without time zone")
TIMESTAMPTZ = RedshiftType("timestamp with time zone")

_WHOLE = ("smallint", "integer", "bigint")
_FLOATS = ("real", "double precision")
_MOMENTS = ("date", "timestamp without time zone", "timestamp with time zone")
_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_LEAST_SCALE = 4
_WIDEST_COMMON = 19


def numeric(precision: int, scale: int) -> RedshiftType:
    """NUMERIC(precision, scale)."""
    return RedshiftType("numeric", precision=precision, scale=scale)


def as_decimal(kind: Type) -> RedshiftType | None:
    """The DECIMAL that a whole number or DECIMAL takes part in a computation as; None for every other type."""
    if kind is None or kind.name == "numeric":
        return kind
    return numeric(_DIGITS[kind.name], 0) if kind.name in _DIGITS else None


def computed(operator: str, left: Type, right: Type) -> Type:
    """The type of `left operator right`, where operator is one of + - * / %."""
    if left is None or right is None:
        return None
    if left.name in _WHOLE and right.name in _WHOLE:
        return max(left, right, key=lambda kind: _WHOLE.index(kind.name))
    if left.name in _MOMENTS or right.name in _MOMENTS:
        return _moved(operator, left, right)
    if left.name in _FLOATS or right.name in _FLOATS:
        return left if left == right else DOUBLE
    one, other = as_decimal(left), as_decimal(right)
    return _decimal(operator, one, other) if one and other else None


def _moved(operator: str, left: RedshiftType, right: RedshiftType) -> Type:
    """A date plus or minus days stays a date; the difference of two dates is a number of days."""
    names = {left.name, right.name}
    if operator in "+-" and "date" in names and names & set(_WHOLE):
        return DATE
    return BIGINT if operator == "-" and names == {"date"} else None


def _decimal(operator: str, left: RedshiftType, right: RedshiftType) -> RedshiftType:
    p1, s1, p2, s2 = left.precision or 0, left.scale or 0, right.precision or 0, right.scale or 0
    if operator == "/":
        scale = max(_LEAST_SCALE, s1 + p2 - s2 + 1)
        precision = p1 - s1 + s2 + scale
        if precision > MAX_DECIMAL_PRECISION:
            scale = max(MAX_DECIMAL_PRECISION + scale - precision, _LEAST_SCALE)
    elif operator == "*":
        scale, precision = s1 + s2, p1 + p2 + 1
    else:
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + 1 + scale
    return numeric(min(precision, MAX_DECIMAL_PRECISION), min(scale, MAX_DECIMAL_PRECISION - 1))


def common(kinds: Sequence[Type]) -> Type:
    """The type that values of `kinds` have as branches of one expression; None where it is unknown."""
    known = [kind for kind in kinds if kind is not None]
    if not known or len(known) != len(kinds):
        return None
    result = known[0]
    for kind in known[1:]:
        joined = _joined(result, kind)
        if joined is None:
            return None
        result = joined
    return result


def _joined(left: RedshiftType, right: RedshiftType) -> Type:
    if left.is_character and right.is_character:
        length = max(left.length or 0, right.length or 0)
        return left if left == right else RedshiftType("character varying", length=length)
    if left.name == right.name and left.name != "numeric":
        return left
    if left.name in _WHOLE and right.name in _WHOLE:
        return max(left, right, key=lambda kind: _WHOLE.index(kind.name))
    one, other = as_decimal(left), as_decimal(right)
    if one and other:
        scale = max(one.scale or 0, other.scale or 0)
        whole = max((one.precision or 0) - (one.scale or 0), (other.precision or 0) - (other.scale or 0))
        widest = max(_WIDEST_COMMON, one.precision or 0, other.precision or 0)
        return numeric(min(whole + scale, widest), scale)
    if {left.name, right.name} & set(_FLOATS) and (one or left.name in _FLOATS) and (other or right.name in _FLOATS):
        return DOUBLE
    return None


def sum_type(argument: Type) -> Type:
    """The type of SUM over `argument`, where DuckDB's is another."""
    if argument is None or argument.name not in _WHOLE:
        return None
    return numeric(MAX_DECIMAL_PRECISION, 0) if argument.name == "bigint" else BIGINT


def average_type(argument: Type) -> Type:
    """The type of AVG over `argument`, where DuckDB's is another."""
    if argument is None:
        return None
    if argument.name == "numeric":
        return numeric(MAX_DECIMAL_PRECISION, argument.scale or 0)
    return BIGINT if argument.name in _WHOLE else None


def _sum(arguments: Sequence[Type]) -> Type:
    return sum_type(arguments[0]) or arguments[0]


def _average(arguments: Sequence[Type]) -> Type:
    return average_type(arguments[0]) or arguments[0]


def _first(arguments: Sequence[Type]) -> Type:
    return arguments[0]


def _sign(arguments: Sequence[Type]) -> Type:
    kind = arguments[0]
    return numeric(1, 0) if kind is not None and kind.name == "numeric" else kind


def _truncated(arguments: Sequence[Type]) -> Type:
    kind = arguments[0]
    if kind is not None and kind.name in _MOMENTS:
        return DATE
    return _rounded(arguments)


def _rounded(arguments: Sequence[Type]) -> Type:
    """DECIMAL loses its scale to the number of places, which DuckDB alone knows."""
    kind = arguments[0]
    return None if kind is None or kind.name == "numeric" else kind


def _moment_like(arguments: Sequence[Type]) -> Type:
    moment = arguments[-1]
    return moment if moment is not None and moment.name in {TIMESTAMPTZ.name, "time without time zone"} else TIMESTAMP


def _always(kind: RedshiftType) -> Callable[[Sequence[Type]], Type]:
    return lambda _: kind


_RESULTS: dict[RedshiftType, str] = {
    TEXT: """
        BTRIM CHR CONCAT CRC32 CURRENT_DATABASE CURRENT_SCHEMA FUNC_SHA1 INITCAP JSON_EXTRACT_ARRAY_ELEMENT_TEXT
        JSON_EXTRACT_PATH_TEXT JSON_SERIALIZE JSON_TYPEOF LEFT LISTAGG LPAD LTRIM MD5 QUOTE_IDENT QUOTE_LITERAL
        REGEXP_REPLACE REGEXP_SUBSTR REPEAT REPLACE REPLICATE REVERSE RIGHT RPAD RTRIM SHA SHA1 SHA2 SPLIT_PART
        SOUNDEX SUBSTR SUBSTRING TO_CHAR TO_HEX TRANSLATE TRIM VERSION
    """,
    BOOLEAN: """
        BOOL_AND BOOL_OR CAN_JSON_PARSE IS_ARRAY IS_BIGINT IS_BOOLEAN IS_CHAR IS_DECIMAL IS_FLOAT IS_INTEGER IS_OBJECT
        IS_SCALAR IS_SMALLINT IS_VALID_JSON IS_VALID_JSON_ARRAY IS_VARCHAR
    """,
    INTEGER: """
        ASCII CHAR_LENGTH CHARACTER_LENGTH CHARINDEX DATE_CMP DATE_CMP_TIMESTAMP DATE_PART_YEAR DIFFERENCE
        GET_ARRAY_LENGTH JSON_ARRAY_LENGTH LEN LENGTH OCTET_LENGTH POSITION REGEXP_COUNT REGEXP_INSTR STRPOS TEXTLEN
        TIMESTAMP_CMP TIMESTAMP_CMP_DATE TIMESTAMPTZ_CMP BPCHARCMP BTTEXT_PATTERN_CMP INTERVAL_CMP
    """,
    BIGINT: "COUNT DATE_DIFF DATEDIFF DENSE_RANK FNV_HASH NTILE RANK ROW_NUMBER STRTOL",
    DOUBLE: """
        ACOS ASIN ATAN ATAN2 CBRT COS COT CUME_DIST DATE_PART DEGREES DEXP DLOG1 DLOG10 EXP LN LOG MONTHS_BETWEEN
        PERCENT_RANK PI POW POWER RADIANS RANDOM SIN SQRT STDDEV STDDEV_POP STDDEV_SAMP TAN VAR_POP VAR_SAMP VARIANCE
    """,
    DATE: "LAST_DAY NEXT_DAY TO_DATE",
    TIMESTAMP: "ADD_MONTHS GETDATE",
    TIMESTAMPTZ: "TO_TIMESTAMP",
    SUPER: "ARRAY ARRAY_CONCAT ARRAY_FLATTEN JSON_PARSE OBJECT SPLIT_TO_ARRAY SUBARRAY",
}
_BY_ARGUMENTS: dict[Callable[[Sequence[Type]], Type], str] = {
    common: "COALESCE GREATEST LEAST NVL",
    _average: "AVG",
    _first: "ABS ANY_VALUE BIT_AND BIT_OR CEIL CEILING FIRST_VALUE FLOOR LAG LAST_VALUE LEAD LOWER MAX MIN NTH_VALUE"
    " NULLIF UPPER",
    _moment_like: "CONVERT_TIMEZONE DATE_ADD DATEADD DATE_TRUNC",
    _rounded: "ROUND",
    _sign: "SIGN",
    _sum: "SUM",
    _truncated: "TRUNC",
}
_FUNCTIONS: dict[str, Callable[[Sequence[Type]], Type]] = {
    **{name: _always(kind) for kind, names in _RESULTS.items() for name in names.split()},
    **{name: rule for rule, names in _BY_ARGUMENTS.items() for name in names.split()},
}
INTEGER_FUNCTIONS = frozenset(_RESULTS[INTEGER].split())
_NEED_ARGUMENTS = {name for names in _BY_ARGUMENTS.values() for name in names.split()}


def function_type(name: str, arguments: Sequence[Type]) -> Type:
    """The type of a function's result, or None where DuckDB's own type is left to decide."""
    rule = _FUNCTIONS.get(name)
    if rule is None or (not arguments and name in _NEED_ARGUMENTS):
        return None
    return rule(arguments)
