"""The page for operators lists every error of the catalogue, and has a runbook for each alarm of the template."""

from __future__ import annotations

import re

import pytest

from headrace.domain.ingest.failure import catalogue
from scripts.list_errors import PAGE, SYMPTOMS, listed
from tests.support.template import TEMPLATE


def test_the_page_lists_the_catalogue() -> None:
    page = PAGE.read_text()
    assert page == listed(page), "run .venv/bin/python -m scripts.list_errors"


def test_every_error_is_listed_once_under_a_symptom() -> None:
    page = PAGE.read_text()
    assert {failure.symptom for failure in catalogue()} == set(SYMPTOMS)
    for failure in catalogue():
        assert failure.remedy.replace("|", r"\|") in page


ALARMS = {
    name: resource["Properties"]["AlarmDescription"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarms_text_links_to_its_runbook(name: str) -> None:
    what, _, link = ALARMS[name].partition(" Runbook: ")
    assert link == f"docs/operations.md#{name.lower()}"
    section = PAGE.read_text().split("\n## Alarms\n")[1].split("\n## ")[0]
    runbook = " ".join(section.split(f"\n### {name}\n")[1].split("\n### ")[0].split())
    assert runbook.startswith(what)
    assert len(runbook) > len(what) + len("headrace"), "the runbook says what to do"


def test_there_is_no_runbook_without_its_alarm() -> None:
    section = PAGE.read_text().split("\n## Alarms\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^### (\w+)$", section, re.MULTILINE)) == ALARMS.keys()
