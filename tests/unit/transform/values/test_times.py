"""Formats of dates and times, in Java's letters and in strptime's."""

from __future__ import annotations

from datetime import date

import pytest

from headrace.domain.contract import Kind
from headrace.transform.values.times import FormatError, date_reader, parse_format, timestamp_reader
from tests.unit.transform.kit import column, contract, integer, moment, read

NOON = moment(2024, 5, 31, 12, 5, 9)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("dd/MM/yyyy HH:mm:ss", "31/05/2024 12:05:09"),
        ("yyyyMMddHHmmss", "20240531120509"),
        ("yyyy-MM-dd'T'HH:mm:ss", "2024-05-31T12:05:09"),
        ("yyyy-MM-dd HH:mm:ss XXX", "2024-05-31 14:05:09 +02:00"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2024-05-31 12:05:09Z"),
        ("dd-MM-yyyy 'at' HH 'o''clock' mm:ss", "31-05-2024 at 12 o'clock 05:09"),
        ("%d.%m.%Y %H:%M:%S", "31.05.2024 12:05:09"),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-05-31T12:05:09+00:00"),
        ("%F %T", "2024-05-31 12:05:09"),
    ],
)
def test_reads_the_same_time_in_many_formats(written: str, said: str) -> None:
    assert timestamp_reader((written,))(said) == NOON


def test_a_fraction_of_nine_digits_is_cut_where_the_format_announces_it() -> None:
    read = timestamp_reader(("yyyy-MM-dd HH:mm:ss.SSSSSSSSS",))
    assert read("2024-05-31 12:05:09.123456789") == NOON.replace(microsecond=123456)


def test_the_first_format_that_fits_is_taken() -> None:
    read = timestamp_reader(("yyyy-MM-dd", "dd/MM/yyyy"))
    assert read("31/05/2024") == moment(2024, 5, 31)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("dd/MM/yyy", "'yyy'"),
        ("dd MMMMM yyyy", "'MMMMM'"),
        ("dd/MM", "whole date"),
        ("HH:mm", "whole date"),
        ("yyyy-MM-dd 'at", "not closed"),
        ("yyyy-MM-dd dd", "twice"),
        ("yyyy-MM-dd hh:mm", "h and a together"),
        ("yyyy-MM-dd HH:mm zzz", "'zzz'"),
        ("%d/%m/%G", "%G"),
    ],
)
def test_refuses_formats_that_it_cannot_read(written: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        parse_format(written)


@pytest.mark.parametrize("times", [1, 300])
def test_a_date_is_the_one_that_is_written(times: int) -> None:
    spec = contract(integer("n"), column("day", Kind.DATE, formats=("yyyy-MM-dd'T'HH:mm:ssXXX",)))
    rows = b"1,2021-07-01T00:00:00+09:00\n2,2021-07-01T23:59:59-11:00\n3,2021-07-01T12:00:00Z\n"
    got = read(spec, b"n,day\n" + rows * times)
    assert set(got.values("day")) == {date(2021, 7, 1)}
    assert len(got.good) == 3 * times


def test_a_date_at_the_edge_of_the_calendar_is_not_moved_beyond_it() -> None:
    read_date = date_reader(("yyyy-MM-dd HH:mm XXX",))
    assert read_date("0001-01-01 00:00 +05:00") == date(1, 1, 1)


def test_zeros_may_end_a_fraction_of_any_length() -> None:
    read_time = timestamp_reader(())
    assert read_time("2024-05-31T12:05:09.100000000000Z") == NOON.replace(microsecond=100000)
    with pytest.raises(ValueError, match="finer than a microsecond"):
        read_time("2024-05-31T12:05:09.1000000000001Z")
