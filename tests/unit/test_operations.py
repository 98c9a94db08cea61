"""The page for operators lists every error of the catalogue, as the catalogue has it."""

from __future__ import annotations

from headrace.domain.ingest.failure import catalogue
from scripts.list_errors import PAGE, SYMPTOMS, listed


def test_the_page_lists_the_catalogue() -> None:
    page = PAGE.read_text()
    assert page == listed(page), "run .venv/bin/python -m scripts.list_errors"


def test_every_error_is_listed_once_under_a_symptom() -> None:
    page = PAGE.read_text()
    assert {failure.symptom for failure in catalogue()} == set(SYMPTOMS)
    for failure in catalogue():
        assert failure.remedy.replace("|", r"\|") in page
