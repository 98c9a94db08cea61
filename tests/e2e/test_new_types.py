"""Events of a type that nobody declared are queried at once, and what is read often is fresh after each load."""

from __future__ import annotations

import json
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


def test_a_view_that_cannot_be_refreshed_is_told_and_costs_no_rows(laptop: Laptop) -> None:
    before = laptop.messages()
    laptop.headrace("sql", "--write", "DROP MATERIALIZED VIEW public.happenings_by_type")
    laptop.put("happenings/3.jsonl", happening("closed", None))
    laptop.settle()
    assert laptop.trace("happenings/3.jsonl")["status"] == "loaded"
    (told,) = [message for message in laptop.messages()[len(before) :] if "is stale" in message]
    assert "happenings_by_type" in told
    assert "errorMessage" not in told
