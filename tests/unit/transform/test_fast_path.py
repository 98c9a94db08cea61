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


CASES = [
    every_kind, only_texts, one_column, pipes, tabs_without_quotes, semicolons, escapes, long_delimiters, stacked_files,
    empty_fields,
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
