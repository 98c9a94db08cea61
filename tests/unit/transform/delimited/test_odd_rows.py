"""Files put behind one another, and what spreadsheets leave between rows."""

from __future__ import annotations

import pytest

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform import FileRejected
from tests.unit.transform.kit import BLOCK, contract, integer, read, text

TEXTS = contract(text("meter"), text("place"), text("note"))
HEADER = b"meter,place,note\n"
BOM = b"\xef\xbb\xbf"
TIMES = pytest.mark.parametrize("times", [1, 300])
BLOCKS = pytest.mark.parametrize("block_bytes", [7, 300, BLOCK])


@TIMES
@BLOCKS
@pytest.mark.parametrize(
    "copy", [b"meter,place,note", b'"meter","place",note', b"note, meter ,place", BOM + HEADER[:-1]]
)
def test_a_copy_of_the_header_is_no_row(copy: bytes, times: int, block_bytes: int) -> None:
    got = read(TEXTS, HEADER + (b"m1,roof,x\n" + copy + b"\nm2,yard,place\n") * times, block_bytes)
    assert got.values("meter") == ["m1", "m2"] * times
    assert got.errors() == [(3 * time + 2, None, "header") for time in range(times)]


@TIMES
def test_a_row_that_has_some_of_the_names_is_a_row(times: int) -> None:
    rows = b"meter,place,x\nmeter,meter,note\nplace,note,note\n" * times
    assert read(TEXTS, HEADER + rows).report.rows_good == 3 * times


@TIMES
@BLOCKS
def test_delimiters_alone_are_no_row(times: int, block_bytes: int) -> None:
    got = read(TEXTS, HEADER + b'm1,roof,x\n,,\n"","",""\n,,y\n' * times, block_bytes)
    assert got.values("meter") == ["m1", None] * times
    assert {error[1:] for error in got.errors()} == {(None, "empty")}
    assert len(got.bad) == 2 * times


def test_a_row_of_null_tokens_is_a_row() -> None:
    spec = contract(integer("n"), text("t"), null_tokens=("", "NA"))
    assert read(spec, b"n,t\nNA,NA\n1,\n").values("n", "t") == [(None, None), (1, None)]


@TIMES
@BLOCKS
def test_a_byte_order_mark_within_a_file_is_in_no_value(times: int, block_bytes: int) -> None:
    got = read(TEXTS, HEADER + (BOM + b"m1,roof,x\n" + BOM + b'"m,2",yard,y\n' + BOM + b"\n") * times, block_bytes)
    assert got.values("meter") == ["m1", "m,2"] * times
    assert got.bad == []


@TIMES
def test_a_bad_row_keeps_the_byte_order_mark_that_it_landed_with(times: int) -> None:
    got = read(contract(integer("n"), text("t")), b"n,t\n" + (BOM + b"x,a\n" + BOM + b"2,b\n") * times)
    assert got.values("n") == [2] * times
    assert {row.raw for row in got.bad} == {BOM + b"x,a"}


def test_a_comment_behind_a_byte_order_mark_is_a_comment() -> None:
    spec = contract(text("meter"), text("place"), comment="#")
    assert read(spec, b"meter,place\n" + BOM + b"# of July\nm1,roof\n").values("meter") == ["m1"]


@TIMES
def test_one_delimiter_at_the_end_of_rows_is_none(times: int) -> None:
    got = read(TEXTS, HEADER + b"m1,roof,x,\nm2,yard,y\nm3,yard,y,z\nm4,yard,y,,\n" * times)
    assert got.values("meter") == ["m1", "m2"] * times
    assert {error[1:] for error in got.errors()} == {(None, "fieldCount")}


def test_a_name_in_the_header_may_have_a_line_end() -> None:
    column = Column("reading", "reading\n(kWh)", Kind.INTEGER, "BIGINT")
    for end in (b"\n", b"\r\n"):
        data = b'meter,"reading' + end + b'(kWh)"' + end + b"m1,7" + end
        assert read(contract(text("meter"), column), data).values("meter", "reading") == [("m1", 7)]


@pytest.mark.parametrize("escape", ["", "\\"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block_bytes", [7, 1 << 20])
def test_a_header_may_go_on_over_many_lines(end: bytes, escape: str, block_bytes: int) -> None:
    names = [f"reading\n\n{number}\n(kWh)" for number in range(40)]
    columns = [Column(f"r{number}", name, Kind.INTEGER, "BIGINT") for number, name in enumerate(names)]
    head = ",".join(f'"{name}"' for name in names)
    data = f"meter,{head}\nm1{',7' * 40}\n".encode().replace(b"\n", end)
    found = read(contract(text("meter"), *columns, escape=escape), data, block_bytes)
    assert found.values("meter", "r0", "r39") == [("m1", 7, 7)]
    assert found.report.rows_read == 1


def test_a_header_whose_second_line_breaks_its_quotes_is_an_open_quote() -> None:
    for data in (b'meter,"reading\n(kWh)"x\nm1,7\n', b'meter,"reading\n', b'meter,"reading'):
        with pytest.raises(FileRejected, match="a quoted value is never closed"):
            read(contract(text("meter"), text("reading")), data)


def test_capitals_in_the_header_do_not_matter_where_names_stay_apart() -> None:
    spec = contract(text("meter"), integer("Reading"), text("note"))
    assert read(spec, b"METER,reading,note\nm1,7,x\n").values("meter", "Reading", "note") == [("m1", 7, "x")]
    apart = contract(text("meter"), text("METER"))
    assert read(apart, b"METER,meter\nA,b\n").values("meter", "METER") == [("b", "A")]
    beside = read(spec, b"meter,METER,Reading\nm1,x,7\n")
    assert beside.values("meter") == ["m1"]
    assert beside.report.detected["unknown_columns"] == ["METER"]


@pytest.mark.parametrize(
    ("spec", "data", "reason"),
    [
        (TEXTS, b"meter,'place',note\nm1,'roof',x\n", "quoted with ', the contract says \""),
        (contract(text("a"), text("b"), quote=""), b'"a","b"\n"x","y"\n', "there are no quotes"),
        (TEXTS, b"meter, place, note\nm1, roof, x\n", "is the delimiter ', '?"),
    ],
)
def test_a_header_in_another_dialect_is_refused(spec: Contract, data: bytes, reason: str) -> None:
    with pytest.raises(FileRejected, match="header") as rejected:
        read(spec, data)
    assert reason in rejected.value.reason


def test_blanks_after_the_delimiters_of_the_header_alone_are_none_of_a_delimiter() -> None:
    assert read(TEXTS, b"meter, place, note\nm1,roof, x\n").values("place", "note") == [("roof", " x")]


def test_a_comment_where_lines_begin_to_be_looked_at_together_hides_no_row() -> None:
    """The kinds of lines are found at once after 128 odd lines: one after a comment was counted as a row of nothing."""
    spec = contract(integer("n"), text("t", 4), comment="#")
    for odd in range(126, 131):
        rows = b"x,a\n" * odd + b"# he,re\n" + b"1,a\nx,b\n" * 200
        got = read(spec, b"n,t\n" + rows)
        assert (got.report.rows_good, got.report.rows_bad) == (200, odd + 200)
