"""The fast path accepts nothing that the slow path refuses, and changes no value: both read the same mutated rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.contract import Contract, Kind
from headrace.domain.writing import NEGATIVES, Writing
from headrace.transform import FileRejected
from headrace.transform.delimited.patterns import LinePatterns
from headrace.transform.delimited.record_path import RecordReader

from .kit import Read, column, contract, decimal, integer, number, read, text

ROUNDS = int(os.environ.get("HEADRACE_FUZZ_ROUNDS", "60"))
MARKS = [
    b'"',
    b"'",
    b",",
    b";",
    b"|",
    b"\t",
    b"\\",
    b"#",
    b"\n",
    b"\r",
    b" ",
    b"0",
    b"9",
    b"-",
    b".",
    b"e",
    b"\0",
    b"\xff",
    b"\xc3",
]

Cells = list[list[bytes]]


def every_kind() -> tuple[Contract, Cells]:
    spec = contract(
        text("id", required=True),
        integer("n", 32, minimum="0"),
        column("ts", Kind.TIMESTAMP, minimum="1999-01-01T00:00:00Z"),
        column("d", Kind.DATE, formats=("dd/MM/yyyy",)),
        decimal("x", 8, 2, exclusive_maximum="999.5"),
        number("f"),
        column("b", Kind.BOOLEAN),
        column("p", Kind.SUPER),
    )
    return spec, [
        [b"a", b'"b""c"', b"0012"],
        [b"1", b"-2", b"2147483647", b"99999999999", b'"5"', b"+7", b""],
        [
            b"2024-01-01T00:00:00Z",
            b"2024-02-29 10:00:00.5+02:00",
            b"1990-01-01T00:00:00Z",
            b"2024-01-01T10:00",
            b"",
        ],
        [b"31/01/2024", b"29/02/2024", b"31/04/2024", b""],
        [b"1.5", b"999.50", b"-0.01", b"123456.78", b"1234567.8", b"1.555", b"1.500", b""],
        [b"1e5", b"-1.25", b"1e999", b"nan", b""],
        [b"true", b"F", b"Yes", b"tRue", b""],
        [
            b'"{""a"": 1}"',
            b'"{""a"": 1, ""a"": 2}"',
            b'"{""a"": {""b"": 1}, ""c"": ""x""}"',
            b"[1]",
            b"{",
            b"null",
            b"",
        ],
    ]


def only_texts() -> tuple[Contract, Cells]:
    cells = [[b"x", b'"x,y"', b"\xc3\xa9", b"\xff", b""], [b"y", b'"q""q"', b"twenty characters xx", b'"']]
    return contract(text("a"), text("b")), cells


def one_column() -> tuple[Contract, Cells]:
    spec = contract(text("a", min_length=2, max_length=4, pattern="^[a-z0-9é]+$"))
    return spec, [[b"xy", b"", b"\xc3\xa9\xc3\xa9", b"abcde", b'"ab"', b"x"]]


def pipes() -> tuple[Contract, Cells]:
    spec = contract(
        integer("a", 16, required=True),
        text("b", enum=("red", "gr|een", 'q"x')),
        column("t", Kind.TIMESTAMP, formats=("yyyyMMdd HHmmss.SSS XXX",)),
        number("r", 32, minimum="0.1"),
        delimiter="|",
        null_tokens=("", "NA", "-"),
    )
    return spec, [
        [b"1", b"99999", b"32767", b"NA", b"-1"],
        [b"red", b'"gr|een"', b"blue", b'"q""x"', b"NA"],
        [b"20240101 101010.123 Z", b"20240229 101010.123 +01:00", b"20240101 101010.123 +0100", b"-"],
        [b"0.1", b"0.2", b"1e30", b"1e39", b'"NA"'],
    ]


def tabs_without_quotes() -> tuple[Contract, Cells]:
    spec = contract(text("a"), decimal("d", 3, 3), decimal("e", 4, 0), delimiter="\t", quote="", header=False)
    return spec, [[b"x", b'"x', b'y"z'], [b"0.123", b".1", b"1.0", b"-0.5", b""], [b"1", b"12345", b"1.0", b"0012"]]


def semicolons() -> tuple[Contract, Cells]:
    spec = contract(
        text("s", required=True, min_length=1),
        column("b", Kind.BOOLEAN, required=True),
        column("z", Kind.DATE, minimum="2000-02-29", maximum="2030-12-31"),
        integer("k", enum=("1", "2", "30")),
        delimiter=";",
        quote="'",
        null_tokens=("NULL",),
    )
    return spec, [
        [b"a", b"'it''s'", b"NULL", b"''"],
        [b"1", b"0", b"NULL", b"maybe"],
        [b"2000-02-29", b"1999-12-31", b"2024-02-30", b"2031-01-01"],
        [b"1", b"2", b"30", b"3", b"01"],
    ]


def escapes() -> tuple[Contract, Cells]:
    spec = contract(
        text("s", required=True),
        integer("n", 32),
        text("t", pattern="^[a-z]*$"),
        column("p", Kind.SUPER),
        escape="\\",
        null_tokens=("\\N", ""),
    )
    return spec, [
        [b"a", b'\\"', b'"b\\"c"', b"x\\,y", b"\\N"],
        [b"1", b"\\N", b'"\\N"', b"", b"7\\"],
        [b"abc", b"\\N", b"A", b'"abc"', b""],
        [b'"{""a"": ""\\n""}"', b"1", b"\\N", b'"[1, 2]"', b"{"],
    ]


def long_delimiters() -> tuple[Contract, Cells]:
    spec = contract(
        text("s"), number("f"), text("e", enum=("a|b", "c")), column("p", Kind.SUPER), delimiter="||", comment="#"
    )
    return spec, [
        [b"a", b"#", b'"a||b"', b"a|", b"|", b"\x1f", b'"|"'],
        [b"1", b"2.5", b"x", b""],
        [b"c", b"a|b", b'"a|b"', b"", b"d"],
        [b'"{""a"": ""||""}"', b'"{""||"": 1, ""||"": 2}"', b"[1]", b"", b'"|"', b'"[""|""]"'],
    ]


def stacked_files() -> tuple[Contract, Cells]:
    """Copies of the header, delimiters alone, and marks of byte order where one file ends and the next begins."""
    cells = [
        [b"a", b"b", b"\xef\xbb\xbfa", b'\xef\xbb\xbf"a"', b"", b" a", b"x"],
        [b"b", b"a", b'"b"', b'""', b"", b"y", b"\xef\xbb\xbf"],
        [b"c", b"c ", b"", b'"c"', b"-"],
    ]
    return contract(text("a"), text("b"), text("c"), null_tokens=("-",)), cells


def empty_fields() -> tuple[Contract, Cells]:
    cells = [[b"", b"1", b'""', b"\xef\xbb\xbf2"], [b"", b"b", b"n", b'""'], [b"", b"2024-01-31", b"2024-02-30"]]
    return contract(integer("n"), text("b"), column("d", Kind.DATE)), cells


def written_numbers() -> tuple[Contract, Cells]:
    """Numbers of several countries and ledgers."""
    german = Writing(decimal_mark=",", grouping_mark=".", units=("€", "EUR"), negatives=NEGATIVES)
    swiss = Writing(grouping_mark="'", percent="fraction")
    french = Writing(decimal_mark=",", grouping_mark="blank", percent="number", rounding="halfEven")
    implied = Writing(implied_decimals=2, negatives=("trailing",), rounding="cut")
    spec = contract(
        decimal("a", 12, 2, writing=german),
        number("b", writing=swiss),
        decimal("c", 6, 3, writing=french, minimum="-5.5"),
        integer("d", 32, writing=Writing(grouping_mark=",", rounding="zeros", exponents=True)),
        decimal("e", 9, 2, writing=implied),
        decimal("f", 38, 18, writing=Writing(exponents=True, rounding="halfUp"), required=True),
        delimiter=";",
    )
    cells = [
        ["1.234,56", "€ 1.234,5", "(12,50)", "12,50-", "12,50 EUR", "1.23,5", "\u22127", "(3 EUR)", "", "(1", "-(1)"],
        ["1'234.56", "12.5%", "5%", "1e3", "1'2", ".5%", "-100 %", "", "1e2%"],
        ["1\u00a0234,5678", "1\u202f234,5", "12,0005", "12,0015", "12 %", "-5,5006", "999,9996", ""],
        ["4,812", "42.0", "42.5", "1e3", "12,34,567", "1,5", "99999999999", "-7", ""],
        ["0001234", "50-", "7", "-12", "1.5", "12345678901", "0", ""],
        ["0E-18", "1E+3", "1.2345678901234567895", "-0.00000000000000000049", "1e-400", "1e99999999999999999999", "1"],
    ]
    return spec, [[cell.encode() for cell in column] for column in cells]


def written_times() -> tuple[Contract, Cells]:
    """Times in several formats, with names, halves of days, epochs."""
    at = ("MM/dd/yyyy hh:mm:ss a", "M/d/yy H:m", "iso", "EEE MMM d HH:mm:ss yyyy", "epochMilliseconds")
    days, fine = ("dd-MMM-yy", "d.M.yyyy", "MMMM d, yyyy"), ("yyyy-MM-dd HH:mm:ss.S*", "yyyy-MM-dd'T'HH:mm:ss.S*XXX")
    exact = ("epochNanoseconds", "yyyyMMddHHmmss.SSSSSSS")
    late = {"minimum": "1990-01-01T00:00:00"}
    spec = contract(
        column("at", Kind.TIMESTAMP, formats=at, writing=Writing(first_year=1970, finer="cut"), **late),
        column("day", Kind.DATE, formats=days, writing=Writing(first_year=1950)),
        column("fine", Kind.TIMESTAMP, formats=fine, writing=Writing(finer="round")),
        column("exact", Kind.TIMESTAMP, formats=exact),
        delimiter=";",
    )
    cells = [
        ["03/09/2021 12:15:00 AM", "08/21/2022 06:40:00 pm", "3/9/69 7:05", "3/9/70 23:5", "Tue Feb 14 16:20:31 2023",
         "2024-05-31T13:45:00.1234567Z", "Wed Feb 14 16:20:31 2023", "1717171717171", "-1", "02/30/2021 01:00:00 AM",
         "2024-02-29 00:00", "13/09/2021 12:15:00 AM", "1717171717171.5", ""],
        ["31-DEC-99", "01-jan-24", "29-Feb-49", "29-Feb-00", "1.2.2024", "31.4.2024",
         "September 3, 2021", "Sept 3, 2021",
         ""],
        ["2024-01-01 12:00:00.1234567", "2024-01-01 12:00:00.9999995", "2024-12-31 23:59:59.99999951",
         "2024-01-01T12:00:00.5+02:00", "2024-01-01 12:00:00.", "2024-01-01T12:00:00.1234564+0530", ""],
        ["1717171717171717000", "1717171717", "99999999999999999999", "-62135596800000000000", "20240229101010.1234567",
         "1.5", "-1001", ""],
    ]  # fmt: skip
    return spec, [[cell.encode() for cell in column] for column in cells]


def local_times() -> tuple[Contract, Cells]:
    """Local times, at the changes of clocks and at the ends of days."""
    berlin = Writing(zone="Europe/Berlin", ambiguous="earlier", hour24=True)
    new_york = Writing(zone="America/New_York", hour24=True)
    lord_howe = Writing(zone="Australia/Lord_Howe", ambiguous="later")
    spec = contract(
        column("a", Kind.TIMESTAMP, writing=berlin),
        column("b", Kind.TIMESTAMP, formats=("dd.MM.yyyy HH:mm",), writing=new_york),
        column(
            "c", Kind.TIMESTAMP, formats=("yyyy-MM-dd H:mm", "yyyy-MM-dd HH:mm XXX"), writing=lord_howe, required=True
        ),
    )
    cells = [
        ["2024-03-31T02:30:00", "2024-10-27T02:30:00", "2024-10-27 02:30:00Z", "2024-05-31T24:00:00",
         "2024-05-31T24:00:01", "1893-04-01T00:03:00", "2024-10-27 03:00:00", "", "2024-06-01T12:00:00+02:00"],
        ["10.03.2024 02:30", "03.11.2024 01:30", "03.11.2024 02:00", "31.12.2024 24:00", "01.07.2024 00:00", ""],
        ["2024-04-07 1:45", "2024-10-06 2:15", "2024-04-07 2:00", "2024-04-07 01:15 +11:00", "2024-01-01 24:00"],
    ]  # fmt: skip
    return spec, [[cell.encode() for cell in column] for column in cells]


def own_words() -> tuple[Contract, Cells]:
    """Columns with their own words for nothing, trimmed ones, words for booleans, and texts that are cut."""
    yes_no = Writing(true=("J", "j.", "+"), false=("N", "n|x", "-"), trim=True)
    spec = contract(
        text("a", 8, writing=Writing(nulls=("NULL", ""), trim=True), required=True),
        integer("b", writing=Writing(nulls=("-", "0")), minimum="-5"),
        column("c", Kind.BOOLEAN, writing=yes_no),
        text("d", 5, writing=Writing(cut=True, nulls=("b",)), max_length=4, pattern="^[a-zé]*$"),
        decimal("e", 8, 2, writing=Writing(decimal_mark=",", trim=True, default="7.5"), required=True),
        column("f", Kind.DATE, writing=Writing(trim=True, nulls=("0000-00-00",), default="1970-01-01")),
        text("g", writing=Writing(replaces=True)),
        column("h", Kind.TIMESTAMP, minimum="2024-07-01T00:00:00", writing=Writing(zone="America/New_York")),
        integer("i", 32, writing=Writing(decimal_mark=",", grouping_mark=".")),
        delimiter=";",
        null_tokens=("", "NA"),
    )
    cells = [
        [" x", "NA", "NULL ", "\u00a0", '" y "', "toolong  ", "a", ""],
        ["1", "-", "0", "NA", "-6", "", "-4"],
        [" J", "J.", "JA", "n", "N|X ", "x", "+", "-", "true", "", "NA"],
        ["abcdef", "éééé", "b", "", "a1", '"ab"', "NA", "abcdé"],
        ["1,5", " 2,25 ", "", "  ", "NA", "1.5", "x"],
        ["2024-01-31 ", "0000-00-00", "", " 0000-00-00", "2024-02-30", "NA"],
        ["g", "\ufffd", "", "NA", "c"],
        ["2024-07-01 00:00:00", "2024-06-30T23:59:59", "2024-07-01T04:00:00Z", "2024-07-01T03:59:59Z", ""],
        ["1.234", "-1.234.567", "12", "1.23", "1.234,5", "1,0", "2.147.483.648"],
    ]
    return spec, [[cell.encode() for cell in column] for column in cells]


def quoted_words() -> tuple[Contract, Cells]:
    """Files in which a word in quotes is a value, whatever it is."""
    spec = contract(
        text("a", required=True),
        integer("b"),
        text("c", writing=Writing(nulls=("NA",), default="none")),
        column("d", Kind.DATE),
        quoted_nulls=False,
        null_tokens=("", "\\N"),
    )
    return spec, [
        [b"x", b'""', b"", b'"\\N"', b"\\N", b'"a""b"'],
        [b"1", b"", b'""', b'"7"', b"\\N"],
        [b"", b'""', b"NA", b'"NA"', b"c"],
        [b"2024-01-31", b"", b'""', b'"2024-01-31"'],
    ]


def quoted_words_with_escapes() -> tuple[Contract, Cells]:
    spec = contract(text("a"), text("b", required=True), quoted_nulls=False, escape="\\", null_tokens=("\\N", ""))
    return spec, [[b"\\N", b'"\\N"', b'""', b"", b"x"], [b"", b'""', b"\\N", b"b", b'"c,"']]


def texts_of_excel() -> tuple[Contract, Cells]:
    spec = contract(
        text("a", writing=Writing(excel_text=True)),
        integer("b", writing=Writing(excel_text=True, trim=True)),
        text("c", enum=("x", "y,z"), writing=Writing(excel_text=True)),
        excel_text=True,
        null_tokens=("", "NA"),
    )
    return spec, [
        [b'="0000451"', b'"=""0012"""', b'="a,b"', b'="a""b"', b'=""', b"=x", b'="NA"', b'"="', b'="', b'"=""""""'],
        [b'="7"', b"8", b'=" 9 "', b'"=""10"""', b""],
        [b'="x"', b"x", b'="y,z"', b'"y,z"', b'="q"', b""],
    ]


