"""Redshift's functions that are known here, and what each becomes in DuckDB. Any other name is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from headrace_local.redshift.dateformats import strftime_format, unit_of
from headrace_local.redshift.dialect import APPROXIMATE_COUNT
from headrace_local.redshift.errors import SqlError, not_emulated

Arguments = list[exp.Expr]
Builder = Callable[[Arguments], exp.Expr]


@dataclass(frozen=True)
class Function:
    """How many arguments a function takes (`most` None: any number) and how its call is built for DuckDB."""

    fewest: int
    most: int | None
    build: Builder


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of DuckDB's function `name`."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def cast(value: exp.Expr, duckdb_type: str) -> exp.Expr:
    """`value` cast to a DuckDB type."""
    return exp.Cast(this=value, to=exp.DataType.build(duckdb_type, dialect="duckdb"))


def text(value: str) -> exp.Expr:
    """A string literal."""
    return exp.Literal.string(value)


def raw(sql: str) -> exp.Expr:
    """A fragment of DuckDB SQL."""
    return exp.Var(this=sql)


def literal_text(value: exp.Expr, of: str) -> str:
    """The text of a string literal; SqlError for anything else."""
    if not (isinstance(value, exp.Literal) and value.is_string):
        raise not_emulated(f"{of} with an argument that is not a string literal")
    return str(value.this)


def translate_call(name: str, arguments: Arguments) -> exp.Expr:
    """The DuckDB form of a Redshift call; SqlError for an unknown function or a wrong number of arguments."""
    function = FUNCTIONS.get(name.upper())
    if function is None:
        raise SqlError(f"function {name.lower()}() does not exist, or is not known to the embedded Redshift")
    too_many = function.most is not None and len(arguments) > function.most
    if len(arguments) < function.fewest or too_many:
        raise SqlError(f"function {name.lower()}() does not take {len(arguments)} arguments")
    return function.build(arguments)


def _renamed(duckdb_name: str) -> Builder:
    return lambda arguments: call(duckdb_name, *arguments)


def _parenthesised(operator: type[exp.Binary]) -> Builder:
    return lambda arguments: exp.Paren(this=operator(this=arguments[0], expression=arguments[1]))


def _average(arguments: Arguments) -> exp.Expr:
    """AVG of integers is an integer in Redshift: the connection's `/` divides integers as such."""
    total, count = call("sum", arguments[0]), call("count", arguments[0].copy())
    return exp.Div(this=total, expression=count)


def _now(arguments: Arguments) -> exp.Expr:
    del arguments
    return cast(raw("date_trunc('second', current_timestamp)"), "TIMESTAMP")


def _date_add(arguments: Arguments) -> exp.Expr:
    unit, amount, moment = arguments
    step = call(f"to_{unit_of(unit)}s", cast(amount, "BIGINT"))
    return exp.Paren(this=exp.Add(this=_as_timestamp(moment), expression=step))


def _date_diff(arguments: Arguments) -> exp.Expr:
    unit, start, end = arguments
    return call("date_diff", text(unit_of(unit)), _as_timestamp(start), _as_timestamp(end))


def _date_trunc(arguments: Arguments) -> exp.Expr:
    return call("date_trunc", text(unit_of(arguments[0])), _as_timestamp(arguments[1]))


def date_part(unit: str, moment: exp.Expr) -> exp.Expr:
    """A whole part of a moment: Redshift's EXTRACT and DATE_PART."""
    return cast(call("floor", call("date_part", text(unit), _as_timestamp(moment))), "BIGINT")


def _as_timestamp(value: exp.Expr) -> exp.Expr:
    return cast(value, "TIMESTAMP")


def _date_part(arguments: Arguments) -> exp.Expr:
    return cast(date_part(unit_of(arguments[0]), arguments[1]), "DOUBLE")


def _to_char(arguments: Arguments) -> exp.Expr:
    moment, pattern = arguments
    return call("strftime", _as_timestamp(moment), text(strftime_format(literal_text(pattern, "TO_CHAR"))))


def _parsed_moment(name: str, duckdb_type: str) -> Builder:
    def build(arguments: Arguments) -> exp.Expr:
        pattern = strftime_format(literal_text(arguments[1], name))
        return cast(call("strptime", arguments[0], text(pattern)), duckdb_type)

    return build


def _convert_timezone(arguments: Arguments) -> exp.Expr:
    source = arguments[0] if len(arguments) == 3 else text("UTC")
    target, moment = arguments[-2:]
    return call("timezone", target, call("timezone", source, _as_timestamp(moment)))


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
        case = case.when(exp.NullSafeEQ(this=subject.copy(), expression=searched), result)
    return case


def _nvl2(arguments: Arguments) -> exp.Expr:
    present = exp.Not(this=exp.Is(this=arguments[0], expression=exp.Null()))
    return exp.Case(default=arguments[2]).when(present, arguments[1])


def _json_path_text(arguments: Arguments) -> exp.Expr:
    keys = [literal_text(key, "JSON_EXTRACT_PATH_TEXT").replace('"', '\\"') for key in arguments[1:]]
    return call("json_extract_string", arguments[0], text("$" + "".join(f'."{key}"' for key in keys)))


