"""The catalogue of errors: each is known again by its own words, and says what it means and what to do."""

from __future__ import annotations

import json
import re

import pytest

from headrace.domain.ingest.failure import (
    UNKNOWN,
    Failure,
    Known,
    Place,
    Treatment,
    catalogue,
    classify,
    explain,
    for_people,
)

EACH = pytest.mark.parametrize("failure", catalogue(), ids=lambda failure: failure.name)
DETAIL = f"\n  Detail: \n  {'-' * 47}\n  query:     8238\n  process:   padbmaster [pid=1]\n"
REQUEST = " (Service: RedshiftData, Status Code: 400, Request ID: 0f1e4a1e-1023-4b57-9000-1b2c3d4e5f60)"
BEFORE = (
    "", "ERROR: ", "ERROR:", "ERROR:  ", "LoadRefused: ", "LoadRefused: Query #10 failed with ERROR: ",
    "WarehouseError: ERROR: ", "[Amazon](500310) Invalid operation: ",
)  # fmt: skip
ANNOUNCED = [
    ("redshift-invalid-digit", "ERROR: Invalid digit, Value '{}', Pos 0, Type: Integer"),
    ("redshift-invalid-digit", "ERROR: Invalid digit code: 1207 context: {}"),
    ("redshift-invalid-input", 'ERROR: invalid input syntax for type numeric: "{}"'),
    ("redshift-invalid-date", "ERROR: date/time field date value out of range: {}"),
    ("redshift-json-parse", "ERROR: JSON parsing error DETAIL: error: JSON parsing error context: {}"),
    ("redshift-not-null", "ERROR: Cannot insert a NULL value into column {} DETAIL: row {}"),
]
"""How Redshift says that a value is wrong, with a place for the value."""


@EACH
def test_an_error_is_known_by_the_words_of_its_service(failure: Failure) -> None:
    assert classify(failure.text) is failure


@EACH
def test_capital_letters_do_not_matter(failure: Failure) -> None:
    for text in (failure.text.lower(), failure.text.upper(), failure.text.swapcase()):
        assert classify(text) is failure


@EACH
def test_what_stands_behind_does_not_matter(failure: Failure) -> None:
    for behind in (DETAIL, REQUEST, " (SQLSTATE XX000)", "  ", "\nHINT:  Look at the log."):
        assert classify(failure.text + behind) is failure
    assert classify(failure.text.replace(" ", "\n   ")) is failure


@pytest.mark.parametrize(
    "failure", [f for f in catalogue() if f.text.startswith("ERROR: ")], ids=lambda failure: failure.name
)
def test_what_stands_before_does_not_matter(failure: Failure) -> None:
    for before in BEFORE:
        assert classify(before + failure.text.removeprefix("ERROR: ")) is failure


@EACH
def test_a_functions_error_is_known_in_its_json(failure: Failure) -> None:
    name, _, words = failure.text.partition(": ")
    cause = json.dumps({"errorMessage": words, "errorType": name, "stackTrace": ["disk full", "ERROR: 1023"]})
    assert classify(explain(name, cause)) is failure


@EACH
def test_a_value_of_a_row_chooses_nothing(failure: Failure) -> None:
    for name, words in ANNOUNCED:
        assert classify(f"LoadRefused: {words.replace('{}', failure.text)}").name == name


@EACH
def test_a_name_chooses_nothing(failure: Failure) -> None:
    inside = re.sub("['\"]", "", failure.text)
    assert classify(f"LoadRefused: ERROR: nobody has read of '{inside}' yet") is UNKNOWN
    assert classify(f'LoadRefused: ERROR: nobody has read of "{inside}" yet') is UNKNOWN
    key = f"in/it's {inside}.csv"
    timed_out = f"TransientError: reading {key!r}: Read timeout on endpoint URL: {inside!r}: Read timed out."
    assert classify(timed_out).name == "s3-connection"


@EACH
def test_what_people_are_told_is_known_as_the_same_error(failure: Failure) -> None:
    assert classify(for_people(failure, failure.text)) is failure


@EACH
def test_people_learn_cause_remedy_and_source(failure: Failure) -> None:
    assert failure.means.endswith(".")
    assert failure.remedy.endswith((".", ")."))
    assert failure.source.startswith("https://")


def test_the_catalogue_is_long_and_no_name_comes_twice() -> None:
    names = [failure.name for failure in catalogue()]
    assert len(set(names)) == len(names) >= 60
    assert {failure.treatment for failure in catalogue()} == set(Treatment)
    assert {failure.place for failure in catalogue()} == set(Place)


def test_at_least_sixty_texts_stand_at_their_source() -> None:
    kinds = [failure.known for failure in catalogue()]
    assert set(kinds) == set(Known)
    assert kinds.count(Known.QUOTED) + kinds.count(Known.MODEL) >= 60


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


QUOTING = [
    "Invalid digit, Value '{}', Pos 0, Type: Integer code: 1207 context: {}",
    'JSON parsing error DETAIL: code: 8001 context: Error while parsing json string {{"a":{},"a":2}}: twice',
    "duplicate key ({})=({}) is odd",
    "a sentence that nobody has read yet about {}",
    "{} is too much, {}",
    "ERROR: value `{}` of column meter",
    "Bad UTF8 hex sequence: {} (error 3)",
]
VALUES = [
    "zzmarker", "zz-mar@ker.org", "zz'marker", 'zz"marker', "12345678", "ZZ marker's", "ゼゼ", "0x5a", "\u202ezz",
    "zz\nDETAIL: zz",
]  # fmt: skip


STEERING = ["1023", "zz deadlock detected", "it's zz conflict with concurrent transaction"]
"""Values that read like another error."""


@pytest.mark.parametrize(
    ("text", "value"),
    [*((text, value) for text in QUOTING for value in VALUES), *((QUOTING[n], it) for n in (0, 1) for it in STEERING)],
)
@pytest.mark.parametrize("name", ["LoadRefused", "WarehouseError"])
def test_no_way_of_quoting_a_value_gets_it_through(name: str, text: str, value: str) -> None:
    written = explain(name, text.format(value, value))
    failure = classify(written)
    told = for_people(failure, written)
    assert failure.quotes, failure
    assert not [part for part in ("zz", "ZZ", "marker", "1234", "1023", "ゼ", "5a") if part in told], told
    assert for_people(classify(told), told) == told


@EACH
def test_an_error_is_known_again_without_its_values(failure: Failure) -> None:
    told = for_people(failure, f"LoadRefused: {failure.text}")
    assert classify(told) is classify(f"LoadRefused: {failure.text}")
    assert not failure.quotes or ("'J'" not in told and "Jane" not in told)


def test_names_of_the_contract_may_be_told() -> None:
    text = "LoadRefused: an odd value in column weight_of_it"
    assert "weight_of_it" in for_people(UNKNOWN, text, ["weight_of_it"])
    assert "weight_of_it" not in for_people(UNKNOWN, text)
