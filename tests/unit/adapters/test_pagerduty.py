"""What PagerDuty is sent, and what it would refuse."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from headrace.adapters.channels.pagerduty import EVENTS_URL, Routing, event_of
from headrace.domain.notice import Incident, Notice, message_notice
from headrace.errors import TerminalError
from headrace_local.web.sink import pagerduty_errors

KEY = "k" * 32
INCIDENT = Incident("headrace/source/carrier", "trigger", "carrier")
NOTICE = Notice("error", "Source carrier " + "x" * 2000, ("why", "what to do"), incident=INCIDENT)


def test_a_trigger_and_its_resolve_have_one_key() -> None:
    trigger = event_of(NOTICE, INCIDENT, KEY)
    resolve = event_of(NOTICE, Incident(INCIDENT.key, "resolve", "carrier"), KEY)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "headrace/source/carrier"
    assert len(trigger["payload"]["summary"]) == 1024
    assert "payload" not in resolve
    assert pagerduty_errors(trigger) == pagerduty_errors(resolve) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"routing_key": "short"}, "routing_key"),
        ({"event_action": "shout"}, "event_action"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": {"summary": "s", "source": "s", "severity": "awful"}}, "severity"),
        ({"payload": {"source": "s", "severity": "critical"}}, "payload.summary"),
    ],
)
def test_the_laptop_refuses_what_pagerduty_refuses(change: dict[str, Any], says: str) -> None:
    (error,) = pagerduty_errors(event_of(NOTICE, INCIDENT, KEY) | change)
    assert says in error


def test_an_incident_survives_the_topic() -> None:
    assert message_notice(json.dumps(NOTICE.to_json())) == NOTICE


def test_the_secret_is_a_key_or_json() -> None:
    assert Routing.from_secret(f"{KEY}\n") == Routing(KEY, EVENTS_URL)
    assert Routing.from_secret(json.dumps({"routing_key": KEY, "url": "http://127.0.0.1:1/"})).url.endswith(":1/")
    assert KEY not in repr(Routing(KEY))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "{}",
        '{"SECRET',
        '{"SECRET": 1}',
        '{"routing_key": ["SECRET"]}',
        f"{KEY}SECRET",
        f"{KEY[:-6]}\nSECRET",
        "https://events.pagerduty.com/integration/SECRET/enqueue",
        json.dumps({"routing_key": KEY, "url": "https://example.org/a SECRET"}),
        json.dumps({"routing_key": KEY, "url": ["SECRET"]}),
    ],
)
def test_a_secret_that_is_no_key_is_refused_and_never_quoted(secret: str) -> None:
    with pytest.raises(TerminalError, match=r"headrace/pd .*should be|headrace/pd should be") as caught:
        Routing.from_secret(secret, "the secret headrace/pd")
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
