"""What people read."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
import traceback
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.adapters.channels.channel import OPENER
from headrace.adapters.channels.slack import post
from headrace.adapters.channels.slack_text import slack_message
from headrace.adapters.notices import subject
from headrace.domain.ingest.arrival import Cause
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.storm import group_of
from headrace.domain.notice import Notice, arrival_notice, batch_notice, message_notice
from headrace.errors import TerminalError, TransientError
from tests.support.fakes import file

BATCH = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.LOADED, (), "2026-01-01T00:00:00Z")


def loaded(name: str, rows: RowCounts) -> Any:
    return replace(file(name), status=FileStatus.LOADED, rows=rows)


def test_a_good_batch_is_one_line() -> None:
    notice = batch_notice(BATCH, [loaded("a", RowCounts(1, 1))], [], "#meters")
    assert slack_message(notice) == {
        "text": ":white_check_mark: *readings: 1 row loaded from 1 file*",
        "channel": "#meters",
    }


def test_a_batch_with_trouble_names_rules_and_files() -> None:
    failed = replace(file("b.csv"), status=FileStatus.FAILED, reason="it is no text")
    results = [FileResult("x", Verdict.GOOD, broken={"value: minimum": 3})]
    files = [loaded("a", RowCounts(1000, 990, 7, 3)), failed]
    text = slack_message(batch_notice(BATCH, files, results, None))["text"]
    assert text.splitlines() == [
        ":rotating_light: *readings: 990 rows loaded from 1 file*",
        "• 3 rows quarantined (value: minimum x3)",
        "• 7 rows superseded by newer ones",
        "• failed: readings/b.csv: it is no text",
    ]


def test_a_files_name_cannot_speak_to_slack() -> None:
    text = slack_message(Notice("ok", "t", ("<!channel> & *bold*",)))["text"]
    assert text.splitlines()[1] == "• &lt;!channel&gt; &amp; \u2217bold\u2217"


def test_long_lists_are_cut_with_a_count() -> None:
    files = [replace(file(f"{i}"), status=FileStatus.FAILED, reason="no") for i in range(9)]
    assert batch_notice(BATCH, files, [], None).lines[-1] == "and 4 more failed"


def test_a_file_that_brings_fewer_rows_than_before_is_named() -> None:
    before, same = loaded("a", RowCounts(9, 1, 6, 2)), loaded("b", RowCounts(3, 3))
    notice = batch_notice(BATCH, [], [], None, [(loaded("a", RowCounts(5, 5)), before), (same, same)])
    assert notice.lines == ("readings/a has 5 rows now, its previous version had 7",)
    assert notice.level == "warning"


@given(st.text(max_size=200) | st.text("\0\x1b\x7f\r\n\tü ", max_size=200))
def test_subjects_are_what_sns_takes(title: str) -> None:
    text = subject(Notice("ok", title))
    assert text.isascii()
    assert text.isprintable()
    assert 0 < len(text) < 100
    assert text[0] != " "


def test_a_key_with_control_characters_is_told_on_one_line() -> None:
    refused = file("a\x1b[2J\nb.csv", reason="no")
    notice = arrival_notice(refused, group_of(refused, Cause.EMPTY, None, 0))
    assert subject(notice) == "readings: readings/a?[2J b.csv is not loaded"
    text = slack_message(replace(notice, lines=("c\x1b\nd",)))["text"]
    assert text.splitlines() == [":rotating_light: *readings: readings/a\\x1b[2J b.csv is not loaded*", "• c\\x1b d"]


@pytest.mark.parametrize(
    ("message", "level", "title"),
    [
        (json.dumps(Notice("ok", "fine").to_json()), "ok", "fine"),
        (json.dumps({"AlarmName": "Queue", "NewStateValue": "ALARM"}), "error", "Queue is ALARM"),
        ("somebody's words", "warning", "somebody's words"),
        ("[1, 2]", "warning", "[1, 2]"),
        (json.dumps({"title": "new", "lines": [], "level": "fatal", "since": 3}), "warning", "new"),
        (json.dumps({"title": 7, "lines": None, "level": ["ok"], "incident": {"key": 1}}), "warning", "7"),
        (json.dumps({"title": "t", "lines": "one", "level": "ok", "channel": 5, "batch": None}), "ok", "t"),
    ],
)
def test_whatever_the_topic_carries_becomes_a_message(message: str, level: str, title: str) -> None:
    notice = message_notice(message)
    assert (notice.level, notice.title) == (level, title)
    assert slack_message(notice)["text"].startswith(":")


@given(
    st.dictionaries(
        st.sampled_from(["title", "lines", "level", "dataset", "batch", "channel", "incident", "AlarmName", "other"]),
        st.none() | st.integers() | st.text() | st.lists(st.none() | st.text()) | st.dictionaries(st.text(), st.text()),
    )
)
def test_no_message_is_too_odd_to_be_told(value: dict[str, Any]) -> None:
    notice = message_notice(json.dumps(value))
    json.dumps([slack_message(notice), notice.to_json()])


@pytest.fixture
def slack() -> Iterator[tuple[str, list[int]]]:
    """A webhook that answers with the status it is told."""
    statuses: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status := statuses.pop())
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", statuses
    server.shutdown()
    thread.join()
    server.server_close()


def test_slacks_answers_are_told_apart(slack: tuple[str, list[int]]) -> None:
    url, statuses = slack
    statuses.append(200)
    post(url, {"text": "x"})
    for status in (429, 503):
        statuses.append(status)
        with pytest.raises(TransientError):
            post(url, {"text": "x"})
    statuses.append(404)
    with pytest.raises(TerminalError):
        post(url, {"text": "x"})


WEBHOOK = "https://hooks.slack.com/services/T000/B000/XYZSECRET"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/XYZSECRET",
        "http://hooks.slack.com/services/XYZSECRET",
        "hooks.slack.com/services/XYZSECRET",
        "https:///services/XYZSECRET",
        "https://hooks..slack.com/XYZSECRET",
        f"https://{'h' * 64}.com/XYZSECRET",
        "https://hooks.slack.com:443:XYZSECRET/",
        "https://hooks.slack.com:99999/XYZSECRET",
        "https://hooks.slack.com:0/XYZSECRET",
        "https://user:XYZSECRET@hooks.slack.com/",
        "http://127.0.0.1:80@example.org/XYZSECRET",
        "https://[::1/XYZSECRET",
        "https://hooks.slack.com\u2100XYZSECRET",
        f'"{WEBHOOK}"',
        f"{WEBHOOK} and more",
        WEBHOOK.replace("XYZ", "XYZ\n"),
        WEBHOOK.replace("XYZ", "XYZ\0"),
        WEBHOOK.replace("XYZ", "XYZ\x7f"),
        WEBHOOK.replace("XYZ", "XYZü"),
        WEBHOOK + "X" * 3_000,
        json.dumps({"url": WEBHOOK}),
        "",
    ],
)
def test_an_address_that_is_none_is_refused_and_never_quoted(address: str) -> None:
    with pytest.raises(TerminalError, match=r"the address of Slack should be https://HOST/PATH alone") as caught:
        post(address, {})
    assert "SECRET" not in whole(caught.value)


@pytest.mark.parametrize(
    "trouble",
    [
        http.client.InvalidURL(f"URL can't contain control characters. {WEBHOOK!r}"),
        http.client.BadStatusLine(WEBHOOK),
        urllib.error.URLError(OSError(f"no route to {WEBHOOK}")),
        urllib.error.URLError(f"{WEBHOOK} is odd"),
        UnicodeError(f"{WEBHOOK} is odd"),
        ConnectionResetError(104, f"reset by {WEBHOOK}"),
        TimeoutError("XYZSECRET"),
    ],
)
def test_no_trouble_on_the_way_quotes_the_address(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(OPENER, "open", fail)
    with pytest.raises(TransientError, match="Slack") as caught:
        post(WEBHOOK, {})
    assert "SECRET" not in whole(caught.value)


def whole(error: BaseException) -> str:
    """What a log shows of an error: with all that led to it."""
    return "".join(traceback.format_exception(error))


def test_blanks_around_an_address_are_nobodys_fault(slack: tuple[str, list[int]]) -> None:
    url, statuses = slack
    statuses.append(200)
    post(f" {url}\r\n", {"text": "x"})
    assert not statuses


def test_a_redirected_message_is_not_taken_for_a_posted_one(slack: tuple[str, list[int]]) -> None:
    url, statuses = slack
    for status in (301, 302, 303, 307):
        statuses.append(status)
        with pytest.raises(TerminalError, match=f"Slack answered {status}"):
            post(url, {"text": "x"})