def odd_lines() -> tuple[Contract, Cells]:
    """Comments of several marks, lines below the header and at the end that are no rows, rows that end early."""
    spec = contract(
        text("a"), integer("n"), text("c", required=True, writing=Writing(default="-")), column("d", Kind.DATE),
        comment="#", comments=("--", "x,"), footer_lines=2, after_header=1, fills_short=True,
    )  # fmt: skip
    return spec, [
        [b"a", b"#b", b"--", b"x", b'"#"', b"b\nx", b"z\n"],
        [b"1", b"2\nq", b"", b"z"],
        [b"c", b"", b"d\n\n", b'"e"'],
        [b"2024-01-31", b"", b"2024-02-30"],
    ]


CASES = [
    every_kind, only_texts, one_column, pipes, tabs_without_quotes, semicolons, escapes, long_delimiters, stacked_files,
    empty_fields, written_numbers, written_times, local_times,
    odd_lines, own_words, quoted_words, quoted_words_with_escapes, texts_of_excel,
]  # fmt: skip

ENDS = [b"", b"\n", b"\x1a", b"\n\x1a", b"\n\x1a\r\n", b"\x1a\n"]


@st.composite
def mutated(draw: st.DrawFn, line: bytes) -> bytes:
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        place = draw(st.integers(0, len(line)))
        line = line[:place] + draw(st.sampled_from([*MARKS, b""])) + line[place + draw(st.integers(0, 1)) :]
    return line


