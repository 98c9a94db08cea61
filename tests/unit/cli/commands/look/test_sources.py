"""`headrace sources`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headrace.domain.source import Protocol
from headrace.sources.model.breaker import Breaker, State
from headrace.sources.model.server_state import ServerState
from headrace.sources.model.source_file import SourceFile, SourceStatus
from tests.support.fakes import contract
from tests.support.sources import source
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def fetching(stack: FakeStack) -> FakeStack:
    """A stack whose one server is down, with a file that is held and one that waits."""
    stack.deploy(contract(sources=(source(Protocol.SFTP, 22),)))
    breaker = Breaker(State.OPEN, 3, NOON, NOON)
    state = ServerState("carrier", breaker, None, NOON, 5, 5_000_000, 3, "unreachable", "it said nothing for 30 s")
    stack.source_ledger.save_state(state)
    waiting = SourceFile("carrier", "readings", "/b.csv", 5, NOON, 1, NOON)
    held = replace(waiting, path="/a.csv", status=SourceStatus.HELD, attempts=3, reason="its MD5 is another")
    stack.source_ledger.save_all([held, waiting], 1)
    return stack


def test_each_server_is_a_line_and_its_trouble_a_sentence(fetching: FakeStack, run_text: RunText) -> None:
    code, text = run_text("sources")
    assert code == 0
    assert "sftp://127.0.0.1:22  open     never          5  5.0 MB        1         3  2026-03-02 12:00:00Z" in text
    assert "carrier: unreachable: it said nothing for 30 s" in text
    assert "carrier: held: /a.csv: its MD5 is another" in text


def test_a_document_for_programs(fetching: FakeStack, run_json: RunJson) -> None:
    _, document = run_json("sources")
    (server,) = document["sources"]
    assert (server["breaker"], server["open_since"]) == ("open", "2026-03-02T12:00:00.000000Z")
    assert server["files"] == {"seen": 1, "held": 1, "refused": 0}
    assert server["held"] == [{"path": "/a.csv", "reason": "its MD5 is another"}]
    assert fetching.polls == []


def test_reset_closes_the_breaker_releases_what_is_held_and_asks(fetching: FakeStack, run_json: RunJson) -> None:
    _, document = run_json("sources", "--reset", "carrier")
    (server,) = document["sources"]
    assert (server["breaker"], server["files"]["held"], server["reason"]) == ("closed", 0, None)
    assert fetching.polls == ["carrier"]
    assert fetching.source_ledger.files("carrier", "readings", ["/a.csv"])["/a.csv"].attempts == 0


def test_a_server_that_was_never_asked_is_shown_as_such(stack: FakeStack, run_text: RunText, run_json: RunJson) -> None:
    stack.deploy(contract(sources=(source(Protocol.SFTP, 22),)))
    code, text = run_text("sources")
    assert (code, "closed   never          0" in text, "at its round" in text) == (0, True, True)
    (server,) = run_json("sources", "--reset", "carrier")[1]["sources"]
    assert (server["breaker"], server["last_poll"], server["files_taken"]) == ("closed", None, 0)


def test_a_folder_that_cannot_be_listed_is_a_sentence(fetching: FakeStack, run_text: RunText) -> None:
    state = ServerState("carrier", closed_folders={"readings: /out": "the server refuses /out: 550 Not here."})
    fetching.source_ledger.save_state(state)
    assert "carrier: readings: /out: the server refuses /out: 550 Not here." in run_text("sources")[1]


def test_a_server_that_nobody_knows_is_named_with_those_that_are(fetching: FakeStack, run_json: RunJson) -> None:
    code, document = run_json("sources", "--poll", "courier")
    assert (code, document["error"]) == (1, "no contract names a server courier; deployed: carrier")


def test_without_servers_it_says_how_to_add_one(stack: FakeStack, run_text: RunText) -> None:
    assert "docs/ftp.md" in run_text("sources")[1]
