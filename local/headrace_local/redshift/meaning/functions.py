"""Redshift's functions that are known here, and what each becomes in DuckDB. Any other name is refused."""

from __future__ import annotations

import re

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.datatypes.datatypes import RedshiftType
from headrace_local.redshift.datatypes.result_types import INTEGER_FUNCTIONS, function_type
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.meaning import blanks
from headrace_local.redshift.meaning.argument_types import check_arguments
from headrace_local.redshift.meaning.casts import as_text
from headrace_local.redshift.meaning.date_functions import DATE_FUNCTIONS
from headrace_local.redshift.meaning.hashing import HASH_FUNCTIONS
from headrace_local.redshift.meaning.json_functions import JSON_FUNCTIONS
from headrace_local.redshift.meaning.kinds import kind_of
from headrace_local.redshift.meaning.regex_functions import REGEX_FUNCTIONS
from headrace_local.redshift.syntax.dialect import APPROXIMATE_COUNT
from headrace_local.redshift.syntax.nodes import Arguments, Builder, Function, call, cast, literal_text, renamed, text

VERSION = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0 (embedded, for a laptop)"
_MOMENTS = {"date", "timestamp without time zone", "timestamp with time zone"}
_WHOLE = {"smallint", "integer", "bigint"}
_OF_TEXT = frozenset([
    "BTRIM", "CHAR_LENGTH", "CHARACTER_LENGTH", "INITCAP", "LEFT", "LEN", "LENGTH", "LOWER", "LPAD", "LTRIM",
    "CRC32", "OCTET_LENGTH", "QUOTE_LITERAL", "REPEAT", "REPLACE", "REPLICATE", "REVERSE", "RIGHT", "RPAD", "RTRIM",
    "SOUNDEX", "SPLIT_PART", "STRPOS", "SUBSTR", "SUBSTRING", "TEXTLEN", "TRANSLATE", "TRIM", "UPPER",
])  # fmt: skip
AGGREGATE = "aggregate"
"""Marks the calls that a window has to go to, in the meta of their nodes."""


def translate_call(name: str, arguments: Arguments) -> exp.Expr:
    """The DuckDB form of a Redshift call; SqlError for an unknown function or a wrong number of arguments."""
    function = FUNCTIONS.get(name.upper())
    if function is None:
        raise SqlError(f"function {name.lower()}() does not exist, or is not known to the embedded Redshift")
    too_many = function.most is not None and len(arguments) > function.most
    if len(arguments) < function.fewest or too_many:
        raise SqlError(f"function {name.lower()}() does not take {len(arguments)} arguments")
    check_arguments(name, arguments)
    if name.upper() in _OF_TEXT:
        arguments = [text_of(arguments[0]), *arguments[1:]]
    built = function.build(arguments)
    return cast(built, "INTEGER") if name.upper() in INTEGER_FUNCTIONS else built


def text_of(argument: exp.Expr) -> exp.Expr:
    """An argument of a function of texts, as the text it is taken for."""
    kind = kind_of(argument)
    return argument if kind is None or kind.is_character or kind.name == "super" else as_text(argument)


def _concatenated(arguments: Arguments) -> exp.Expr:
    left, right = (_operand(text_of(argument)) for argument in arguments)
    return exp.Paren(this=exp.DPipe(this=left, expression=right))


def _operand(argument: exp.Expr) -> exp.Expr:
    """An argument that becomes one side of an operator: what is itself made with one keeps together."""
    return exp.Paren(this=argument) if isinstance(argument, exp.Binary | exp.Unary) else argument


def _modulo(arguments: Arguments) -> exp.Expr:
    return exp.Paren(this=exp.Mod(this=_operand(arguments[0]), expression=_operand(nonzero(arguments[1]))))


def sum_of(argument: exp.Expr, result: RedshiftType | None) -> exp.Expr:
    """SUM with a result of type `result`, or of DuckDB's type."""
    total = _aggregate("sum", argument)
    return total if result is None else cast(total, result.duckdb)


