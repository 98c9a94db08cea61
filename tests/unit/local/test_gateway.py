"""Which request goes where, with the emulator and Redshift replaced."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

from headrace_local.redshift import HttpResponse
from headrace_local.web.gateway import Gateway
from headrace_local.web.sink import NotificationSink

if TYPE_CHECKING:
    from pathlib import Path


class FakeWorkgroups:
    def add(self, name: str) -> None:
        if name == "no name":
            raise ValueError("no name is no name of a workgroup")

    def names(self) -> list[str]:
        return ["headrace"]

    def held(self) -> dict[str, Any]:
        return {"sessions": [], "locks": []}


class FakeWarehouse:
    async def answer(self, headers: dict[str, str], body: bytes) -> HttpResponse:
        answer = {"target": headers["x-amz-target"], "body": body.decode()}
        return HttpResponse(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode())


async def fake_emulator(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b'"the emulator"'})


def ask(folder: Path, method: str, path: str, *bodies: bytes, target: str = "", query: str = "") -> tuple[int, Any]:
    """Status and document for each body posted in turn to one gateway; the last is returned."""
    sink = NotificationSink(folder / "notifications.jsonl")
    gateway = Gateway(fake_emulator, cast("Any", FakeWarehouse()), sink, cast("Any", FakeWorkgroups()))
    headers = [(b"X-Amz-Target", target.encode())] if target else []
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": query.encode()}
    sent: list[dict[str, Any]] = []
    chunks = iter([{"body": body, "more_body": True} for body in bodies] + [{"body": b""}])

    async def receive() -> dict[str, Any]:
        return next(chunks)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(gateway(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_the_data_api_is_answered_here(tmp_path: Path) -> None:
    status, answer = ask(tmp_path, "POST", "/", b'{"Sql":', b'"x"}', target="RedshiftData.ExecuteStatement")

    assert (status, answer) == (200, {"target": "RedshiftData.ExecuteStatement", "body": '{"Sql":"x"}'})


def test_everything_else_is_the_emulators(tmp_path: Path) -> None:
    assert ask(tmp_path, "GET", "/bucket/key") == (418, "the emulator")
    assert ask(tmp_path, "POST", "/", target="DynamoDB_20120810.Query") == (418, "the emulator")


def test_health(tmp_path: Path) -> None:
    assert ask(tmp_path, "GET", "/_headrace/health") == (200, {"status": "ok"})


def test_a_webhooks_message_is_kept_whatever_it_is(tmp_path: Path) -> None:
    assert ask(tmp_path, "POST", "/_headrace/slack", b'{"text": "hi"}') == (200, {"number": 1})
    assert ask(tmp_path, "POST", "/_headrace/slack", b"\xff not JSON") == (200, {"number": 1})


def test_a_workgroup_is_made_by_its_name(tmp_path: Path) -> None:
    assert ask(tmp_path, "POST", "/_headrace/workgroups", b'"second"') == (200, {"workgroups": ["headrace"]})
    assert ask(tmp_path, "POST", "/_headrace/workgroups", b'"no name"')[0] == 400


def test_notifications_with_an_after_that_is_no_number_are_all(tmp_path: Path) -> None:
    assert ask(tmp_path, "GET", "/_headrace/notifications", query="after=soon") == (200, {"notifications": []})


def test_a_page_that_does_not_exist(tmp_path: Path) -> None:
    status, answer = ask(tmp_path, "GET", "/_headrace/slack")

    assert status == 404
    assert "no page GET /_headrace/slack" in answer["message"]
