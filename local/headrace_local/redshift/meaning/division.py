"""Division of DECIMALs: exact, with the precision and scale that Redshift gives, cut and not rounded.

Source: https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
"""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.datatypes.datatypes import MAX_DECIMAL_PRECISION, RedshiftType
from headrace_local.redshift.syntax.nodes import cast


def divided(
    left: exp.Expr, right: exp.Expr, kinds: tuple[RedshiftType, RedshiftType], result: RedshiftType
) -> exp.Expr:
    """`left / right` for decimals of `kinds`, as a decimal of type `result`."""
    one, other = kinds
    shift = (result.scale or 0) - (one.scale or 0) + (other.scale or 0)
    quotient = exp.IntDiv(
        this=exp.Paren(this=exp.Mul(this=_unscaled(left, one), expression=_power(shift))),
        expression=_unscaled(right, other),
    )
    places = result.scale or 0
    unit = cast(exp.Literal.string("0." + "0" * (places - 1) + "1"), f"DECIMAL({places + 1},{places})")
    whole = cast(exp.Paren(this=quotient), f"DECIMAL({MAX_DECIMAL_PRECISION},0)")
    return cast(exp.Paren(this=exp.Mul(this=whole, expression=unit)), result.duckdb)


def _unscaled(value: exp.Expr, kind: RedshiftType) -> exp.Expr:
    """The digits of a decimal as a whole number."""
    exact = cast(value, f"DECIMAL({MAX_DECIMAL_PRECISION},{kind.scale})")
    if not kind.scale:
        return cast(exact, "HUGEINT")
    factor = cast(exp.Literal.string("1" + "0" * kind.scale), f"DECIMAL({kind.scale + 1},0)")
    return cast(exp.Paren(this=exp.Mul(this=exact, expression=factor)), "HUGEINT")


def _power(exponent: int) -> exp.Expr:
    return cast(exp.Literal.string("1" + "0" * exponent), "HUGEINT")
