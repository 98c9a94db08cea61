"""What a message of the intake queue is read as."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.usecases.ingest.starter import read

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
