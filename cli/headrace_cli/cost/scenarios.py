"""The loads that people come with, as plans; and what they would pay for the same with jobs of Glue."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_cli.cost.plan import MONTH_DAYS, Scenario
from headrace_cli.cost.prices import usd

SCENARIOS = (
    Scenario("one file of 1 MB a day", 1, 1, promise=3600),
    Scenario("50 TB a month: 16,667 files of 100 MB a day, in 30 minutes", 16_667, 100, promise=1800),
    Scenario("100 files of 1.1 MB a minute, three datasets, in 15 minutes", 144_000, 1.1, 3),
    Scenario("200,000 files of 10 kB within an hour a day, twenty datasets", 200_000, 0.01, 20, hours=1),
    Scenario("twenty datasets in 15 minutes, four files of 1 MB an hour each", 1_920, 1, 20),
    Scenario("the same with `SharedWakeUps=false`", 1_920, 1, 20, shared=False),
)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Runs of a Glue job: how many a day, with how many workers of one DPU, for how many minutes each."""

    name: str
    runs_per_day: float
    workers: int
    minutes: float

    @property
    def usd_month(self) -> float:
        """What a month of them costs. A run is billed a minute at least."""
        hours = self.runs_per_day * self.workers * max(self.minutes, 1.0) / 60 * MONTH_DAYS
        return usd({"dpu_hour": hours}, "us-east-1")


GLUE = (
    Jobs("a run for each file, two workers, a minute", 144_000, 2, 1),
    Jobs("one streaming job, ten workers, always on", 1, 10, 24 * 60),
    Jobs("a run every 15 minutes, ten workers, five minutes", 96, 10, 5),
)
"""For 100 files a minute. Ten workers are what AWS's console proposes; the minutes are assumed."""
