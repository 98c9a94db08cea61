"""Each channel against a server that answers as the service does."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.adapters import aws
from headrace.adapters.channels import CHANNELS
from headrace.adapters.channels.channel import Addresses
from headrace.adapters.channels.slack_api import Bot
from headrace.adapters.channels.teams import LARGEST, card
from headrace.bootstrap import channels as bootstrap
from headrace.domain import causes
from headrace.domain.notice import Matter, Notice
from headrace.errors import TerminalError, TransientError

LATE = Matter(causes.PROMISE_BROKEN, "readings").notice("readings: data is late", ["a [link](https://x) *b*", "why"])
LARGE = Matter(causes.FILE_NOT_LOADED, "readings").notice("t" * 1000, ["\U0001f600" * 700] * 50)


class Service:
    """What was posted, and what is answered next."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.replies: list[bytes] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((self.path, dict(self.headers.items()), body))
            status, headers = kept.answers.pop(0) if kept.answers else (202, {})
            self.send_response(413 if len(body) > 28 * 1024 else status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(kept.replies.pop(0) if kept.replies and status == 202 else b"")

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    kept = Service(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()


def addresses(tool: str, secret: str) -> Addresses:
    return Addresses.read(CHANNELS[tool], secret, "the secret x")


def slack_api(service: Service, *answers: dict[str, Any], **more: Any) -> Bot:
    service.replies += [json.dumps(answer).encode() for answer in answers]
    secret = json.dumps({"token": "xoxb-" + "1" * 20, "url": service.url, "channel": "#all"} | more)
    bot = addresses("slack", secret).of("", asked=True)
    assert isinstance(bot, Bot)
    return bot


def test_a_bot_posts_changes_and_replies(service: Service) -> None:
    bot = slack_api(service, {"ok": True, "channel": "C1", "ts": "1.2"}, {"ok": True}, {"ok": True, "channel": "C1"})
    ref = bot.post("#meters", LATE)
    assert (ref, bot.edit("#meters", ref, LATE)) == ("C1/1.2", "C1/1.2")
    bot.post("#meters", LATE, below=ref)
    documents = [json.loads(body) for _, _, body in service.got]
    assert [path for path, *_ in service.got] == [
        f"/hook/chat.{name}" for name in ("postMessage", "update", "postMessage")
    ]
    assert service.got[0][1]["Authorization"] == "Bearer xoxb-" + "1" * 20
    assert [document["channel"] for document in documents] == ["#meters", "C1", "C1"]
    assert (documents[1]["ts"], documents[2]["thread_ts"]) == ("1.2", "1.2")
    assert "1111" not in repr(bot)


@pytest.mark.parametrize("error", ["message_not_found", "msg_too_long"])
def test_a_message_that_slack_changes_no_more_is_posted_anew(service: Service, error: str) -> None:
    gone = {"ok": False, "error": error}
    bot = slack_api(service, gone, {"ok": True, "channel": "C1", "ts": "3.4"})
    assert bot.edit("#meters", "C1/1.2", LATE) == "C1/3.4"


@pytest.mark.parametrize("sign", ["&", "ö", "\U0001f600", "x"])
@pytest.mark.parametrize("more", range(6))
def test_a_bots_text_is_no_longer_than_slack_changes_a_message_to(service: Service, sign: str, more: int) -> None:
    """https://docs.slack.dev/reference/methods/chat.update: 4,000 characters; more is `msg_too_long`."""
    bot = slack_api(service, {"ok": True, "channel": "C1", "ts": "1.2"}, {"ok": True})
    notice = Matter(causes.FILE_NOT_LOADED, "readings").notice("t", ["y" * more + sign * 2_000] * 5)
    bot.edit("#meters", bot.post("#meters", notice), notice)
    for _, _, body in service.got:
        text = json.loads(body)["text"]
        assert 3_980 < len(text.encode()) <= 4_000
        assert "&" not in text.replace("&amp;", ""), "no escape is broken"


@pytest.mark.parametrize(
    ("error", "kind"), [("ratelimited", TransientError), ("channel_not_found", TerminalError), (None, TerminalError)]
)
def test_slack_says_in_the_answer_what_it_did_not_take(service: Service, error: str, kind: type[Exception]) -> None:
    bot = slack_api(service, {"ok": False, "error": error})
    with pytest.raises(kind, match="Slack answered") as caught:
        bot.post("#meters", LATE)
    assert "xoxb" not in str(caught.value)


def test_a_busy_slack_and_one_that_speaks_no_json_are_asked_again(service: Service) -> None:
    bot = slack_api(service)
    service.answers.append((429, {"Retry-After": "30"}))
    for said in ("answered 429", "no JSON"):
        with pytest.raises(TransientError, match=said):
            bot.post("", LATE)
    with pytest.raises(TerminalError, match="should be a bot's token"):
        addresses("slack", "xoxb-SECRET with words")
    with pytest.raises(TerminalError, match="no channel for this"):
        slack_api(service, channel="").post("", LATE)


def test_of_two_bots_each_changes_the_messages_of_its_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = {"default": "xoxb-" + "1" * 20, "#b": "xoxb-" + "2" * 20, "#c": "https://hooks.slack.com/services/x"}
    changers: list[Any] = []
    monkeypatch.setattr(bootstrap, "threads", lambda _: None)
    monkeypatch.setattr(bootstrap, "catch_up", lambda _, messenger_of, __: changers.append(messenger_of))
    bootstrap.Notifier("slack", addresses("slack", json.dumps(tokens))).catch_up()
    (of,) = changers
    assert [getattr(of(name), "token", None) for name in ("#a", "#b", "#c")] == [tokens["default"], tokens["#b"], None]


@pytest.mark.parametrize("notice", [LATE, LARGE])
def test_a_card_is_taken_by_teams_whatever_is_in_it(service: Service, notice: Notice) -> None:
    assert addresses("teams", service.url).send(notice, "", asked=True)
    ((_, _, body),) = service.got
    assert len(body) <= LARGEST + 1000
    blocks = json.loads(body)["attachments"][0]["content"]["body"]
    assert blocks[0]["weight"] == "Bolder"
    assert blocks[-1]["text"] == "why" or blocks[-1]["text"].endswith("more lines")


def test_a_files_name_forges_no_link_in_teams() -> None:
    text = card(LATE)["attachments"][0]["content"]["body"][1]["text"]
    assert text == r"a \[link\](https://x) \*b\*"


@pytest.mark.parametrize(
    ("status", "error"), [(429, TransientError), (503, TransientError), (413, TerminalError), (400, TerminalError)]
)
@pytest.mark.parametrize("tool", ["slack", "teams", "webhook", "pagerduty"])
def test_what_is_worth_another_try_and_what_is_not(
    service: Service, tool: str, status: int, error: type[Exception]
) -> None:
    service.answers.append((status, {"Retry-After": "30"}))
    with pytest.raises(error, match=f"answered {status}") as caught:
        addresses(tool, CHANNELS[tool].secret_for(service.url)).send(LATE, "", asked=True)
    assert service.url not in str(caught.value)


def test_a_webhook_can_be_sure_who_has_sent_what_and_when(service: Service) -> None:
    key = "k" * 32
    assert addresses("webhook", json.dumps({"url": service.url, "key": key})).send(LATE, "ticketing", asked=True)
    ((_, headers, body),) = service.got
    fields = dict(part.split("=") for part in headers["Headrace-Signature"].split(","))
    wanted = hmac.new(key.encode(), f"{fields['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(fields["v1"], wanted)
    document: dict[str, Any] = json.loads(body)
    assert (document["cause"], document["severity"], document["over"]) == ("promise-broken", "critical", False)
    assert (document["key"], document["channel"]) == ("headrace/promise-broken/readings", "ticketing")


def test_a_secret_with_several_addresses_is_an_address_for_each_channel(service: Service) -> None:
    secret = json.dumps({"default": service.url, "#meters": f"{service.url}/meters"})
    book = addresses("slack", secret)
    for name in ("#meters", "#elsewhere", ""):
        assert book.send(LATE, name, asked=True)
    assert [path for path, *_ in service.got] == ["/hook/meters", "/hook", "/hook"]
    named = addresses("pagerduty", json.dumps({"on-call": {"routing_key": "0" * 32, "url": service.url}}))
    assert named.send(LATE, "on-call", asked=True)
    assert not named.send(LATE, "", asked=False)
    with pytest.raises(TerminalError, match="the secret x has no address for 'other'"):
        named.send(LATE, "other", asked=True)
    assert service.url not in repr(named)


def test_a_wrong_address_among_several_is_named_and_not_quoted() -> None:
    with pytest.raises(TerminalError, match="team in the secret x should be") as caught:
        addresses("teams", json.dumps({"default": "https://x.example.org/a", "team": "PASSWORD here"}))
    assert "PASSWORD" not in str(caught.value)


def test_a_mail_names_its_channel_so_that_subscribers_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, Any]] = []

    class Sns:
        def publish(self, **given: Any) -> None:
            published.append(given)

    monkeypatch.setattr(aws, "client", lambda _: Sns())
    book = addresses("email", "arn:aws:sns:eu-central-1:123456789012:mail")
    assert book.send(LATE, "data-team", asked=True)
    assert book.send(LARGE, "", asked=False)
    assert published[0]["Subject"] == "readings: data is late"
    assert published[0]["Message"].splitlines()[0] == "CRITICAL: readings: data is late"
    assert [one["MessageAttributes"]["mail"]["StringValue"] for one in published] == ["data-team", "default"]
    assert len(published[1]["Message"].encode()) < 256 * 1024
