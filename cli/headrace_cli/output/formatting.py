"""Numbers, times and states as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.text import Text

STYLES = {
    "loaded": "green",
    "duplicate": "cyan",
    "grouped": "green",
    "waiting": "yellow",
    "pending": "yellow",
    "running": "blue",
    "staged": "yellow",
    "merging": "blue",
    "held": "bold yellow",
    "failed": "bold red",
    "unroutable": "magenta",
}
MINUTE, HOUR, DAY = 60, 3600, 86400
ROW_KINDS = ("loaded", "superseded", "quarantined", "duplicate")
PASSING = ("staged", "withheld", "discarded")
"""Rows that are counted only where there are any: on their way, of files that are held or failed whole, or given up."""
ROW_HEADERS = ("rows\nread", "rows\nloaded", "super-\nseded", "quaran-\ntined", "dupli-\ncate")
"""The headers over the cells of `row_cells`, narrow enough for five of them."""


def number(value: float | None) -> str:
    """1234567 as 1,234,567; nothing as a dash."""
    return "-" if value is None else f"{value:,}"


def size(count: int) -> str:
    """Bytes in the unit that keeps the number short."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def money(usd: float) -> str:
    """USD with cents; what is less than one with two digits."""
    return f"{usd:,.2f}" if usd >= 0.01 or not usd else f"{usd:.2g}"


def duration(seconds: float | None) -> str:
    """Seconds as 0.4 s, 12 s, 3 min 5 s, 2 h 10 min or 4 d 3 h."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole // MINUTE, "min", whole % MINUTE, "s")
    if whole < DAY:
        return _two(whole // HOUR, "h", whole % HOUR // MINUTE, "min")
    return _two(whole // DAY, "d", whole % DAY // HOUR, "h")


def ago(seconds: float | None) -> str:
    """How long ago something was, in one unit; never if it was not."""
    if seconds is None:
        return "never"
    return f"{' '.join(duration(seconds).split()[:2])} ago"


def _two(big: int, unit: str, small: int, smaller_unit: str) -> str:
    return f"{big} {unit} {small} {smaller_unit}" if small else f"{big} {unit}"


def moment(text: str) -> datetime:
    """A time of the ledger's, or of AWS's, as a datetime in UTC."""
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def clock(text: str | None) -> str:
    """A time as 2026-01-31 09:05:07Z; nothing as a dash."""
    return moment(text).strftime("%Y-%m-%d %H:%M:%SZ") if text else "-"


def status_text(status: str) -> Text:
    """A file's or batch's status in its colour."""
    return Text(status, style=STYLES.get(status, ""))


def row_cells(rows: dict[str, Any]) -> list[str]:
    """A row count's cells for a table with `ROW_HEADERS`."""
    return [number(rows[kind]) for kind in ("read", *ROW_KINDS)]


def tick(good: bool) -> Text:
    """A green tick, or a red cross."""
    return Text("✓", style="green") if good else Text("✗", style="bold red")


def balanced(rows: dict[str, Any]) -> bool:
    """Whether every row read is accounted for."""
    return bool(rows["read"] == sum(rows[kind] for kind in ROW_KINDS) + sum(rows.get(kind, 0) for kind in PASSING))


def balance(rows: dict[str, Any]) -> str:
    """The row balance as an equation: 10 read = 7 loaded + 1 superseded + 2 quarantined + 0 duplicate."""
    kinds = (*ROW_KINDS, *(kind for kind in PASSING if rows.get(kind)))
    parts = " + ".join(f"{rows[kind]:,} {kind}" for kind in kinds)
    sign = "=" if balanced(rows) else "≠"
    return f"{rows['read']:,} read {sign} {parts}"


def count(value: int, noun: str) -> str:
    """1 file, 2 files."""
    return f"{value:,} {noun}" + ("" if value == 1 else "s")
