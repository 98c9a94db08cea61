"""`headrace contracts`."""

from __future__ import annotations

from headrace.domain.expected.calendar import Expectation
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


def test_the_calendar_of_the_next_days(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    assert "No files are expected" in run_text("contracts", "--calendar")[1]
    workdays = Expectation("morning", minutes=360, zone="Europe/Zurich", weekdays=(0, 1, 2, 3, 4), least=3, most=3)
    ends = Expectation("ends", every="m", month_days=(0,))
    stack.deploy(contract(expected=(workdays,)), contract("other", expected=(ends,)))
    _, document = run_json("contracts", "--calendar")
    names = [item["name"] for item in document["expected"]]
    assert (names.count("morning"), names.count("ends")) == (10, 5)
    assert [item["due"] for item in document["expected"]] == sorted(item["due"] for item in document["expected"])
    assert all(
        item["here"].endswith("06:00 Europe/Zurich") for item in document["expected"] if item["name"] == "morning"
    )
    only = run_json("contracts", "other", "--calendar")[1]["expected"]
    assert {item["dataset"] for item in only} == {"other"}
    assert "Europe/Zurich" in run_text("contracts", "--calendar")[1]
