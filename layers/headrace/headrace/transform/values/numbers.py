"""Numbers as people write them, `1.234,56 €` or `(12.50)`, in the usual writing: `1234.56`, `-12.50`.

A way to write is an expression for the whole text, and steps that rewrite what fits. Python and RE2 understand both
alike, so that values one by one and whole columns are rewritten by the same table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from headrace.domain.contract import Column
from headrace.domain.kind import NUMBERS
from headrace.domain.writing import (
    AS_FRACTION,
    BLANK,
    BLANKS,
    MINUS_SIGN,
    PARENTHESES,
    TRAILING,
    Writing,
)

SPACE = f"[{BLANKS}]"
MINUS = "\u2212"
TEXT_STEPS = re.compile(r"\\([0-9])")
HUNDREDTHS = 2
"""How many places the point of a percentage moves."""


@dataclass(frozen=True, slots=True)
class NumberForm:
    r"""`fits` matches whole texts. Each step is an expression, and what takes its place: `\1` is its first group."""

    fits: str
    steps: tuple[tuple[str, str], ...]


def is_rewritten(column: Column) -> bool:
    """Whether a column's numbers are written in another than the usual way."""
    written = column.writing
    said = (written.grouping_mark, written.units, written.percent, written.negatives, written.implied_decimals)
    return column.kind in NUMBERS and (written.decimal_mark != "." or any(said))


@cache
def number_form(written: Writing, *, exponents: bool) -> NumberForm:
    """The way in which numbers are written; of doubles, with `exponents` in any case."""
    return NumberForm(
        _fitting(written, exponents or written.exponents),
        (*_cleaning(written), *_signs(written), *_moved_point(written)),
    )


@cache
def rewriter(written: Writing, *, exponents: bool) -> Callable[[str], str | None]:
    """A function from a number as it is written to the usual writing; None for what is not written so."""
    form = number_form(written, exponents=exponents)
    fits = re.compile(form.fits)
    steps = [(re.compile(pattern), TEXT_STEPS.sub(r"\\g<\1>", by)) for pattern, by in form.steps]

    def rewritten(text: str) -> str | None:
        if fits.fullmatch(text) is None:
            return None
        for pattern, by in steps:
            text = pattern.sub(by, text)
        return text

    return rewritten


def example(written: Writing) -> str:
    """A number as the contract says it is written, for people."""
    group = " " if written.grouping_mark == BLANK else written.grouping_mark
    unit = f" {written.units[0]}" if written.units else ""
    return f"1{group}234{'' if written.implied_decimals else written.decimal_mark}50{unit}"


def _fitting(written: Writing, exponents: bool) -> str:
    """The expression: signs and units in any usual order around a number, and one sign at most."""
    minus = f"[+{MINUS}-]" if MINUS_SIGN in written.negatives else "[+-]"
    number, unit = _digits(written, exponents), _any_of(map(re.escape, written.units))
    before = f"(?:{unit}{SPACE}*)?" if unit else ""
    behind = _any_of([*([unit] if unit else []), *(["%"] if written.percent else [])])
    behind = f"(?:{SPACE}*{behind})?" if behind else ""
    forms = [f"(?:{before}{minus}?|{minus}{before}){number}{behind}"]
    if TRAILING in written.negatives:
        forms += [f"{before}{number}{behind}{SPACE}*{minus}", f"{before}{number}{SPACE}*{minus}{behind}"]
    if PARENTHESES in written.negatives:
        forms.append(rf"{before}\({before}{number}{behind}\){behind}")
    return _any_of(forms)


def _digits(written: Writing, exponents: bool) -> str:
    """The digits of a number, its grouping marks where they divide thousands, or lakhs and crores."""
    whole = "[0-9]+"
    if written.grouping_mark:
        mark = SPACE if written.grouping_mark == BLANK else re.escape(written.grouping_mark)
        whole = f"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]{{1,2}}(?:{mark}[0-9]{{2}})+{mark}[0-9]{{3}}|[0-9]+)"
    if written.implied_decimals:
        return whole
    point = re.escape(written.decimal_mark)
    number = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
    return f"{number}(?:[eE][+-]?[0-9]+)?" if exponents else number


def _any_of(forms: Iterable[str]) -> str:
    listed = sorted(forms, key=len, reverse=True)
    return f"(?:{'|'.join(listed)})" if listed else ""


def _cleaning(written: Writing) -> list[tuple[str, str]]:
    """Takes units, blanks and grouping marks away, and makes a point of the decimal mark."""
    has_blanks = written.grouping_mark == BLANK or written.units or written.percent or TRAILING in written.negatives
    steps = [(_any_of([*map(re.escape, written.units), SPACE]), "")] if has_blanks else []
    if written.grouping_mark not in {"", BLANK}:
        steps.append((re.escape(written.grouping_mark), ""))
    if written.decimal_mark != ".":
        steps.append((re.escape(written.decimal_mark), "."))
    return steps


def _signs(written: Writing) -> list[tuple[str, str]]:
    """Puts a minus in front of what is less than zero."""
    known = {
        MINUS_SIGN: [(MINUS, "-")],
        PARENTHESES: [(r"^\((.*)\)(%?)$", r"-\1\2")],
        TRAILING: [(r"^([^+-]*)([+-])(%?)$", r"\2\1\3")],
    }
    return [step for name in (MINUS_SIGN, PARENTHESES, TRAILING) if name in written.negatives for step in known[name]]


def _moved_point(written: Writing) -> list[tuple[str, str]]:
    """Divides percentages, and puts the point where implied decimals begin."""
    places = written.implied_decimals
    implied = [
        (rf"^([+-]?)([0-9]{{1,{places}}})(%?)$", rf"\1{'0' * places}\2\3"),
        (rf"^([+-]?[0-9]+)([0-9]{{{places}}})(%?)$", r"\1.\2\3"),
    ]
    hundredths = [
        (r"^([+-]?)([0-9]*)(\.[0-9]*)?%$", rf"\1{'0' * HUNDREDTHS}\2\3%"),
        (rf"^([+-]?[0-9]*)([0-9]{{{HUNDREDTHS}}})(?:\.([0-9]*))?%$", r"\1.\2\3"),
    ]
    percent = hundredths if written.percent == AS_FRACTION else [("%$", "")]
    moved = [*(implied if places else []), *(percent if written.percent else [])]
    return [*moved, *([(r"^([+-]?)0+([0-9])", r"\1\2")] if moved else [])]
