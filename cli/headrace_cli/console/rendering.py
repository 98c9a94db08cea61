"""Turns documents into pages. Everything is escaped; what a producer wrote can be no markup and no invisible sign."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from headrace.domain.files.names import printable
from headrace_cli.console.drawing.svg import sparkline, stacked_bars
from headrace_cli.output.formatting import ago, balanced, clock, count, duration, moment, number, size
from headrace_cli.output.highlight import fault_span

LONGEST_RAW = 400
"""Characters of a bad row that are shown; the download has all."""
BEFORE_FAULT = 120


def shown(value: Any) -> Any:
    """A text in which no sign is hidden: control characters and reversed writing are escaped, as on a terminal."""
    return printable(value, keep="\n\t") if isinstance(value, str) and not isinstance(value, Markup) else value


def typed(text: str) -> Markup:
    """What a person typed, for the field that they typed it in: no markup, and every sign as it was."""
    return escape(text)


@cache
def environment() -> Environment:
    """The templates, with the formats that the commands have."""
    made = Environment(
        loader=PackageLoader("headrace_cli.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": lambda at: ago(age(at)),
        "clock": clock,
        "duration": duration,
        "n": number,
        "size": size,
        "percent": percent,
        "marked": marked,
        "typed": typed,
    }
    made.globals |= {"count": count, "balanced": balanced, "sparkline": sparkline, "stacked_bars": stacked_bars}
    return made


def age(at: str | None) -> float | None:
    """The seconds since a time."""
    return (datetime.now(UTC) - moment(at)).total_seconds() if at else None


def percent(share: float) -> str:
    """A share as 0 %, 0.03 %, 4.2 %; never 0 % of something."""
    if not share:
        return "0 %"
    return "< 0.01 %" if share < 0.0001 else f"{share * 100:.2g} %"


def marked(row: dict[str, Any]) -> Markup:
    """A bad row's raw text with the fault marked and a caret below it, where that is certain."""
    raw = row["raw"]
    span = fault_span(raw, row["rule"], row["reason"])
    begin = max(0, span[0] - BEFORE_FAULT) if span else 0
    end = begin + LONGEST_RAW
    if span is None or span[0] >= end:
        return Markup("{}{}").format(line(raw[:LONGEST_RAW]), "…" if len(raw) > LONGEST_RAW else "")
    before, fault, after = (
        line(part) for part in (raw[begin : span[0]], raw[slice(*span)][:LONGEST_RAW], raw[span[1] : end])
    )
    lead = "…" if begin else ""
    caret = " " * len(lead + before) + "^" * max(len(fault), 1)
    return Markup("{}{}<mark>{}</mark>{}{}\n<span class=caret aria-hidden=true>{}</span>").format(
        lead, before, fault or " ", after, "…" if end < len(raw) else "", caret
    )


def line(text: str) -> str:
    """A text on one line."""
    return printable(text)


def render(name: str, **values: Any) -> str:
    """A whole page."""
    return environment().get_template(name).render(**values)