@st.composite
def files(draw: st.DrawFn, spec: Contract, cells: Cells) -> bytes:
    delimiter = spec.format.delimiter.encode()
    rows = draw(st.lists(st.tuples(*(st.sampled_from(options) for options in cells)), min_size=1, max_size=25))
    lines = [draw(mutated(delimiter.join(row))) for row in rows]
    header = [delimiter.join(c.source.encode() for c in spec.columns)] if spec.format.header else []
    return draw(st.sampled_from([b"\n", b"\r\n"])).join(header + lines) + draw(st.sampled_from(ENDS))


@contextmanager
def slow_path_only() -> Iterator[None]:
    with patch.object(LinePatterns, "exist", new=False):
        yield


def outcome(spec: Contract, data: bytes, block_bytes: int = 4 << 20) -> str:
    try:
        found: Read = read(spec, data, block_bytes)
    except FileRejected as rejected:
        return rejected.code
    return "\n".join([*map(repr, found.good), *map(repr, sorted(found.bad, key=lambda row: row.row_number))])


@pytest.mark.parametrize("case", CASES)
def test_both_paths_and_all_block_sizes_agree(case: object) -> None:
    assert callable(case)
    spec, cells = case()

    @settings(max_examples=ROUNDS, deadline=None)
    @given(files(spec, cells), st.sampled_from([5, 40, 300]))
    def agree(data: bytes, block_bytes: int) -> None:
        fast = outcome(spec, data)
        assert outcome(spec, data, block_bytes) == fast
        with slow_path_only():
            assert outcome(spec, data) == fast

    agree()


def test_most_rows_take_the_fast_path() -> None:
    spec, _ = every_kind()
    line = b'a,1,2024-01-01T00:00:00Z,31/01/2024,1.5,1e5,true,"{""a"": 1}"\n'
    header = b"id,n,ts,d,x,f,b,p\n"
    with patch.object(RecordReader, "read", side_effect=AssertionError("the slow path was asked")):
        assert read(spec, header + line * 100).report.rows_good == 100
