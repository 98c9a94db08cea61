"""The short form of `make catalogue`: one error of each decision and place, each on a dataset of its own.

`tests/unit/stories/test_catalogue.py` goes through all of them without a laptop.
"""

from __future__ import annotations

import json
import urllib.request

import pytest

from benchmarks.faults.catalogue import ELSEWHERE, met_by_files, waves
from benchmarks.faults.catalogue_walk import Met, Raised, Walk
from headrace.domain.ingest.failure import Failure, Place, Treatment, catalogue, named
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


def test_a_file_that_is_refused_costs_no_neighbour(walk: Walk) -> None:
    for met in meet(walk, REFUSED):
        assert (met.wrong, met.told) == ([], True), met.raised.failure.name


@pytest.mark.parametrize("failure", [f for f in catalogue() if f.place is Place.REFRESH], ids=lambda f: f.name)
def test_a_stale_view_costs_no_row_and_people_learn_what_to_do(laptop: Laptop, failure: Failure) -> None:
    request = urllib.request.Request(laptop.page("faults"), json.dumps([{"catalogue": failure.name}]).encode())
    urllib.request.urlopen(request, timeout=30).close()
    key = f"happenings/{failure.name}.jsonl"
    happened = {"event_type": failure.name, "happened_at": "2026-01-01T00:00:00Z", "payload": {}}
    laptop.put(key, json.dumps(happened).encode())
    laptop.settle()
    assert laptop.trace(key)["status"] == "loaded"
    told = [message for message in laptop.messages() if failure.means in message]
    if failure.treatment.systemic:
        assert len(told) == 1
        assert "is stale" in told[0]
        assert failure.remedy in told[0]
    else:  # the next try has refreshed it
        assert told == []


def test_each_decision_and_each_place_is_among_them() -> None:
    short = [named(name) for names in (*PASSING, REFUSED) for name in names]
    assert {failure.treatment for failure in short} == set(Treatment)
    assert {failure.place for failure in short} | ELSEWHERE == set(Place)
    assert sum(map(len, waves(met_by_files()))) == len(met_by_files()) >= len(catalogue()) - 9