def average_of(argument: exp.Expr, result: RedshiftType | None) -> exp.Expr:
    """AVG with a result of type `result`. The connection's `/` divides whole numbers as such."""
    average = exp.Paren(this=exp.Div(this=_aggregate("sum", argument), expression=_aggregate("count", argument.copy())))
    return average if result is None else cast(average, result.duckdb)


def _aggregate(name: str, argument: exp.Expr) -> exp.Expr:
    node = call(name, argument)
    node.meta[AGGREGATE] = True
    return node


def _ratio_to_report(arguments: Arguments) -> exp.Expr:
    share = cast(arguments[0], "DOUBLE")
    return exp.Paren(this=exp.Div(this=share, expression=nonzero(_aggregate("sum", share.copy()))))


def _list_aggregate(arguments: Arguments) -> exp.Expr:
    value = arguments[0]
    separator = arguments[1] if len(arguments) > 1 else text("")
    if isinstance(value, exp.Distinct) and len(value.expressions) > 1:
        distinct, separator = value.expressions
        value = exp.Distinct(expressions=[distinct])
    return call("string_agg", value, separator)


def _sha2(arguments: Arguments) -> exp.Expr:
    if str(arguments[1]) not in {"256", "0"}:
        raise not_emulated("SHA2 with other than 256 bits")
    return call("sha256", arguments[0])


def _decode(arguments: Arguments) -> exp.Expr:
    subject, *rest = arguments
    default = rest.pop() if len(rest) % 2 else None
    case = exp.Case(default=default) if default is not None else exp.Case()
    for searched, result in zip(rest[::2], rest[1::2], strict=True):
        one, other = blanks.compared(subject.copy(), searched)
        case = case.when(exp.NullSafeEQ(this=one, expression=other), result)
    return case


def nonzero(divisor: exp.Expr) -> exp.Expr:
    """`divisor`, or Redshift's error if it is zero: DuckDB would make an infinity of it."""
    if isinstance(divisor, exp.Literal) and not divisor.is_string and float(divisor.name) != 0:
        return divisor
    is_zero = exp.EQ(this=divisor, expression=exp.Literal.number("0"))
    return exp.Case(default=divisor.copy()).when(is_zero, call("error", text("division by zero")))


def _null_if(arguments: Arguments) -> exp.Expr:
    one, other = blanks.compared(*arguments)
    if one is arguments[0]:
        return call("nullif", *arguments)
    return exp.Case(default=arguments[0].copy()).when(exp.EQ(this=one, expression=other), exp.Null())


def _nvl2(arguments: Arguments) -> exp.Expr:
    present = exp.Not(this=exp.Is(this=arguments[0], expression=exp.Null()))
    return exp.Case(default=arguments[2]).when(present, arguments[1])


def _approximate_count(arguments: Arguments) -> exp.Expr:
    value = arguments[0]
    if not isinstance(value, exp.Distinct) or len(value.expressions) != 1:
        raise SqlError("APPROXIMATE is only allowed with COUNT(DISTINCT expression)")
    return call("approx_count_distinct", value.expressions[0])


def _charindex(arguments: Arguments) -> exp.Expr:
    return call("strpos", arguments[1], arguments[0])


def _padded(name: str) -> Builder:
    def build(arguments: Arguments) -> exp.Expr:
        filler = macro("_filler", arguments[2], text(name.upper())) if len(arguments) == 3 else text(" ")
        return call(name, *arguments[:2], filler)

    return build


def _finite(name: str) -> Builder:
    """A function of numbers that fails where DuckDB's gives no number, or an infinite one."""
    return lambda arguments: macro("_finite", call(name, *arguments), text(name))


def _end_of_text(name: str) -> Builder:
    return lambda arguments: call(name, arguments[0], macro("_positive", arguments[1], text(name.upper())))


def _bool_aggregate(name: str) -> Builder:
    """Of a whole number, what is not 0 is true."""

    def build(arguments: Arguments) -> exp.Expr:
        kind = kind_of(arguments[0])
        return call(name, cast(arguments[0], "BOOLEAN") if kind is not None and kind.name in _WHOLE else arguments[0])

    return build


