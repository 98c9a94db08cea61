"""Types of values that Redshift does not take where DuckDB does.

Sources: the arguments of each aggregate's page, such as https://docs.aws.amazon.com/redshift/latest/dg/r_MIN.html, and
"Set operations don't allow implicit conversion between different categories of data types" of .../dg/r_UNION.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from headrace_local.redshift.datatypes.datatypes import RedshiftType
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.meaning.kinds import is_string, kind_of

_OF_NUMBERS = "AVG STDDEV STDDEV_POP STDDEV_SAMP SUM VARIANCE VAR_POP VAR_SAMP"
_NO_NUMBERS = frozenset({"boolean", "character", "character varying"})
_NOT_TAKEN = {
    **dict.fromkeys([*_OF_NUMBERS.split(), "MEDIAN"], _NO_NUMBERS),
    **dict.fromkeys(("MIN", "MAX"), frozenset({"boolean"})),
}
_WHOLE = frozenset({"smallint", "integer", "bigint"})
_WHOLE_TEXT = re.compile(r"\s*[+-]?\d+\s*")
_NUMBERS = _WHOLE | {"numeric", "real", "double precision"}
_MOMENTS = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})


def check_arguments(name: str, arguments: Sequence[exp.Expr]) -> None:
    """SqlError for an argument whose type the aggregate `name` does not take, or for COUNT of several columns."""
    for argument in arguments:
        kind = kind_of(argument)
        if kind is not None and kind.name in _NOT_TAKEN.get(name.upper(), ()):
            raise SqlError(f"function {name.lower()}({kind.name}) does not exist")
        if isinstance(argument, exp.Distinct) and len(argument.expressions) > 1 and name.upper() != "LISTAGG":
            raise SqlError(f"function {name.lower()}() does not take {len(argument.expressions)} arguments")


def check_category(values: Sequence[exp.Expr], what: str) -> None:
    """SqlError if values that become one column or result are not of one category of types."""
    known = [kind for value in values if (kind := kind_of(value)) is not None]
    check_kinds(known, what)
    if any(map(is_string, values)) and {category_of(kind) for kind in known} & {"number", "boolean"}:
        raise not_emulated(f"{what} of a text literal and values of another type")


def check_comparison(values: Sequence[exp.Expr]) -> None:
    """SqlError for a text literal that is compared with whole numbers and is none."""
    if {kind.name for value in values if (kind := kind_of(value)) is not None} - _WHOLE:
        return
    for value in values:
        if is_string(value) and not _WHOLE_TEXT.fullmatch(str(value.this)) and any(map(kind_of, values)):
            raise SqlError(f'invalid input syntax for integer: "{value.this}"')


def check_kinds(kinds: Sequence[RedshiftType], what: str) -> None:
    """SqlError if types are not of one category; SUPER goes with every other."""
    if len({category_of(kind) for kind in kinds} - {"super"}) > 1:
        raise SqlError(f"{what} types {' and '.join(sorted({kind.name for kind in kinds}))} cannot be matched")


def category_of(kind: RedshiftType) -> str:
    """The category of a type: types of one are converted to each other without a cast."""
    if kind.is_character:
        return "text"
    if kind.name in _NUMBERS:
        return "number"
    return "moment" if kind.name in _MOMENTS else kind.name
