"""`headrace cost`: what the datasets cost, day by day; with `--plan`, what numbers of one's own would cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.cost.plan import Scenario
from headrace_cli.output.console import Document, Json, Since, emit, lines, table
from headrace_cli.output.formatting import clock, count, duration, moment, money, number
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

NO_PROMISE = "none"
PROMISE = re.compile(r"(?P<number>\d{1,6})\s*(?P<unit>[a-z]+)")


def cost(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    since: Since = "7d",
    with_bill: Annotated[
        bool, typer.Option("--bill", help="Show AWS's own bill of these days beside it: 0.01 USD a question.")
    ] = False,
    tag: Annotated[
        str | None, typer.Option(help="Of the bill only what has this tag for cost allocation: KEY=VALUE.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Cost the numbers of the options below. Needs no AWS.")] = False,
    files_per_day: Annotated[float, typer.Option(help="Plan: files a day, of all datasets.", min=0)] = 1_000,
    file_mb: Annotated[float, typer.Option(help="Plan: megabytes of a file, uncompressed.", min=0)] = 1.0,
    datasets: Annotated[int, typer.Option(help="Plan: datasets that the files are spread over.", min=1)] = 1,
    promise: Annotated[
        str, typer.Option(help="Plan: the promised latency: 15min, 2h; `none` loads each file as it comes.")
    ] = "15min",
    hours: Annotated[float, typer.Option(help="Plan: hours of the day in which files come.", min=0.01, max=24)] = 24,
    keep_months: Annotated[float, typer.Option(help="Plan: months that files, Parquet and rows are kept.", min=0)] = 1,
    rpu: Annotated[float, typer.Option(help="Plan: RPUs of the workgroup.", min=4)] = 4,
    separate: Annotated[
        bool,
        typer.Option("--separate", help="Plan: each dataset wakes the warehouse by itself (`SharedWakeUps=false`)."),
    ] = False,
    in_region: Annotated[str, typer.Option(help="Plan: the region whose prices count.")] = "us-east-1",
    as_json: Json = False,
) -> None:
    """Show what the datasets cost, or plan what numbers of your own would cost.

    For each day and dataset since a time (default: seven days): files, loads, how long the warehouse was awake, and
    USD, by the table of prices. Datasets whose loads fall together share the time. The forecast: thirty such days.

    With `--plan`: what files, datasets and a promise of your own would cost a month. No AWS is needed.

    Each line says how it is known: *measured* from what ran, *counted* by request on the laptop for what ran,
    *estimated*, or *given* by you. docs/cost.md has the prices with their sources, and common scenarios.

    Examples: `headrace cost --since 30d`, `headrace cost --plan --files-per-day 144000 --datasets 3 --promise 15min`
    """
    if not plan:
        target = target_of(context)
        document = collect(target, dataset, str(since))
        if with_bill:
            document["bill"] = billed(target, str(since), tag)
        emit(document, render, as_json=as_json)
        return
    chosen = Scenario(
        "",
        files_per_day,
        file_mb,
        datasets,
        promised(promise),
        hours,
        landing_months=keep_months,
        lake_months=keep_months,
        table_months=keep_months,
        rpu=rpu,
        region=in_region,
        shared=not separate,
    )
    emit(planned(chosen), render_plan, as_json=as_json)


def collect(target: Target, dataset: str | None, since: str) -> Document:
    """What `account` says, and what to know of the prices."""
    from headrace_cli.cost.account import account
    from headrace_cli.cost.prices import price_table, remarks

    name = target.contract(dataset).dataset if dataset else None
    now = datetime.now(UTC)
    found = account(target, name, since, now)
    found["remarks"] += remarks(dict.fromkeys(price_table(), 1.0), found["region"], now.date())
    return found


def billed(target: Target, since: str, tag: str | None) -> Document:
    """What `bill` says of the days since a time, today not included: it is not billed yet."""
    from headrace_cli.cost.bill import bill

    return bill(target, moment(since).date(), datetime.now(UTC).date(), tag)


DAYS = ("day", "dataset", "files", "loads", "awake", "warehouse", "rest", "USD")


def render(document: Document) -> ConsoleRenderable:
    """A line for each day and dataset, then the parts of the sum, the forecast, and what to know of them."""
    if not document["days"]:
        return lines(f"No file has arrived since {clock(document['since'])}.")
    rows = [_day(item) for item in document["days"]]
    own = document["own"]
    rows += [_day(own | {"day": "", "files": None, "loads": None})] if own else []
    parts = table(HEADERS, plan_rows(document["lines"]), numbers=HEADERS[1:3])
    closing = f"A month of thirty days like these: {money(document['month'])} USD, with {document['rpu']:g} RPU."
    remarks = [*bill_lines(document.get("bill")), *(f"\n{remark}" for remark in document["remarks"])]
    return lines(table(DAYS, rows, numbers=DAYS[2:]), "", parts, "", closing, *woken(document["woken"]), *remarks)


def bill_lines(document: Document | None) -> list[str]:
    """The bill of the same days, service by service, or why there is none."""
    if document is None:
        return []
    if document["why"]:
        return ["", document["why"]]
    of = f"with the tag {document['tag']}" if document["tag"] else "of the whole account, with --tag of one tag"
    services = [f"  {name}: {money(cost)}" for name, cost in document["services"].items()]
    days = f"from {document['from']} to {document['to']}, the last day not included"
    return ["", f"AWS's bill {days}, {of}: {money(document['usd'])} USD", *services]


def woken(document: Document) -> list[str]:
    """How often loads woke the warehouse, and how many datasets shared a wake-up; nothing where there were none."""
    if not document["wake_ups"]:
        return []
    loads, wakes = count(document["loads"], "load"), count(document["wake_ups"], "wake-up")
    each = f"{document['datasets_each']:g} datasets in each on average"
    return [f"{loads} of all datasets in {wakes} of the warehouse, {each}; awake for {_time(document)}."]


def _time(document: Document) -> str:
    return duration(document["awake_seconds"])


def _day(item: Document) -> tuple[str, ...]:
    costs = (money(item[name]) for name in ("warehouse", "requests", "usd"))
    return (
        item["day"],
        item["dataset"],
        number(item["files"]),
        number(item["loads"]),
        duration(item["awake_seconds"]),
        *costs,
    )


def planned(scenario: Scenario) -> Document:
    """`{"region", "lines": [{"what", "quantity", "unit", "usd", "how", "storage"}], "usd", "remarks"}` of a month."""
    from dataclasses import asdict

    from headrace_cli.cost.plan import loads_of, plan_of
    from headrace_cli.cost.prices import price_table, remarks

    lines = plan_of(scenario)
    return {
        "scenario": asdict(scenario),
        "loads": asdict(loads_of(scenario)),
        "lines": [asdict(line) for line in lines],
        "usd": sum(line.usd for line in lines),
        "remarks": remarks(dict.fromkeys(price_table(), 1.0), scenario.region, datetime.now(UTC).date()),
    }


def promised(text: str) -> int | None:
    """The seconds of a promise as a person writes it, None for none. Raises BadParameter."""
    from headrace_compiler.compile.promises import SECONDS

    if text.strip().lower() == NO_PROMISE:
        return None
    found = PROMISE.fullmatch(text.strip().lower())
    if found is None or found["unit"] not in SECONDS:
        raise typer.BadParameter(f"{text!r} is no time: write 15min, 2h or none", param_hint="--promise")
    return int(found["number"]) * SECONDS[found["unit"]]


def render_plan(document: Document) -> ConsoleRenderable:
    """A line for each part of a month of thirty days, the sum, and what to know of them."""
    day = document["loads"]
    awake = f"the warehouse awake for {day['awake_seconds'] / 3600:,.1f} of 24 hours"
    closing = f"{day['groups']:,.0f} loads a day in all, {awake}."
    remarks = [f"\n{remark}" for remark in document["remarks"]]
    return lines(table(HEADERS, plan_rows(document["lines"]), numbers=HEADERS[1:3]), "", closing, *remarks)


HEADERS = ("what", "quantity", "USD", "known by")


def plan_rows(parts: list[Document]) -> list[tuple[str, str, str, str]]:
    """The cells of a plan's lines, and of its sum."""
    rows = [(part["what"], quantity(part["quantity"], part["unit"]), money(part["usd"]), part["how"]) for part in parts]
    return [*rows, ("together", "", money(sum(part["usd"] for part in parts)), "")]


def quantity(value: float, unit: str) -> str:
    """How much, with as many digits as mean something."""
    return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"