def _bit_aggregate(name: str) -> Builder:
    """Of truth values, what BOOL_AND and BOOL_OR are."""

    def build(arguments: Arguments) -> exp.Expr:
        kind = kind_of(arguments[0])
        return call(f"{'bool' if kind is not None and kind.name == 'boolean' else 'bit'}_{name}", *arguments)

    return build


def substring(arguments: Arguments) -> exp.Expr:
    """SUBSTRING, which counts from before the first character if it starts there."""
    value, first, *size = arguments
    if isinstance(first, exp.Literal) and first.name != "0":
        plain = not size or isinstance(size[0], exp.Literal)
        return call("substring", *arguments) if plain else macro("_substring", value, first, *size)
    if not size:
        return call("substring", value, call("greatest", first, exp.Literal.number(1)))
    return macro("_substring", value, first, *size)


def _trimmed(name: str) -> Builder:
    return lambda arguments: call(name, arguments[0], arguments[1] if len(arguments) > 1 else text(" "))


def _truncated(arguments: Arguments) -> exp.Expr:
    kind = kind_of(arguments[0])
    if kind is not None and kind.name in _MOMENTS:
        return cast(arguments[0], "DATE")
    return call("trunc", *arguments)


def _sign(arguments: Arguments) -> exp.Expr:
    kind = function_type("SIGN", [kind_of(arguments[0])])
    return call("sign", arguments[0]) if kind is None else cast(call("sign", arguments[0]), kind.duckdb)


def _to_number(arguments: Arguments) -> exp.Expr:
    pattern = literal_text(arguments[1], "TO_NUMBER").upper()
    if re.fullmatch(r"[L$ ]*(?:S|MI)?[90,G]+(?:[.D][90]*)?(?:S|MI)?", pattern) is None:
        raise not_emulated(f'TO_NUMBER with the format "{pattern}"')
    whole, _, fraction = pattern.replace("D", ".").partition(".")
    places = fraction.count("9") + fraction.count("0")
    digits = whole.count("9") + whole.count("0") + places
    return cast(macro("to_number", arguments[0]), f"DECIMAL({digits},{places})")


def _quote_literal(arguments: Arguments) -> exp.Expr:
    quote = text("'")
    doubled = call("replace", arguments[0], quote, text("''"))
    return exp.Paren(this=exp.DPipe(this=exp.DPipe(this=quote.copy(), expression=doubled), expression=quote.copy()))


def _variable(name: str) -> Builder:
    return lambda arguments: call("getvariable", text(name))  # noqa: ARG005


def _privilege(name: str) -> Builder:
    """HAS_…_PRIVILEGE, of the current user if none is named."""

    def build(arguments: Arguments) -> exp.Expr:
        user = [] if len(arguments) == 3 else [call("getvariable", text("user"))]
        return macro(name, *user, *arguments)

    return build


def _same_names() -> dict[str, Function]:
    arities: dict[tuple[int, int | None], str] = {
        (0, 0): "PI RANDOM ROW_NUMBER RANK DENSE_RANK PERCENT_RANK CUME_DIST",
        (1, 1): "ABS ATAN CEIL CEILING COS DEGREES FLOOR RADIANS SIN CBRT TAN "
        "UPPER LOWER REVERSE ASCII MD5 COUNT MIN MAX STDDEV STDDEV_SAMP STDDEV_POP VARIANCE "
        "VAR_SAMP VAR_POP MEDIAN ANY_VALUE NTILE SHA1 FIRST_VALUE LAST_VALUE",
        (1, 2): "ROUND LAG LEAD",
        (1, None): "COALESCE GREATEST LEAST",
        (2, 2): "REPEAT STRPOS ATAN2 NTH_VALUE",
        (3, 3): "REPLACE TRANSLATE",
    }
    return {
        name: Function(fewest, most, renamed(name.lower()))
        for (fewest, most), names in arities.items()
        for name in names.split()
    }


