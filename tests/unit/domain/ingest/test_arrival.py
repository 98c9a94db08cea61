"""Where a new object goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.ingest.arrival import MAX_FILE_BYTES, arrival_of, route
from headrace.domain.ingest.ledger import Arrival, FileStatus
from tests.support.fakes import contract

EVENTS = Path(__file__).parents[4] / "events"


def arrival(**changes: Any) -> Arrival:
    given = {
        "bucket": "b",
        "key": "readings/a.csv",
        "version": "1",
        "size": 9,
        "etag": "e",
        "sequencer": "0",
        "at": "t",
    }
    return Arrival(**given | changes)  # type: ignore[arg-type]


def test_keys_come_as_they_are() -> None:
    message = json.loads((EVENTS / "starter.json").read_text())["Records"][0]
    assert arrival_of(json.loads(message["body"])).key == "readings/2026-11-21/meter 7+8.csv"


@pytest.mark.parametrize(
    ("given", "version", "size"), [({"version-id": "v", "size": 3}, "v", 3), ({"version-id": ""}, "e", 0), ({}, "e", 0)]
)
def test_an_event_is_an_arrival(given: dict[str, Any], version: str, size: int) -> None:
    """A bucket without versions has none: the ETag stands for it."""
    item = {"key": "readings/a", "etag": "e", "sequencer": "0A", **given}
    event = {"time": "2026-01-31T09:30:00Z", "detail": {"bucket": {"name": "landing"}, "object": item}}
    assert arrival_of(event) == Arrival(
        "landing", "readings/a", version, size, "e", "0A", "2026-01-31T09:30:00.000000Z"
    )  # fmt: skip


def test_longest_prefix_wins() -> None:
    wide, narrow = contract("wide", prefix="in/"), contract("narrow", prefix="in/narrow/")
    assert route(arrival(key="in/narrow/x"), [wide, narrow]).dataset == "narrow"
    assert route(arrival(key="in/x"), [wide, narrow]).dataset == "wide"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"key": "elsewhere/a.csv"}, FileStatus.UNROUTABLE, "no contract has a prefix of this key"),
        ({"key": "readings/", "size": 0}, FileStatus.UNROUTABLE, "folder marker"),
        ({"size": 0}, FileStatus.FAILED, "empty"),
        ({"size": MAX_FILE_BYTES + 1}, FileStatus.FAILED, "split it"),
    ],
)
def test_what_cannot_be_loaded_is_final_with_a_reason(changes: Any, status: FileStatus, said: str) -> None:
    routing = route(arrival(**changes), [contract()])
    assert routing.status is status
    assert said in str(routing.reason)


def test_identity_is_the_object_version() -> None:
    assert arrival().file_id == arrival(size=10, at="later").file_id
    assert arrival().file_id != arrival(version="2").file_id
    assert arrival(bucket="ab", key="c").file_id != arrival(bucket="a", key="bc").file_id
