"""Texts that are numbers or times in another than the usual way: how a contract would say it, and what to ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headrace.domain.writing import BLANK, BLANKS, Writing
from headrace.transform.values.inference import LEADING_ZERO, Guess, guess
from headrace.transform.values.numbers import rewriter
from headrace.transform.values.times import date_reader, timestamp_reader
from headrace_compiler.draft.shown import shown

MARKS = ((",", "."), (",", BLANK), (".", ","), (".", "'"), (".", BLANK), (",", ""), (".", ""))
"""Decimal and grouping marks that go together, the commonest first."""
UNITS = re.compile(
    r"[\u20a0-\u20bf$£¥¢]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|kr|Fr\.|zł|Kč"
)
"""Signs and codes of currencies; other letters beside digits are codes."""
THOUSANDS = re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]{1,3})")
SIGNS = {"(": "parentheses", "\u2212": "minusSign"}
DAYS = ("M/d/yyyy", "d/M/yyyy", "d.M.yyyy", "d-M-yyyy", "yyyy-M-d", "yyyy/M/d", "yyyy.M.d",
        "dd-MMM-yyyy", "dd MMM yyyy", "d MMM yyyy", "MMM d, yyyy", "MMMM d, yyyy", "MMM d yyyy", "MMMM d yyyy",
        "d MMMM yyyy", "EEE, d MMM yyyy", "EEEE, MMMM d, yyyy", "dd-MMM-yy", "d-MMM-yy", "M/d/yy", "d/M/yy",
        "d.M.yy")  # fmt: skip
CLOCKS = ("H:mm", "H:mm:ss", "h:mm a", "h:mm:ss a", "H:mm:ss.S*", "H:mm:ss 'GMT'", "H:mm:ss 'UTC'", "H:mm:ss XX")
OTHER_TIMES = ("dd/MMM/yyyy:HH:mm:ss XX", "yyyy-MM-dd-HH.mm.ss.S*")
"""Of Apache's logs (https://httpd.apache.org/docs/current/mod/mod_log_config.html), and of Db2
(https://www.ibm.com/docs/en/db2/11.5?topic=list-datetime-values)."""
MOST_UNITS = 3
FEWEST = 2
"""A single value is no habit."""
CENTURY = 1970
YES_NO = (
    {"y", "n"},
    {"yes", "no"},
    {"t", "f"},
    {"j", "n"},
    {"ja", "nein"},
    {"oui", "non"},
    {"si", "no"},
    {"on", "off"},
)


class Written(NamedTuple):
    """A type, the customProperties that it needs, what people should decide, and numbers in the usual writing."""

    guess: Guess
    options: tuple[tuple[str, object], ...]
    question: str
    usual: tuple[str, ...] = ()


def written(texts: Sequence[str]) -> Written | None:
    """What texts are that are no usual values; None where they are just texts."""
    if len(texts) < FEWEST:
        return None
    return _padded(texts) or (None if any(map(LEADING_ZERO.match, texts)) else _number(texts)) or _time(texts)


def has_decimal_comma(made: Written | None) -> bool:
    """Whether the column's numbers are written with a comma before decimals."""
    return made is not None and ("decimalMark", ",") in made.options


def seems_grouped(texts: Sequence[str]) -> bool:
    """Whether the points of numbers may divide thousands: three digits follow each."""
    return any("." in text for text in texts) and all(map(THOUSANDS.fullmatch, texts))


def grouped(texts: Sequence[str]) -> Written:
    """Such numbers as integers."""
    usual = tuple(text.replace(".", "") for text in texts)
    why = "since another column has decimal commas; or are these decimals?"
    question = f"{shown(texts[0])} is read as {usual[0]}, {why}"
    return Written(guess(usual), (("groupingMark", "."),), question, usual)


def lines_of(options: Sequence[tuple[str, object]]) -> Iterator[str]:
    """The customProperties of a property."""
    if options:
        yield "        customProperties:"
    for name, value in options:
        yield f"          - {{property: {name}, value: {json.dumps(value, ensure_ascii=False)}}}"


def words_question(texts: Sequence[str]) -> str | None:
    """Whether two words may mean true and false."""
    found = {text.lower() for text in texts}
    if found not in YES_NO:
        return None
    words = " and ".join(sorted(set(texts))[:MOST_UNITS])
    return f"do {words} mean true and false? Then it is a boolean, with trueValues and falseValues"


def _padded(texts: Sequence[str]) -> Written | None:
    stripped = [text.strip(BLANKS) for text in texts]
    if stripped == list(texts):
        return None
    found = guess([text for text in stripped if text])
    if found.logical == "string" or not any(stripped):
        return None
    return Written(
        found, (("trim", True),), "blanks stand around its values, which trim takes away", tuple(filter(None, stripped))
    )


def _number(texts: Sequence[str]) -> Written | None:
    fitting = [made for made in _writings(texts) if _usual(texts, made)]
    if not fitting:
        return None
    best = min(fitting, key=lambda made: guess(_usual(texts, made) or []).logical != "integer")
    usual = _usual(texts, best) or []
    found = guess(usual)
    if found.logical not in {"integer", "number"}:
        return None
    different = next((made for made in fitting if _usual(texts, made) != usual), None)
    said = f"{shown(texts[0])} is read as {usual[0]}"
    other = f"; or as {(_usual(texts, different) or [''])[0]}, with other marks?" if different else ""
    percent = "; with `percent: fraction` 1% is 0.01" if best.percent else ""
    if len(best.units) > 1:
        listed = ", ".join(best.units)
        question = (
            f"numbers in {listed}: one column of numbers would mix them, with units: [{listed}] it leaves them out"
        )
        return Written(guess(texts), (), question)
    return Written(found, _options(best, found), f"{said}{other}{percent}", tuple(usual))


def _writings(texts: Sequence[str]) -> Iterator[Writing]:
    together = "".join(texts)
    units = tuple(dict.fromkeys(unit for text in texts for unit in UNITS.findall(text)))
    if len(units) > MOST_UNITS:
        return
    negatives = [name for sign, name in SIGNS.items() if sign in together]
    negatives += ["trailing"] if any(text.rstrip().endswith("-") for text in texts) else []
    percent = "number" if "%" in together else ""
    for mark, group in MARKS:
        yield Writing(mark, group, units, percent, tuple(negatives))


def _usual(texts: Sequence[str], made: Writing) -> list[str] | None:
    """The numbers as they are usually written; None where one is none, or a grouping mark is in none."""
    rewritten = [rewriter(made, exponents=False)(text) for text in texts]
    usual = [text for text in rewritten if text is not None]
    mark = f"[{BLANKS}]" if made.grouping_mark == BLANK else re.escape(made.grouping_mark)
    is_grouped = not made.grouping_mark or any(re.search(f"[0-9]{mark}[0-9]", text) for text in texts)
    return usual if is_grouped and len(usual) == len(texts) else None


def _options(made: Writing, found: Guess) -> tuple[tuple[str, object], ...]:
    said = (
        ("decimalMark", made.decimal_mark if made.decimal_mark != "." and found.logical == "number" else None),
        ("groupingMark", made.grouping_mark or None),
        ("units", list(made.units) or None),
        ("percent", made.percent or None),
        ("negatives", list(made.negatives) or None),
    )
    return tuple((name, value) for name, value in said if value is not None)


def _time(texts: Sequence[str]) -> Written | None:
    century = Writing(first_year=CENTURY)
    days = tuple(text for text in DAYS if _reads_all(text, texts, "date", century))
    if days:
        return _of_format("date", days)
    clocks = [f"{day} {clock}" for day in DAYS for clock in CLOCKS] + list(OTHER_TIMES)
    times = tuple(text for text in clocks if _reads_all(text, texts, "timestamp", century))
    return _of_format("timestamp", times) if times else None


def _of_format(logical: str, formats: tuple[str, ...]) -> Written:
    two_digits = "yyyy" not in formats[0]
    options = (("twoDigitYears", CENTURY),) if two_digits else ()
    question = f"two digits mean {CENTURY} to {CENTURY + 99}" if two_digits else ""
    return Written(Guess(logical, None, formats), options, question)


def _reads_all(written_as: str, texts: Sequence[str], logical: str, century: Writing) -> bool:
    read = (date_reader if logical == "date" else timestamp_reader)((written_as,), century)
    try:
        for text in texts:
            read(text)
    except ValueError:
        return False
    return True