FUNCTIONS: dict[str, Function] = {
    **_same_names(),
    **DATE_FUNCTIONS,
    **JSON_FUNCTIONS,
    **dict.fromkeys(("LEN", "LENGTH", "CHAR_LENGTH", "CHARACTER_LENGTH", "TEXTLEN"), Function(1, 1, renamed("length"))),
    **{name: Function(1, 1, _finite(name.lower())) for name in ("ACOS", "ASIN", "COT", "EXP", "LN", "LOG", "SQRT")},
    **{name: Function(1, 1, _bool_aggregate(name.lower())) for name in ("BOOL_AND", "BOOL_OR")},
    **{f"BIT_{name}": Function(1, 1, _bit_aggregate(name.lower())) for name in ("AND", "OR")},
    **{name: Function(2, 2, _end_of_text(name.lower())) for name in ("LEFT", "RIGHT")},
    **dict.fromkeys(("POWER", "POW"), Function(2, 2, _finite("power"))),
    "AVG": Function(1, 1, lambda a: average_of(a[0], None)),
    "BTRIM": Function(1, 2, _trimmed("trim")),
    "CHR": Function(1, 1, lambda a: macro("chr", *a)),
    "CHARINDEX": Function(2, 2, _charindex),
    "CONCAT": Function(2, 2, _concatenated),
    "CURRENT_DATABASE": Function(0, 0, _variable("database")),
    "CURRENT_SCHEMA": Function(0, 0, lambda _: text("public")),
    "DECODE": Function(3, None, _decode),
    "FUNC_SHA1": Function(1, 1, renamed("sha1")),
    "LISTAGG": Function(1, 2, _list_aggregate),
    "LPAD": Function(2, 3, _padded("lpad")),
    "MOD": Function(2, 2, _modulo),
    "VERSION": Function(0, 0, lambda _: text(VERSION)),
    "NULLIF": Function(2, 2, _null_if),
    "NVL": Function(1, None, renamed("coalesce")),
    "NVL2": Function(3, 3, _nvl2),
    "OCTET_LENGTH": Function(1, 1, renamed("strlen")),
    "PERCENTILE_CONT": Function(1, 1, renamed("quantile_cont")),
    "PERCENTILE_DISC": Function(1, 1, renamed("quantile_disc")),
    "RPAD": Function(2, 3, _padded("rpad")),
    "SHA": Function(1, 1, renamed("sha1")),
    "SHA2": Function(2, 2, _sha2),
    "SUM": Function(1, 1, lambda a: sum_of(a[0], None)),
    "STRTOL": Function(2, 2, lambda a: macro("strtol", *a)),
    **dict.fromkeys(("SUBSTR", "SUBSTRING"), Function(2, 3, substring)),
    "LTRIM": Function(1, 2, _trimmed("ltrim")),
    "RTRIM": Function(1, 2, _trimmed("rtrim")),
    "TRIM": Function(1, 2, _trimmed("trim")),
    "TRUNC": Function(1, 2, _truncated),
    "SIGN": Function(1, 1, _sign),
    "HAS_TABLE_PRIVILEGE": Function(2, 3, _privilege("has_table_privilege")),
    "HAS_SCHEMA_PRIVILEGE": Function(2, 3, _privilege("has_schema_privilege")),
    "HAS_DATABASE_PRIVILEGE": Function(2, 3, _privilege("has_database_privilege")),
    "INITCAP": Function(1, 1, lambda a: macro("initcap", *a)),
    "SPLIT_PART": Function(3, 3, lambda a: macro("split_part", *a)),
    "TO_NUMBER": Function(2, 2, _to_number),
    "TO_HEX": Function(1, 1, lambda a: call("lower", call("to_hex", *a))),
    "QUOTE_LITERAL": Function(1, 1, _quote_literal),
    "REPLICATE": Function(2, 2, renamed("repeat")),
    "BPCHARCMP": Function(2, 2, lambda a: macro("_compare", *map(blanks.bare, a))),
    "DEXP": Function(1, 1, _finite("exp")),
    "DLOG1": Function(1, 1, _finite("ln")),
    "DLOG10": Function(1, 1, _finite("log10")),
    **HASH_FUNCTIONS,
    **REGEX_FUNCTIONS,
    "RATIO_TO_REPORT": Function(1, 1, _ratio_to_report),
    APPROXIMATE_COUNT: Function(1, 1, _approximate_count),
}
