"""Write the tables of docs/cost.md: `.venv/bin/python -m scripts.list_costs`. A test holds the page to them.

They are made of `headrace_cli.cost`: the prices, what was counted, and the plans of scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from headrace_cli.cost.plan import Line, Scenario, loads_of, plan_of
from headrace_cli.cost.prices import USUAL, price_table, usd
from headrace_cli.cost.requests import ALONG, HOUR, KINDS, asked_for
from headrace_cli.cost.scenarios import GLUE, SCENARIOS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cost.md"
BEGIN = "<!-- {}: written by scripts/list_costs.py -->\n"
END = "<!-- the end of {} -->\n"


TITLES = {HOUR: "an hour", ALONG: "taken along"}


def written(page: str) -> str:
    """The page with all tables in their places. Raises ValueError when a place is missing."""
    for name, lines in TABLES.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"docs/cost.md has no place for {name}")
        page = before + begin + "\n".join(lines()) + "\n" + end + after
    return page


def prices() -> Iterator[str]:
    """Each price in the usual region, with its source."""
    yield from ("| what | USD | AWS's page | figure | of |", "|---|---:|---|---|---|")
    for price in price_table().values():
        more = f", {len(price.usd)} regions" if len(price.usd) > 2 else ""
        figure = "the page" if price.source == price.page else f"[Price List]({price.source})"
        yield (
            f"| {price.what} | {price.of(USUAL):.10f}".rstrip("0")
            + f" | [AWS]({price.page}) | {figure}{more} | {price.date} |"
        )


def requests() -> Iterator[str]:
    """What one of each kind asks for, in units of each meter, and in USD."""
    meters = [meter for meter in price_table() if any(meter in usage for usage in asked_for().values())]
    yield f"| what | {' | '.join(TITLES.get(kind, f'a {kind}') for kind in KINDS)} |"
    yield "|---|" + "---:|" * len(KINDS)
    for meter in meters:
        cells = (_figure(asked_for()[kind].get(meter, 0.0)) for kind in KINDS)
        yield f"| {price_table()[meter].what} | {' | '.join(cells)} |"
    costs = (f"{usd(asked_for()[kind], USUAL) * 1_000_000:,.2f}" for kind in KINDS)
    yield f"| **USD for a million** | {' | '.join(costs)} |"


def scenarios() -> Iterator[str]:
    """A line for each scenario: a month in USD, by what it is spent on."""
    yield "| scenario | loads a day | awake, hours a day | warehouse | requests | a month | stored, each month kept |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    yield from map(_scenario, SCENARIOS)


def _scenario(plan: Scenario) -> str:
    lines, day = plan_of(plan), loads_of(plan)
    warehouse, kept = lines[0].usd, _sum(lines, lambda line: line.storage)
    rest = _sum(lines[1:], lambda line: not line.storage)
    costs = " | ".join(f"{cost:,.2f}" for cost in (warehouse, rest, warehouse + rest, kept))
    return f"| {plan.name} | {day.groups:,.0f} | {day.awake_seconds / 3600:.1f} | {costs} |"


def glue() -> Iterator[str]:
    """What jobs of Glue cost a month for the same 100 files a minute."""
    yield from ("| Glue, for 100 files a minute | USD a month |", "|---|---:|")
    yield from (f"| {jobs.name} | {jobs.usd_month:,.0f} |" for jobs in GLUE)


def _sum(lines: list[Line], counts: Callable[[Line], bool]) -> float:
    return sum(line.usd for line in lines if counts(line))


def _figure(number: float) -> str:
    if not number:
        return ""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "the requests": requests,
    "the scenarios": scenarios,
    "the jobs of Glue": glue,
    "the prices": prices,
}

if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
