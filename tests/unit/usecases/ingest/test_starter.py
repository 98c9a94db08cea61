"""What a message of the intake queue is read as, and what is recorded of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.domain.ingest.arrival import MAX_FILE_BYTES
from headrace.domain.ingest.ledger import LIVE, Arrival, FileStatus
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.starter import read, record
from headrace.usecases.recovery.requeue import retry
from tests.support.fakes import MemoryServices, contract, contracts_of

EVENT = json.loads((Path(__file__).parents[4] / "events" / "starter.json").read_text())["Records"][0]["body"]


class Kept(list[str]):
    """A dead-letter queue."""

    def keep(self, body: str) -> None:
        self.append(body)


def test_an_event_of_s3_is_an_arrival() -> None:
    kept = Kept()
    arrival = read(EVENT, kept)
    assert arrival is not None
    assert arrival.key == json.loads(EVENT)["detail"]["object"]["key"]
    assert kept == []


@pytest.mark.parametrize(
    "body",
    [
        "no event at all", "", "null", "[]", "7", '"text"', "{}", '{"detail": null}', '{"detail": {"object": []}}',
        EVENT.replace('"object"', '"objects"'), json.dumps(json.loads(EVENT) | {"time": "yesterday"}),
        json.dumps(json.loads(EVENT) | {"time": None}),
    ],
)  # fmt: skip
def test_what_will_never_be_one_is_a_dead_letter_at_once(body: str) -> None:
    kept = Kept()
    assert read(body, kept) is None
    assert kept == [body]


def test_one_that_cannot_be_kept_comes_back() -> None:
    class Down:
        def keep(self, body: str) -> None:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        read("no event at all", Down())


LARGE = Arrival("landing", "readings/a.csv", "v", MAX_FILE_BYTES + 1, "e", "01", "2026-01-01T00:00:00.000000Z")


def test_a_file_that_is_too_large_for_a_function_goes_to_the_glue_job() -> None:
    services = MemoryServices(spark=True)
    assert record(LARGE, services).status is FileStatus.PENDING
    assert services.topic.notices == []
    assert record_batch("readings", LIVE, 1, "e1", services, MAX_FILE_BYTES)["heavy"] == [1]


def test_without_a_job_it_is_refused_and_with_one_it_can_be_tried_again() -> None:
    services = MemoryServices()
    refused = record(LARGE, services)
    assert refused.status is FileStatus.FAILED
    assert len(services.topic.notices) == 1
    services.spark = True
    (tried,) = retry([refused], services)
    assert tried.done
    assert record_batch("readings", LIVE, 1, "e1", services, MAX_FILE_BYTES)["heavy"] == [1]


def test_a_contract_that_wants_a_function_has_the_limit_of_one() -> None:
    services = MemoryServices(contracts_of(contract(engine="lambda")), spark=True)
    refused = record(LARGE, services)
    assert refused.status is FileStatus.FAILED
    assert "one function's time" in str(refused.reason)
