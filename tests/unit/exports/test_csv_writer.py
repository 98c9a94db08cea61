"""CSV files, to the byte."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Kind
from headrace.domain.export import Dialect, ExportColumn
from headrace.exports.csv_writer import Lines, UnwritableError, by_account

TEXT = (ExportColumn("t", "t", Kind.STRING), ExportColumn("u", "u", Kind.STRING))
NO_HEADER = Dialect(header=False)
moment = dt.datetime.fromisoformat


def written(columns: tuple[ExportColumn, ...], values: dict[str, Any], dialect: Dialect = NO_HEADER) -> bytes:
    """The file of the one account that all rows belong to."""
    rows = pa.table(values)
    rows = rows.append_column("_account", pa.array(["a"] * rows.num_rows, pa.string()))
    ((_, made),) = by_account(rows, "_account", (), columns, dialect)
    return made.encoded()


def text(*values: str | None, dialect: Dialect = NO_HEADER) -> bytes:
    """A file of two columns, the second of which is always x."""
    return written(TEXT, {"t": pa.array(values, pa.string()), "u": ["x"] * len(values)}, dialect)


def one(kind: Kind, value: Any, dialect: Dialect = NO_HEADER, form: str = "") -> str:
    column = ExportColumn("v", "v", kind, form)
    return written((column,), {"v": value}, dialect).decode().removesuffix("\r\n")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("plain", b"plain"),
        ("a,b", b'"a,b"'),
        ('say "yes"', b'"say ""yes"""'),
        ("two\nlines", b'"two\nlines"'),
        ("two\r\nlines", b'"two\r\nlines"'),
        ("Müller", "Müller".encode()),
        (" kept ", b'" kept "'),
        ("", b'""'),
        (None, b""),
        ("semi;colon", b"semi;colon"),
    ],
)
def test_a_text(value: str | None, field: bytes) -> None:
    assert text(value) == field + b",x\r\n"


def test_all_quoted_but_null() -> None:
    assert text("a", None, dialect=Dialect(header=False, quoting="all")) == b'"a","x"\r\n,"x"\r\n'


def test_another_null_and_a_text_that_looks_like_it() -> None:
    assert text(None, "\\N", "", dialect=Dialect(header=False, null="\\N")) == b'\\N,x\r\n"\\N",x\r\n,x\r\n'


def test_another_delimiter_quote_and_line_end() -> None:
    dialect = Dialect(header=False, delimiter=";", quote="'", line_end="\n")
    assert text("it's", "a;b", "a,b", dialect=dialect) == b"'it''s';x\n'a;b';x\na,b;x\n"


RUN_BY_SPREADSHEETS = ["=1+1", "+1", "-1.5", "@x", "\tx", "\rx", "\nx", "\x00=1", "＝1", "＋1", "－1", "＠x"]  # noqa: RUF001


@pytest.mark.parametrize("value", RUN_BY_SPREADSHEETS)
def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(value: str) -> None:
    guarded = next(csv.reader(io.StringIO(text(value).decode(), "")))
    assert guarded[0] == f"'{value}"


@pytest.mark.parametrize("value", RUN_BY_SPREADSHEETS)
def test_unless_the_export_says_otherwise(value: str) -> None:
    plain = next(csv.reader(io.StringIO(text(value, dialect=Dialect(header=False, guard_formulas=False)).decode(), "")))
    assert plain[0] == value


@pytest.mark.parametrize("value", ["a=1", "1-2", "a@b", "'=1", "", " ", "１"])  # noqa: RUF001
def test_other_texts_are_left_alone(value: str) -> None:
    assert next(csv.reader(io.StringIO(text(value).decode(), "")))[0] == value


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        (Kind.INTEGER, [-5], "-5"),
        (Kind.FLOAT, [-1.5], "-1.5"),
        (Kind.DECIMAL, pa.array([Decimal("-1.5")], pa.decimal128(4, 1)), "-1.5"),
    ],
)
def test_a_negative_number_is_no_formula(kind: Kind, values: Any, field: str) -> None:
    assert one(kind, values) == field


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("1.50", "1.50"),
        ("0.00000000", "0.00000000"),
        ("-0.00000001", "-0.00000001"),
        ("12345678901.5", "12345678901.5"),
    ],
)
def test_decimals_have_all_their_digits_and_never_an_exponent(value: str, field: str) -> None:
    scale = len(value.partition(".")[2])
    assert one(Kind.DECIMAL, pa.array([Decimal(value)], pa.decimal128(38, scale))) == field


