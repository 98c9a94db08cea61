"""Refused objects are reported together: by hour, cause and, where they belong to no dataset, by folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headrace.domain.ingest.arrival import Cause
from headrace.domain.ingest.storm import GRACE, KEPT_DAYS, MOST_HOURS, Group, group_of, hours_to_report
from tests.support.fakes import file

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


def group(key: str = "readings/a.csv", cause: Cause = Cause.EMPTY, arrived_at: str = "2026-03-02T07:20:00Z") -> Group:
    dataset = "" if cause is Cause.STRAY else "readings"
    return group_of(file(key=key, dataset=dataset, arrived_at=arrived_at), cause, "#c", NOW.timestamp())


def test_objects_of_a_dataset_are_grouped_by_their_cause() -> None:
    made = group()
    assert (made.hour, made.cause, made.dataset, made.folder) == ("2026-03-02T07", "empty", "readings", "")
    assert (made.channel, made.opened_by, made.since) == ("#c", file().file_id, "2026-03-02T07:00Z")
    assert made.name == "empty#readings#"
    assert (made.start, made.end, made.strays) == ("07:00 UTC", "08:00 UTC", False)
    assert group(key="other/b.csv").name == made.name


@pytest.mark.parametrize(
    ("key", "folder"),
    [("in/a.csv", "in/"), ("in/b/a.csv", "in/"), ("a.csv", "/"), ("/a.csv", "/"), ("x" * 300 + "/a", "x" * 124 + "…")],
)
def test_objects_of_no_dataset_are_grouped_by_their_first_folder(key: str, folder: str) -> None:
    made = group(key, Cause.STRAY)
    assert (made.folder, made.strays) == (folder, True)
    assert made.of_any_folder().folder == "*"


def test_an_object_that_arrived_before_the_hour_moves_the_groups_beginning() -> None:
    assert group(arrived_at="2026-03-01T23:59:00Z").since == "2026-03-01T23:00Z"
    assert group(arrived_at="2026-03-02T09:59:00Z").since == "2026-03-02T07:00Z"


def hours(*back: int) -> list[str]:
    return [f"{NOW.replace(minute=0) - timedelta(hours=hour):%Y-%m-%dT%H}" for hour in back]


@pytest.mark.parametrize(
    ("told", "later", "found"),
    [
        (hours(3)[0], timedelta(0), hours(2, 1)),
        (hours(2)[0], timedelta(0), hours(1)),
        (hours(1)[0], timedelta(0), []),
        (hours(0)[0], timedelta(0), []),
        (hours(1)[0], timedelta(minutes=30) + GRACE - timedelta(seconds=1), []),
        (hours(1)[0], timedelta(minutes=30) + GRACE, hours(0)),
        (None, timedelta(0), hours(*range(MOST_HOURS, 0, -1))),
        (hours(26)[0], timedelta(0), hours(*range(25, 1, -1))),
        (hours(24 * 9)[0], timedelta(0), hours(*range(24 * KEPT_DAYS + 1, 24 * KEPT_DAYS - 23, -1))),
    ],
)
def test_each_hour_is_reported_once_it_is_over_the_oldest_first(
    told: str | None, later: timedelta, found: list[str]
) -> None:
    assert hours_to_report(told, (NOW + later).timestamp()) == found
    assert len(found) <= MOST_HOURS
