"""The short form of `make catalogue`: one error of each decision and place, each on a dataset of its own.

`tests/unit/stories/test_catalogue.py` goes through all of them without a laptop.
"""

from __future__ import annotations

import pytest

from benchmarks.faults.catalogue import met_by_files, waves
from benchmarks.faults.catalogue_elsewhere import WalkElsewhere, elsewhere
from benchmarks.faults.catalogue_walk import Met, Raised, Walk
from headrace.domain.ingest.failure import Place, Treatment, catalogue, named
from headrace_cli.stack.target import target_at
from tests.e2e.conftest import Laptop

DATASETS = ("bulk", "readings")
PASSING = [
    ("redshift-serializable", "redshift-disk-full"),
    ("redshift-aborted", "data-api-no-workgroup"),
    ("step-functions-data-limit", "redshift-assert"),
    ("data-api-statement-gone", "lambda-kms"),
    ("events-no-bus", "s3-connection"),
]
REFUSED = ("redshift-parquet-too-long", "s3-archived")


@pytest.fixture(scope="module")
def walk(laptop: Laptop) -> Walk:
    return Walk(target_at(laptop.home))


def meet(walk: Walk, names: tuple[str, ...]) -> list[Met]:
    return walk.run([Raised(named(name), data, f"k{name[-6:]}") for name, data in zip(names, DATASETS, strict=True)])


@pytest.mark.parametrize("names", PASSING, ids=" and ".join)
def test_what_passes_is_waited_for_and_nothing_is_lost(walk: Walk, names: tuple[str, ...]) -> None:
    for met in meet(walk, names):
        assert met.wrong == [], met.raised.failure.name


def test_what_the_workflow_retries_is_seen_when_no_retry_is_left(walk: Walk) -> None:
    names = ("lambda-unknown", "data-api-throttled")
    met = walk.run_on([Raised(named(name), data, f"o{name[-6:]}") for name, data in zip(names, DATASETS, strict=True)])
    assert [(one.wrong, one.ended) for one in met] == [([], "batch")] * 2


def test_a_file_that_is_refused_costs_no_neighbour(walk: Walk) -> None:
    for met in meet(walk, REFUSED):
        assert (met.wrong, met.notified) == ([], True), met.raised.failure.name


@pytest.mark.parametrize("name", ["redshift-view-vacuum", "redshift-view-refresh", "secret-deleted", "sqs-over-limit"])
def test_what_no_file_meets_loses_no_row_and_no_notice(laptop: Laptop, name: str) -> None:
    (met,) = WalkElsewhere(laptop).run([named(name)])
    assert met.wrong == []


def test_each_decision_and_each_place_is_among_them() -> None:
    short = [named(name) for names in (*PASSING, REFUSED) for name in names]
    assert {failure.treatment for failure in short} == set(Treatment)
    assert {failure.place for failure in (*short, *elsewhere())} == set(Place)
    by_files = [failure for wave in waves(met_by_files()) for failure in wave]
    met = [failure.name for failure in (*by_files, *elsewhere())]
    assert sorted(met) == sorted(each.name for each in catalogue())