def _approximate_count(arguments: Arguments) -> exp.Expr:
    value = arguments[0]
    if not isinstance(value, exp.Distinct) or len(value.expressions) != 1:
        raise SqlError("APPROXIMATE is only allowed with COUNT(DISTINCT expression)")
    return call("approx_count_distinct", value.expressions[0])


def _charindex(arguments: Arguments) -> exp.Expr:
    return call("strpos", arguments[1], arguments[0])


def _padded(name: str) -> Builder:
    def build(arguments: Arguments) -> exp.Expr:
        return call(name, *arguments, *([text(" ")] if len(arguments) == 2 else []))

    return build


def _regexp_replace(arguments: Arguments) -> exp.Expr:
    replacement = arguments[2] if len(arguments) == 3 else text("")
    return call("regexp_replace", arguments[0], arguments[1], replacement, text("g"))


def _variable(name: str) -> Builder:
    return lambda arguments: call("getvariable", text(name))  # noqa: ARG005


def _same_names() -> dict[str, Function]:
    arities: dict[tuple[int, int | None], str] = {
        (0, 0): "PI RANDOM ROW_NUMBER RANK DENSE_RANK PERCENT_RANK CUME_DIST",
        (1, 1): "ABS ACOS ASIN ATAN CEIL CEILING COS COT DEGREES EXP FLOOR LN RADIANS SIGN SIN SQRT CBRT TAN "
        "UPPER LOWER REVERSE ASCII CHR MD5 COUNT SUM MIN MAX STDDEV STDDEV_SAMP STDDEV_POP VARIANCE "
        "VAR_SAMP VAR_POP MEDIAN BOOL_AND BOOL_OR ANY_VALUE NTILE LAST_DAY SHA1 FIRST_VALUE LAST_VALUE",
        (1, 2): "ROUND LTRIM RTRIM",
        (1, 3): "LAG LEAD",
        (1, None): "COALESCE GREATEST LEAST",
        (2, 2): "NULLIF LEFT RIGHT REPEAT STRPOS MOD POWER ATAN2 NTH_VALUE",
        (3, 3): "REPLACE SPLIT_PART TRANSLATE",
    }
    return {
        name: Function(fewest, most, _renamed(name.lower()))
        for (fewest, most), names in arities.items()
        for name in names.split()
    }


FUNCTIONS: dict[str, Function] = {
    **_same_names(),
    **dict.fromkeys(
        ("LEN", "LENGTH", "CHAR_LENGTH", "CHARACTER_LENGTH", "TEXTLEN"), Function(1, 1, _renamed("length"))
    ),
    "ADD_MONTHS": Function(2, 2, lambda a: _date_add([raw("month"), a[1], a[0]])),
    "AVG": Function(1, 1, _average),
    "BTRIM": Function(1, 2, _renamed("trim")),
    "CHARINDEX": Function(2, 2, _charindex),
    "CONCAT": Function(2, 2, _parenthesised(exp.DPipe)),
    "CONVERT_TIMEZONE": Function(2, 3, _convert_timezone),
    "CURRENT_DATABASE": Function(0, 0, _variable("database")),
    "CURRENT_SCHEMA": Function(0, 0, lambda _: text("public")),
    "DATEADD": Function(3, 3, _date_add),
    "DATE_ADD": Function(3, 3, _date_add),
    "DATEDIFF": Function(3, 3, _date_diff),
    "DATE_DIFF": Function(3, 3, _date_diff),
    "DATE_PART": Function(2, 2, _date_part),
    "DATE_TRUNC": Function(2, 2, _date_trunc),
    "DECODE": Function(3, None, _decode),
    "FUNC_SHA1": Function(1, 1, _renamed("sha1")),
    "GETDATE": Function(0, 0, _now),
    "GET_ARRAY_LENGTH": Function(1, 1, _renamed("json_array_length")),
    "IS_VALID_JSON": Function(1, 1, _renamed("json_valid")),
    "JSON_EXTRACT_PATH_TEXT": Function(2, 6, _json_path_text),
    "JSON_PARSE": Function(1, 1, _renamed("json")),
    "JSON_SERIALIZE": Function(1, 1, lambda a: cast(a[0], "VARCHAR")),
    "LISTAGG": Function(1, 2, _list_aggregate),
    "LPAD": Function(2, 3, _padded("lpad")),
    "NVL": Function(1, None, _renamed("coalesce")),
    "NVL2": Function(3, 3, _nvl2),
    "OCTET_LENGTH": Function(1, 1, _renamed("strlen")),
    "PERCENTILE_CONT": Function(1, 1, _renamed("percentile_cont")),
    "PERCENTILE_DISC": Function(1, 1, _renamed("percentile_disc")),
    "POW": Function(2, 2, _renamed("power")),
    "REGEXP_REPLACE": Function(2, 3, _regexp_replace),
    "RPAD": Function(2, 3, _padded("rpad")),
    "SHA": Function(1, 1, _renamed("sha1")),
    "SHA2": Function(2, 2, _sha2),
    "SUBSTR": Function(2, 3, _renamed("substring")),
    "TO_CHAR": Function(2, 2, _to_char),
    "TO_DATE": Function(2, 2, _parsed_moment("TO_DATE", "DATE")),
    "TO_TIMESTAMP": Function(2, 2, _parsed_moment("TO_TIMESTAMP", "TIMESTAMPTZ")),
    APPROXIMATE_COUNT: Function(1, 1, _approximate_count),
}
