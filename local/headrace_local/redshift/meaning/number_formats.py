"""TO_CHAR of numbers: https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_formating.html.

Redshift's reference shows few results, so only patterns are taken whose results follow from those, or from PostgreSQL
8.0's table of examples (https://www.postgresql.org/docs/8.0/functions-formatting.html); all others are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.datatypes.datatypes import RedshiftType
from headrace_local.redshift.errors import not_emulated
from headrace_local.redshift.syntax.nodes import text

WHOLE, EXACT = frozenset({"smallint", "integer", "bigint"}), "numeric"
MOST_DIGITS = 19
"""DECIMALs of more digits take 128 bits, which TO_CHAR does not support: .../dg/r_TO_CHAR.html"""
PATTERN = re.compile(
    r"(?P<fill>FM)?(?P<dollar>\$)?(?P<before>S)?(?P<whole>[09][09,G]*)(?:[.D](?P<fraction>[09]+))?(?P<after>S|MI|PR)?"
)


@dataclass(frozen=True)
class NumberFormat:
    """A pattern: `whole` digits before the point, of which the last `zeros` are always shown, and `places` after it."""

    whole: int
    zeros: int
    places: int
    grouped: bool
    sign: str
    dollar: bool
    fill: bool

    @property
    def width(self) -> int:
        """Characters without sign and currency."""
        return self.whole + (self.whole - 1) // 3 * self.grouped + (self.places + 1 if self.places else 0)


def number_format(pattern: str) -> NumberFormat:
    """A pattern, read. SqlError that names it where its result is not known for certain."""
    read = PATTERN.fullmatch(pattern.upper())
    if read is None or (read["before"] and read["after"]):
        raise not_emulated(f'TO_CHAR of a number with the format "{pattern}"')
    whole, fraction = read["whole"].replace("G", ","), read["fraction"] or ""
    digits = whole.replace(",", "")
    grouped = f"{'9' * len(digits)}" != re.sub("0", "9", whole)
    regular = re.sub("[09]", "9", whole) == f"{int('9' * len(digits)):,}"
    if (grouped and not regular) or (read["fill"] and "9" in fraction):
        raise not_emulated(f'TO_CHAR of a number with the format "{pattern}"')
    zeros = len(digits) - digits.find("0") if "0" in digits else 0
    sign = "S<" if read["before"] else {"S": ">S"}.get(read["after"] or "", read["after"] or "")
    return NumberFormat(len(digits), zeros, len(fraction), grouped, sign, bool(read["dollar"]), bool(read["fill"]))


def shown_number(number: exp.Expr, kind: RedshiftType | None, pattern: str) -> exp.Expr:
    """TO_CHAR of `number`."""
    if kind is None or (kind.name not in WHOLE and kind.name != EXACT):
        raise not_emulated("TO_CHAR of what is neither a moment nor a whole or DECIMAL number")
    if (kind.precision or 0) > MOST_DIGITS:
        raise not_emulated(f"TO_CHAR of a DECIMAL of more than {MOST_DIGITS} digits, as by Redshift, which")
    form = number_format(pattern)
    sizes = (exp.Literal.number(each) for each in (form.places, form.whole, form.zeros))
    body = macro("_digits_shown", number, *sizes, exp.Boolean(this=form.grouped))
    width = exp.Literal.number(0 if form.fill else form.width)
    return macro("_with_sign", number.copy(), body, width, text(form.sign), text("$" if form.dollar else ""))
