"""Events of a type that nobody declared are queried at once, and what is read often is fresh after each load."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.e2e.conftest import Laptop

BY_TYPE = (
    "SELECT event_type, events FROM public.happenings_by_type WHERE event_type IN ('opened', 'recalled') ORDER BY 1"
)


def happening(event_type: str, payload: Any) -> bytes:
    event = {"event_type": event_type, "happened_at": "2026-01-01T00:00:00Z", "payload": payload}
    return json.dumps(event).encode() + b"\n"


def test_a_new_event_type_needs_no_migration(laptop: Laptop) -> None:
    laptop.put("happenings/1.jsonl", happening("opened", {"door": 3}))
    laptop.settle()
    assert laptop.rows(BY_TYPE) == [["opened", 1]]

    recalled = {"by": {"team": "audit", "people": ["ann", "bo"]}, "parts": 12}
    laptop.put("happenings/2.jsonl", happening("opened", {"door": 4}) + happening("recalled", recalled))
    laptop.settle()
    query = (
        "SELECT payload.by.team, payload.by.people[1], payload.parts FROM public.happenings"
        " WHERE event_type = 'recalled' AND payload.parts > 10"
    )
    assert laptop.rows(query) == [['"audit"', '"bo"', "12"]]
    assert laptop.rows(BY_TYPE) == [["opened", 2], ["recalled", 1]]


def test_rows_go_with_their_object(laptop: Laptop) -> None:
    """A partition that is written again: the new part comes under another name, the old one is deleted."""
    count = "SELECT COUNT(*) FROM public.happenings WHERE event_type = 'moved on'"
    for part in ("7af1", "b2c9"):
        laptop.put(f"happenings/dt=1/part-{part}.jsonl", happening("moved on", {"to": "hall"}))
        laptop.settle()
    assert laptop.rows(count) == [[2]]
    key = "happenings/dt=1/part-7af1.jsonl"
    laptop.client("s3").delete_object(Bucket=laptop.output("LandingBucket"), Key=key)
    deadline = time.monotonic() + 60
    while laptop.rows(count) != [[1]]:
        assert time.monotonic() < deadline
        time.sleep(1)
    laptop.settle()
    assert any(f"{key} was deleted from landing: its rows are removed" in message for message in laptop.messages())


def test_a_view_that_cannot_be_refreshed_is_told_and_costs_no_rows(laptop: Laptop) -> None:
    before = laptop.messages()
    laptop.headrace("sql", "--write", "DROP MATERIALIZED VIEW public.happenings_by_type")
    laptop.put("happenings/3.jsonl", happening("closed", None))
    laptop.settle()
    assert laptop.trace("happenings/3.jsonl")["status"] == "loaded"
    (told,) = [message for message in laptop.messages()[len(before) :] if "is stale" in message]
    assert "happenings_by_type" in told
    assert "errorMessage" not in told
