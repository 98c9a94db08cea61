"""`headrace contracts`."""

from __future__ import annotations

from tests.support.fakes import contract
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


def test_what_is_deployed(stack: FakeStack, run_json: RunJson) -> None:
    stack.deploy(contract(freshness_seconds=900))
    code, document = run_json("contracts")
    (readings,) = document["datasets"]
    assert code == 0
    assert (readings["dataset"], readings["prefix"], readings["table"]) == ("readings", "readings/", "public.readings")
    assert (readings["key"], readings["freshness_seconds"]) == (["meter"], 900)


def test_text_says_the_promise(stack: FakeStack, run_text: RunText) -> None:
    stack.deploy(contract(freshness_seconds=900), contract("events", primary_key=()))
    _, text = run_text("contracts")
    assert "loaded within" in text
    assert "15 min" in text
    assert "append only" in text


def test_what_belongs_together_is_said(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.deploy(contract(marker="_SUCCESS"), contract("events", manifest="*.manifest", patience_seconds=600))
    _, document = run_json("contracts")
    found = [(item["marker"], item["manifest"], item["patience_seconds"]) for item in document["datasets"]]
    assert found == [(None, "*.manifest", 600), ("_SUCCESS", None, 86_400)]
    _, text = run_text("contracts")
    assert "readings: files are loaded together by marker _SUCCESS, people are notified after 1 d" in text


def test_which_objects_are_files_is_said(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.deploy(contract(files=("*.csv",)), contract("events", ignore=("x_*",)))
    _, document = run_json("contracts")
    patterns = {item["dataset"]: (item["files"], item["ignore"]) for item in document["datasets"]}
    assert patterns["readings"][0] == ["*.csv"]
    assert "_*" in patterns["readings"][1]
    assert patterns["events"] == ([], ["x_*"])
    _, text = run_text("contracts")
    assert "*.csv" in text
    assert "events: ignores x_*" in text
