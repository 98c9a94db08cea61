"""The Slack sink keeps what was posted, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headrace_local.web.sink import NotificationSink

if TYPE_CHECKING:
    from pathlib import Path


def test_messages_are_numbered_from_one_and_given_after_a_number(tmp_path: Path) -> None:
    sink = NotificationSink(tmp_path / "notifications.jsonl")
    for text in ("a", "b", "c"):
        sink.keep({"text": text})

    assert [kept["number"] for kept in sink.after(0)] == [1, 2, 3]
    assert [kept["body"]["text"] for kept in sink.after(2)] == ["c"]
    assert sink.after(3) == []
    assert len(sink.after(-1)) == 3


def test_the_file_holds_each_message_with_its_time(tmp_path: Path) -> None:
    sink = NotificationSink(tmp_path / "notifications.jsonl")
    kept = sink.keep("größer")

    lines = (tmp_path / "notifications.jsonl").read_text("utf-8").splitlines()

    assert [json.loads(line) for line in lines] == [kept]
    assert kept["received_at"].endswith("+00:00")
