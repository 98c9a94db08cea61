"""Who the console lets in: requests as they come over the wire, of the owner's browser and of everybody else."""

from __future__ import annotations

import http.client
from urllib.parse import urlencode

import pytest

from headrace_cli.console.door import COOKIE, LARGEST_FORM
from tests.support.consoles import Caller
from tests.unit.cli.stack import FakeStack


def test_the_address_lets_one_browser_in_once(caller: Caller) -> None:
    answer = caller.let_in()
    assert (answer.status, answer.headers["location"]) == (303, f"{caller.root}/")
    assert answer.headers["set-cookie"].endswith(f"; HttpOnly; SameSite=Strict; Path={caller.root}/")
    assert caller.call(f"{caller.root}/").status == 200
    again = Caller.__new__(Caller)
    again.__dict__ |= caller.__dict__ | {"cookie": ""}
    refused = again.call(caller.enter)
    assert refused.status == 403
    assert "set-cookie" not in refused.headers
    assert caller.console.address() != caller.address  # the console prints the next one


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "null"},
    ],
    ids=str,
)
def test_a_page_of_others_is_refused_with_the_cookie(caller: Caller, headers: dict[str, str]) -> None:
    caller.let_in()
    for path in ("/", "/files", "/events", "/static/console.js"):
        assert caller.call(f"{caller.root}{path}", **headers).status == 403
    assert caller.call(f"{caller.root}/act", "POST", "a=b", **headers).status == 403
    assert caller.call(caller.enter, **headers).status == 403


def test_a_second_host_beside_the_own_one_is_refused(caller: Caller) -> None:
    caller.let_in()
    connection = http.client.HTTPConnection("127.0.0.1", int(caller.host.rpartition(":")[2]), timeout=10)
    connection.putrequest("GET", f"{caller.root}/", skip_host=True)
    connection.putheader("Host", caller.host)
    connection.putheader("Host", "evil.example")
    connection.putheader("Cookie", caller.cookie)
    connection.endheaders()
    assert connection.getresponse().status >= 400
    connection.close()


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=", f"{COOKIE}=guessed", f"{COOKIE}=é", "broken; ;=;"])
def test_nobody_comes_in_without_the_cookie(caller: Caller, cookie: str) -> None:
    for path in ("/", "/files", "/events", "/static/console.js", "/raw/x", "/nowhere"):
        answer = caller.call(f"{caller.root}{path}", Cookie=cookie.encode().decode("latin-1"))
        assert answer.status == 403, path
        assert "readings" not in answer.body


@pytest.mark.parametrize(
    "others",
    ["odd[]=1; {own}", 'open="1; {own}', "plain=ä; {own}", "b@d name=1;{own}", f"{COOKIE}=theirs; {{own}}",
     f"{{own}}; {COOKIE}=theirs", "=; ;; {own}; a"],
)  # fmt: skip
def test_cookies_of_other_servers_do_not_lock_the_owner_out(caller: Caller, others: str) -> None:
    caller.let_in()
    sent = others.format(own=caller.cookie).encode().decode("latin-1")
    assert caller.call(f"{caller.root}/", Cookie=sent).status == 200


def test_nothing_answers_outside_the_place(caller: Caller) -> None:
    caller.let_in()
    for path in ("/", "/files", "/enter?token=x", f"{caller.root}x/", "/../etc/passwd"):
        assert caller.call(path).status == 404, path


def test_every_answer_forbids_scripts_of_others(caller: Caller) -> None:
    entered = caller.let_in()
    answers = [caller.call(f"{caller.root}{path}") for path in ("/", "/nowhere", "/static/console.js", "/file/x")]
    answers += [entered, caller.call("/"), caller.call(f"{caller.root}/act", "POST", "a=b")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_a_form_needs_the_secret_of_this_console(caller: Caller) -> None:
    caller.let_in()
    form = {"action": "retry", "wanted": "readings"}
    own = caller.form_secret()
    assert len(own) > 40
    for secret in ({}, {"form": ""}, {"form": "guessed"}):
        refused = caller.post("/act", form | secret, Origin=f"http://{caller.host}")
        assert (refused.status, "not of this console" in refused.body) == (403, True)
    accepted = caller.post("/act", form | {"form": own}, Origin="null", Sec_Fetch_Site="same-origin")
    assert (accepted.status, "Nothing has been changed yet" in accepted.body) == (200, True)


@pytest.mark.parametrize("number", ["yes", "guessed", "another's"])
def test_nothing_is_done_that_was_not_asked_first(caller: Caller, stack: FakeStack, number: str) -> None:
    caller.let_in()
    form = {"form": caller.form_secret(), "action": "retry", "wanted": "readings"}
    if number == "another's":
        asked = caller.post("/act", form | {"wanted": b"b.csv".hex().ljust(24, "0")}).body
        number = asked.partition('name="confirmed" value="')[2].partition('"')[0]
        assert number
    answer = caller.post("/act", form | {"confirmed": number})
    assert (answer.status, "confirmed already, or never asked" in answer.body) == (404, True)
    assert not [file for file in stack.ledger.records.files.values() if file.key.endswith("b.csv") and not file.reason]


def test_a_form_too_large_and_other_methods_are_refused(caller: Caller) -> None:
    caller.let_in()
    assert caller.post("/act", {"form": "x" * (LARGEST_FORM + 1)}).status == 413
    assert caller.post("/act", {f"f{number}": "x" for number in range(60)}).status == 413
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        assert caller.call(f"{caller.root}/", method).status == 405


def test_a_console_that_only_reads_takes_no_form_and_shows_no_button(reader: Caller, stack: FakeStack) -> None:
    reader.let_in()
    page = reader.call(f"{reader.root}/file/{b'b.csv'.hex().ljust(24, '0')}").body
    assert "reads only" in page
    assert "<button" not in page
    refused = reader.post("/act", {"action": "retry", "wanted": "readings", "confirmed": "yes"})
    assert (refused.status, "only reads" in refused.body) == (403, True)
    assert not stack.ledger.records.waiting


def test_only_a_deployed_datasets_parquet_can_be_downloaded(caller: Caller) -> None:
    caller.let_in()
    for key in ("contracts/contracts.json", "readings/../x.parquet", "quarantine/readings/batch=x/a.parquet", ""):
        assert caller.call(f"{caller.root}/part?{urlencode({'key': key})}").status == 404, key
