"""What texts mean before they are read, and texts that are changed to be kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Kind, RowRule
from headrace.domain.writing import Writing
from headrace.transform import FileRejected
from tests.unit.transform.kit import column, contract, decimal, integer, read, text

TIMES = (1, 300)
"""Few rows are read one by one, many a column at a time."""


@pytest.mark.parametrize("times", TIMES)
def test_each_column_has_its_own_words_for_nothing(times: int) -> None:
    spec = contract(text("country", 2, writing=Writing(nulls=("",))), integer("n"), null_tokens=("", "NA"))
    got = read(spec, b"country,n\n" + b"NA,NA\n,1\n" * times)
    assert got.values("country", "n") == [("NA", None), (None, 1)] * times


@pytest.mark.parametrize("times", TIMES)
def test_an_empty_value_in_quotes_may_be_one(times: int) -> None:
    spec = contract(text("a"), integer("n"), quoted_nulls=False, null_tokens=("", "\\N"))
    got = read(spec, b'a,n\n"",1\n,2\n"\\N",3\n\\N,\nx,""\n' * 1 + b'"",1\n' * (times - 1))
    assert got.values("a", "n")[:4] == [("", 1), (None, 2), ("\\N", 3), (None, None)]
    assert got.errors() == [(5, "n", "logicalType")]


def test_a_row_of_empty_values_in_quotes_is_one() -> None:
    got = read(contract(text("a"), text("b"), quoted_nulls=False), b'a,b\n"",""\n,\n')
    assert got.values("a", "b") == [("", "")]
    assert [row.errors[0].rule for row in got.bad] == ["empty"]


@pytest.mark.parametrize("times", TIMES)
def test_blanks_around_values_are_taken_away_where_the_contract_says_so(times: int) -> None:
    trimmed = Writing(trim=True)
    spec = contract(
        text("code", writing=trimmed), decimal("n", 6, 2, writing=trimmed), column("d", Kind.DATE, writing=trimmed),
        column("b", Kind.BOOLEAN, writing=trimmed), text("as_is"),
    )  # fmt: skip
    got = read(spec, b"code,n,d,b,as_is\n" + "AB  , 4.5,2024-05-31\u00a0,Y ,\t x \n  ,,\t,N,y\n".encode() * times)
    rows = [("AB", Decimal("4.50"), date(2024, 5, 31), True, "\t x "), (None, None, None, False, "y")]
    assert got.values("code", "n", "d", "b", "as_is") == rows * times


@pytest.mark.parametrize("times", TIMES)
def test_words_for_true_and_false_are_the_contracts(times: int) -> None:
    spec = contract(integer("k"), column("b", Kind.BOOLEAN, writing=Writing(true=("J", "wahr"), false=("N", "falsch"))))
    got = read(spec, b"k,b\n" + b"1,j\n2,Wahr\n3,FALSCH\n4,true\n5,wAHR\n" * times)
    assert got.values("b") == [True, True, False, True] * times
    assert {row.errors[0].reason for row in got.bad} == {"'true' is not a boolean (J, wahr, N, falsch)"}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("true", "false", "others"),
    [
        ("J.", "N.", ["NO", "JA", "no", "J"]),
        ("a|b", "c", ["a", "b", "B"]),
        ("(y)", "(n)", ["y", "n", "N"]),
        ("+", "-", ["x", "++"]),
        ("*", "[x]", ["x", "**"]),
        ("^", "$", ["^$", "y"]),
        ("\\d", "\\w", ["1", "x"]),
        ("é", "ß", ["Ã©", "SS", "ss"]),
        ("ss", "ß", ["s"]),
    ],
)
def test_words_for_true_and_false_are_words_whatever_their_marks(
    true: str, false: str, others: list[str], kind: str
) -> None:
    said = Writing(true=(true,), false=(false,), loose=kind == "jsonl")
    spec = contract(integer("k"), column("b", Kind.BOOLEAN, writing=said), kind=kind, encoding="utf-8")
    words = [true, false, *others]
    rows = [json.dumps({"k": 1, "b": word}) if kind == "jsonl" else f"1,{word}" for word in words]
    got = read(spec, "".join(f"{row}\n" for row in [*(["k,b"] if kind == "csv" else []), *rows * 200]).encode())
    assert got.values("b") == [True, False] * 200
    assert got.report.rows_bad == len(others) * 200


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_default_stands_where_there_is_no_value_and_rules_see_it(kind: str) -> None:
    rule = RowRule("few", "n < 9", ("<", ("column", "n"), ("number", "9")))
    columns = [
        integer("n", required=True, writing=Writing(default="7")),
        text("k"),
        decimal("m", 5, 2, writing=Writing(default="1.50")),
    ]
    spec = replace(contract(*columns, kind=kind, null_tokens=("",) if kind == "csv" else ()), rules=(rule,))
    data = {"csv": b"n,k\n,a\n9,b\n1,c\n", "jsonl": b'{"k":"a"}\n{"n":9,"k":"b"}\n{"n":1,"k":"c","m":null}\n'}[kind]
    got = read(spec, data)
    assert got.values("n", "m") == [(7, Decimal("1.50")), (1, Decimal("1.50"))]
    assert got.errors() == [(2, None, "few")]


def test_why_an_empty_value_in_quotes_is_no_number() -> None:
    got = read(contract(text("k"), integer("n"), quoted_nulls=False), b'k,n\na,""\nb,\n')
    assert got.values("n") == [None]
    assert [row.errors[0].reason for row in got.bad] == [
        "'' is not an integer: it is empty, and the contract's null tokens do not include empty, or not in quotes"
    ]


def test_a_file_may_lack_a_required_column_that_has_a_default() -> None:
    spec = contract(text("k"), integer("n", required=True, writing=Writing(default="7")), integer("m", required=True))
    assert read(spec, b"m,k\n1,a\n2,b\n").values("k", "n", "m") == [("a", 7, 1), ("b", 7, 2)]
    with pytest.raises(FileRejected, match="lacks the required column m"):
        read(spec, b"k\na\n")


def test_a_text_of_no_characters_may_be_a_word_for_nothing() -> None:
    columns = text("a", writing=Writing(replaces=True)), text("b", required=True, writing=Writing(replaces=True))
    got = read(contract(*columns, null_tokens=("\ufffd",)), b"a,b\n\xff,x\ny,\xff\n")
    assert (got.values("a", "b"), got.errors()) == ([(None, "x")], [(2, "b", "required")])


def test_a_row_without_any_value_is_none_whatever_the_defaults() -> None:
    got = read(contract(integer("n", writing=Writing(default="7")), text("k")), b"n,k\n,\n")
    assert [row.errors[0].rule for row in got.bad] == ["empty"]


@pytest.mark.parametrize("times", TIMES)
def test_long_texts_are_cut_between_characters_and_counted(times: int) -> None:
    spec = contract(text("a", 5, writing=Writing(cut=True)), integer("n"))
    got = read(spec, b"a,n\n" + "äöü,1\nabcde,2\nabcdef,3\nabcdef,x\n".encode() * times)
    assert got.values("a") == ["äö", "abcde", "abcde"] * times
    assert got.report.detected["changed_values"] == {"a": {"cut": 2 * times}}


@given(st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n,"'), min_size=1), st.integers(1, 12))
def test_what_is_left_of_a_text_is_all_that_fits(said: str, size: int) -> None:
    got = read(contract(integer("k"), text("a", size, writing=Writing(cut=True))), f"k,a\n1,{said}\n".encode())
    longest = max((said[:end] for end in range(len(said) + 1) if len(said[:end].encode()) <= size), key=len)
    assert got.values("a") == [longest]


@pytest.mark.parametrize("times", TIMES)
def test_bytes_that_are_no_character_may_be_replaced_and_are_counted(times: int) -> None:
    spec = contract(text("a", writing=Writing(replaces=True)), text("b"))
    got = read(spec, b"a,b\n" + b"x\xff\xe2\x82y,1\nok,\xff\n" * times + b"z\0,2\n")
    assert got.values("a") == [*["x\ufffd\ufffdy"] * times, "z\ufffd"]
    assert got.report.detected["changed_values"] == {"a": {"replaced": times + 1}}
    assert {error[1:] for error in got.errors()} == {("b", "encoding")}


def test_so_may_bytes_that_another_encoding_does_not_have() -> None:
    spec = contract(text("a", writing=Writing(replaces=True)), text("b"), encoding="cp1252")
    assert read(spec, b"a,b\nx\x81y\xe9,1\n").values("a") == ["x\ufffdyé"]


@pytest.mark.parametrize("times", TIMES)
def test_excels_texts_mean_what_is_in_the_quotes(times: int) -> None:
    spec = contract(
        text("a", writing=Writing(excel_text=True)), integer("n", writing=Writing(excel_text=True)), excel_text=True
    )
    got = read(spec, b"a,n\n" + b'="0000451",="7"\n"=""00""""12""",8\n="a,b",\nplain,="x"\n' * times)
    assert got.values("a", "n") == [("0000451", 7), ('00"12', 8), ("a,b", None)] * times
    assert {error[1:] for error in got.errors()} == {("n", "logicalType")}


def test_without_that_option_they_are_bad_quotes() -> None:
    assert [row.errors[0].rule for row in read(contract(text("a"), text("b")), b'a,b\n="1",2\n').bad] == ["quoting"]


def test_texts_of_json_are_cleaned_and_cut_too() -> None:
    spec = contract(
        text("a", 4, writing=Writing(trim=True, cut=True, nulls=("-",))), integer("n"), kind="jsonl", null_tokens=()
    )
    got = read(spec, b'{"a":" - "}\n{"a":" abcdef "}\n{"a":"x","n":1}\n')
    assert got.values("a") == [None, "abcd", "x"]
    assert got.report.detected["changed_values"] == {"a": {"cut": 1}}
