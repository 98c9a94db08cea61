"""The table of channels, the template and the laptop agree on each."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.adapters.channels import CHANNELS
from headrace.adapters.channels.channel import OPENER
from headrace.domain.notice import Incident, Notice
from headrace.errors import TerminalError
from tests.support.template import TEMPLATE

NOTICE = Notice("ok", "readings: 1 row loaded from 1 file")
INCIDENT = Notice("error", "Source carrier", incident=Incident("headrace/source/carrier", "trigger", "carrier"))


WITH_SECRETS = [name for name, channel in CHANNELS.items() if channel.parameter]


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_each_channel_has_its_secret_and_its_function_in_the_template(name: str) -> None:
    channel = CHANNELS[name]
    assert TEMPLATE["Parameters"][channel.parameter]["Default"] in {channel.secret, *([""] if channel.optional else [])}
    (function,) = (
        item["Properties"]
        for item in TEMPLATE["Resources"].values()
        if item.get("Properties", {}).get("Environment", {}).get("Variables", {}).get("CHANNEL") == name
    )
    assert function["CodeUri"] == "functions/notify"
    assert function["Environment"]["Variables"]["CHANNEL_SECRET"] == {"Ref": channel.parameter}


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_a_secret_for_the_laptop_sends_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[str] = []

    class Answer:
        def close(self) -> None: ...

    def open_url(request: Any, timeout: float) -> Answer:
        posted.append(request.full_url)
        return Answer()

    monkeypatch.setattr(OPENER, "open", open_url)
    channel = CHANNELS[name]
    target = channel.read(channel.secret_for("http://127.0.0.1:1/page"), "the secret")
    assert channel.send(target, INCIDENT, "")
    assert posted == ["http://127.0.0.1:1/page"]
    assert channel.send(target, NOTICE, "") == (len(posted) == 2)


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_a_text_that_is_no_secret_of_the_channel_is_refused_and_not_quoted(name: str) -> None:
    with pytest.raises(TerminalError, match="the secret x should be") as caught:
        CHANNELS[name].read("no\nPASSWORD", "the secret x")
    assert "PASSWORD" not in str(caught.value)
