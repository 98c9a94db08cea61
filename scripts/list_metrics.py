"""Write the table of CloudWatch metrics into docs/metrics.md: `.venv/bin/python -m scripts.list_metrics`.

The table is made of `layers/headrace/headrace/domain/measures.py`; a test holds the page to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headrace.domain.measures import MEASURES, Measure

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
BEGIN = "<!-- the metrics: written by scripts/list_metrics.py -->\n"
END = "<!-- the end of the metrics -->\n"


def listing() -> str:
    """The table as Markdown."""
    return "\n".join(_lines()) + "\n"


def listed(page: str) -> str:
    """The page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + listing() + END + rest.partition(END)[2]


def _lines() -> Iterator[str]:
    yield "| metric | unit | of each | and of all | emitted by | meaning |"
    yield "|---|---|---|---|---|---|"
    for name, measure in MEASURES.items():
        yield f"| {' | '.join(_cells(name, measure))} |"


def _cells(name: str, measure: Measure) -> tuple[str, ...]:
    by = ", ".join(f"`{dimension}`" for dimension in measure.by)
    return f"`{name}`", measure.unit, by, "yes" if measure.overall else "", f"`{measure.emitter}`", measure.meaning


if __name__ == "__main__":
    PAGE.write_text(listed(PAGE.read_text()))
