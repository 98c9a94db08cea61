"""How the values of a column are written where that is not the usual way. docs/contracts.md has the words for it."""

from __future__ import annotations

from dataclasses import dataclass

BLANK = "blank"
"""As a grouping mark: any of `BLANKS`."""
BLANKS = "\t \u00a0\u2007\u2009\u202f"
"""Tab, blank, and the no-break, figure, thin and narrow no-break space."""
PARENTHESES, TRAILING, MINUS_SIGN = NEGATIVES = ("parentheses", "trailing", "minusSign")
AS_NUMBER, AS_FRACTION = PERCENTS = ("number", "fraction")
ZEROS, HALF_UP, HALF_EVEN, CUT = ROUNDINGS = ("zeros", "halfUp", "halfEven", "cut")
EARLIER, LATER = AMBIGUOUS = ("earlier", "later")
FINER = ("cut", "round")


@dataclass(frozen=True, slots=True)
class Writing:
    """How values are written; what is not said holds as usual.

    Numbers: `decimal_mark`, `grouping_mark` (none if empty; `BLANK`), `units` beside them that mean nothing, what `%`
    means (one of `PERCENTS`), how else less than zero is written (of `NEGATIVES`), `exponents` of exact numbers, how
    they are rounded to the scale (one of `ROUNDINGS`; not at all if empty), how many of their digits are decimals that
    no mark precedes.

    Times: the `zone` of those that name none (UTC if empty), which is meant of two times where its clocks go back (one
    of `AMBIGUOUS`, else neither), the first year of the hundred that two digits mean, what becomes of digits finer
    than a microsecond (one of `FINER`), and whether 24:00 is the end of a day.

    All values: the words that mean nothing (`nulls`; those of the file if None), whether blanks around them are
    `trim`med and `="…"` means what is in the quotes (`excel_text`), what stands where there is no value (`default`).
    The words for `true` and `false`, instead of the usual. Texts may be `cut` to the column's length, and have
    characters in the place of bytes that are none (`replaces`). With `loose` JSON's types don't count: a text may be
    a number's, and a number a text.
    """

    decimal_mark: str = "."
    grouping_mark: str = ""
    units: tuple[str, ...] = ()
    percent: str = ""
    negatives: tuple[str, ...] = ()
    exponents: bool = False
    rounding: str = ""
    implied_decimals: int = 0
    zone: str = ""
    ambiguous: str = ""
    first_year: int = 0
    finer: str = ""
    hour24: bool = False
    nulls: tuple[str, ...] | None = None
    trim: bool = False
    excel_text: bool = False
    default: str | None = None
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    cut: bool = False
    replaces: bool = False
    loose: bool = False


USUAL = Writing()
