"""The catalogue of errors: each is known again by its own words, and says what it means and what to do."""

from __future__ import annotations

import json

import pytest

from headrace.domain.failure import UNKNOWN, Failure, Treatment, catalogue, classify, explain, for_people

EACH = pytest.mark.parametrize("failure", catalogue(), ids=lambda failure: failure.name)


@EACH
def test_an_error_is_known_by_the_words_of_its_service(failure: Failure) -> None:
    assert classify(failure.text) is failure


@EACH
def test_people_learn_cause_remedy_and_source(failure: Failure) -> None:
    assert failure.means.endswith(".")
    assert failure.remedy.endswith((".", ")."))
    assert failure.source.startswith("https://")


def test_the_catalogue_is_long_and_no_name_comes_twice() -> None:
    names = [failure.name for failure in catalogue()]
    assert len(set(names)) == len(names) >= 60
    assert {failure.treatment for failure in catalogue()} == set(Treatment)


def test_what_is_not_known_is_isolated() -> None:
    assert classify("LoadRefused: a sentence that nobody has read yet") is UNKNOWN
    assert classify("LoadRefused: no row 10234 of 1023 was found") is UNKNOWN


@pytest.mark.parametrize(
    "text", ["Invalid digit, Value 'Jane Doe', Pos 0", 'invalid input syntax for integer: "Jane Doe"']
)
def test_values_of_rows_are_not_told(text: str) -> None:
    cause = json.dumps({"errorMessage": text, "errorType": "X"})
    told = for_people(classify(explain("LoadRefused", cause)), explain("LoadRefused", cause))
    assert "Jane" not in told
    assert "'…'" in told
