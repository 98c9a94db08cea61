"""What AWS charges: the table in `prices.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

USUAL = "us-east-1"
"""The region whose price stands in for one that the table lacks."""
STALE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of a meter costs in USD, by region; `date` is when it was so in `source`."""

    meter: str
    what: str
    page: str
    source: str
    date: date
    usd: Mapping[str, float]

    def of(self, region: str) -> float:
        """USD for one unit in a region, in the usual one if this one is not listed."""
        return self.usd.get(region, self.usd[USUAL])


@cache
def price_table() -> dict[str, Price]:
    """All prices by their meter."""
    text = files(__package__).joinpath("prices.toml").read_text()
    return {item["meter"]: Price(**item) for item in tomllib.loads(text)["price"]}


def usd(usage: Mapping[str, float], region: str) -> float:
    """What a usage costs, given by meter. Raises KeyError for a meter that has no price."""
    prices = price_table()
    return sum(number * prices[meter].of(region) for meter, number in usage.items())


def stood_in(meters: Mapping[str, float], region: str) -> list[str]:
    """The meters, by what they are, whose price in a region is not known: that of the usual region stands in."""
    return [price_table()[meter].what for meter in meters if region not in price_table()[meter].usd]


def stale(today: date) -> list[Price]:
    """The prices that are older than a year."""
    return [price for price in price_table().values() if today - price.date > STALE]


def remarks(meters: Mapping[str, float], region: str, today: date) -> list[str]:
    """What to know of the prices behind a report: those of another region, those that are old."""
    said = []
    if known := stood_in(meters, region):
        said.append(f"Prices of {USUAL}, because those of {region} are not in the table: {'; '.join(known)}.")
    if old := stale(today):
        oldest = min(price.date for price in old)
        said.append(
            f"{len(old)} prices are more than a year old, the oldest of {oldest}: docs/cost.md has AWS's pages."
        )
    return said