def test_a_decimal_comma_is_quoted_where_the_comma_delimits() -> None:
    value = pa.array([Decimal("1.5")], pa.decimal128(4, 1))
    assert one(Kind.DECIMAL, value, Dialect(header=False, decimal=",")) == '"1,5"'
    assert one(Kind.DECIMAL, value, Dialect(header=False, decimal=",", delimiter=";")) == "1,5"


@pytest.mark.parametrize(("value", "field"), [(0.1, "0.1"), (1.0, "1"), (1e20, "1e+20"), (float("nan"), "nan")])
def test_floats_are_as_short_as_they_can_be_read_back(value: float, field: str) -> None:
    assert one(Kind.FLOAT, pa.array([value], pa.float64())) == field


def test_booleans() -> None:
    dialect = Dialect(header=False, true="ja", false="nein")
    assert (
        written((ExportColumn("b", "b", Kind.BOOLEAN),), {"b": [True, False, None]}, dialect) == b"ja\r\nnein\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("value", "form", "field"),
    [
        (moment("2026-01-31 09:05:07"), "", "2026-01-31 09:05:07"),
        (moment("2026-01-31 09:05:00.250000"), "", "2026-01-31 09:05:00.25"),
        (moment("2026-01-31 09:05:50"), "", "2026-01-31 09:05:50"),
        (moment("2026-01-31 09:05:07.000001"), "dd.MM.yyyy HH:mm", "31.01.2026 09:05"),
        (moment("2026-01-31 09:05:07.000250"), "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "2026-01-31T09:05:07.000250Z"),
        (moment("0026-01-02 03:04:05"), "yyyy-MM-dd", "0026-01-02"),
    ],
)
def test_times(value: dt.datetime, form: str, field: str) -> None:
    assert one(Kind.TIMESTAMP, pa.array([value], pa.timestamp("us")), form=form) == field


def test_a_time_is_written_the_same_whatever_stands_beside_it() -> None:
    whole, broken = moment("2026-01-31 09:05:50"), moment("2026-01-31 09:05:50.000005")
    assert one(Kind.TIMESTAMP, pa.array([whole, broken], pa.timestamp("us"))).split("\r\n")[0] == "2026-01-31 09:05:50"


@pytest.mark.parametrize(("form", "field"), [("", "2026-01-31"), ("dd.MM.yyyy", "31.01.2026")])
def test_dates(form: str, field: str) -> None:
    assert one(Kind.DATE, [dt.date(2026, 1, 31)], form=form) == field


@pytest.mark.parametrize(
    ("encoding", "start"), [("utf-8", b"t"), ("utf-8-sig", b"\xef\xbb\xbft"), ("utf-16", b"\xff\xfet\0")]
)
def test_encodings_begin_as_they_must(encoding: str, start: bytes) -> None:
    assert text("ü", dialect=Dialect(encoding=encoding)).startswith(start)


def test_a_character_that_the_encoding_does_not_have_is_named_with_its_row() -> None:
    with pytest.raises(UnwritableError, match=r"row 2 has the character '選' \(U\+9078\), which cp1252"):
        text("good", "選挙", dialect=Dialect(header=False, encoding="cp1252"))


def test_an_account_without_rows_is_a_header() -> None:
    columns = (ExportColumn("a", 'a "b"', Kind.STRING), ExportColumn("c", "c,d", Kind.STRING))
    assert Lines([], Dialect(), columns).encoded() == b'"a ""b""","c,d"\r\n'
    assert Lines([], NO_HEADER, columns).encoded() == b""


def test_rows_of_an_account_are_together_and_in_order() -> None:
    rows = pa.table({"n": [3, 1, 2, None, 9], "_account": ["b", "b", "a", "b", "a"]})
    columns = (ExportColumn("n", "n", Kind.INTEGER),)
    made = {account: lines.texts for account, lines in by_account(rows, "_account", ("n",), columns, NO_HEADER)}
    assert made == {"a": ["2", "9"], "b": ["1", "3", ""]}


CELL = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
ROWS = st.tuples(CELL, CELL)


@given(st.lists(ROWS, min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_what_is_written_reads_back(
    rows: list[tuple[str | None, str | None]], delimiter: str, everything: bool
) -> None:
    quoting = "all" if everything else "minimal"
    dialect = Dialect(header=False, delimiter=delimiter, quoting=quoting, null="NULL", guard_formulas=False)
    values = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate("tu")}
    read = list(csv.reader(io.StringIO(written(TEXT, values, dialect).decode(), newline=""), delimiter=delimiter))
    assert read == [["NULL" if cell is None else cell for cell in row] for row in rows]
