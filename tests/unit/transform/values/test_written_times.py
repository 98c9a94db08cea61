"""Times as people write them. The truth is the time that a text was made of, by the standard library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Column, Kind
from headrace.domain.writing import Writing
from headrace.transform.delimited.record_path import RecordReader
from headrace.transform.values import times
from headrace.transform.values.values import Broken, text_reader
from tests.unit.transform.kit import Read, column, contract, moment, read, text

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Kolkata",
)


def at(*formats: str, **written: Any) -> Column:
    return column("at", Kind.TIMESTAMP, formats=formats, writing=Writing(**written))


def day(*formats: str, **written: Any) -> Column:
    return column("at", Kind.DATE, formats=formats, writing=Writing(**written))


def read_file(spec: Column, *said: str) -> Read:
    """The texts as a file of one column beside another."""
    return read(
        contract(text("k", 64), spec, delimiter="|"), "\n".join(["k|at", *(f"a|{each}" for each in said)]).encode()
    )


@pytest.mark.parametrize(
    ("spec", "said", "means"),
    [
        (at("M/d/yyyy H:mm"), "3/4/2023 7:05", (2023, 3, 4, 7, 5)),
        (at("MM/dd/yyyy hh:mm:ss a"), "03/09/2021 12:15:00 AM", (2021, 3, 9, 0, 15)),
        (at("MM/dd/yyyy hh:mm:ss a"), "03/09/2021 12:15:00 pm", (2021, 3, 9, 12, 15)),
        (at("%d-%b-%y %I:%M %p", first_year=1970), "31-DEC-99 11:30 PM", (1999, 12, 31, 23, 30)),
        (at("d MMMM yyyy HH:mm"), "1 september 2024 00:00", (2024, 9, 1)),
        (at("EEE MMM d HH:mm:ss yyyy"), "Tue Feb 14 16:20:31 2023", (2023, 2, 14, 16, 20, 31)),
        (at("yyyy-MM-dd HH:mm:ss.S*"), "2024-01-01 12:00:00.5", (2024, 1, 1, 12, 0, 0, 500000)),
        (at("yyyy-MM-dd HH:mm:ss.S*", finer="cut"), "2024-01-01 12:00:00.1234567", (2024, 1, 1, 12, 0, 0, 123456)),
        (at("yyyy-MM-dd HH:mm:ss.S*", finer="round"), "2024-12-31 23:59:59.9999995", (2025, 1, 1)),
        (at(finer="cut"), "2023-09-01T08:07:06.123456789Z", (2023, 9, 1, 8, 7, 6, 123456)),
        (at("epochSeconds"), "1717171717", (2024, 5, 31, 16, 8, 37)),
        (at("epochSeconds"), "1717171717.25", (2024, 5, 31, 16, 8, 37, 250000)),
        (at("epochMilliseconds"), "-1", (1969, 12, 31, 23, 59, 59, 999000)),
        (at("epochMicroseconds"), "1717171717171717", (2024, 5, 31, 16, 8, 37, 171717)),
        (at("epochNanoseconds", finer="cut"), "1717171717171717999", (2024, 5, 31, 16, 8, 37, 171717)),
        (at("dd.MM.yyyy HH:mm", "iso"), "2024-05-31T10:00:00+02:00", (2024, 5, 31, 8)),
        (at(zone="Europe/Berlin"), "2024-07-01T12:00:00", (2024, 7, 1, 10)),
        (at(zone="Europe/Berlin"), "2024-07-01T12:00:00Z", (2024, 7, 1, 12)),
        (at(zone="Europe/Berlin", ambiguous="earlier"), "2024-10-27T02:30:00", (2024, 10, 27, 0, 30)),
        (at(zone="Europe/Berlin", ambiguous="later"), "2024-10-27T02:30:00", (2024, 10, 27, 1, 30)),
        (at(hour24=True), "2024-12-31T24:00:00", (2025, 1, 1)),
        (at("dd.MM.yyyy HH:mm:ss", hour24=True), "31.12.2024 24:00:00", (2025, 1, 1)),
    ],
)  # fmt: skip
def test_a_time_means_what_the_contract_says(spec: Column, said: str, means: tuple[int, ...]) -> None:
    assert text_reader(spec)(said) == moment(*means, *([0, 0][len(means) - 3 :] if len(means) < 5 else []))
    assert read_file(spec, said).values("at") == [text_reader(spec)(said)]


@pytest.mark.parametrize(
    ("spec", "said", "reason"),
    [
        (at("yyyy-MM-dd HH:mm:ss.S*"), "2024-01-01 12:00:00.1234567", "finer than a microsecond"),
        (at("epochNanoseconds"), "1717171717171717999", "finer than a microsecond"),
        (at("epochSeconds"), "99999999999999", "outside the years"),
        (at("epochSeconds"), "9" * 5000, "outside the years"),
        (at(zone="Europe/Berlin"), "2024-03-31T02:30:00", "there is no such time"),
        (at(zone="Europe/Berlin", ambiguous="later"), "2024-03-31T02:30:00", "there is no such time"),
        (at(zone="Europe/Berlin"), "2024-10-27T02:30:00", "there twice"),
        (at(hour24=True), "2024-12-31T24:00:01", "24:00:00 is the last time"),
        (at(hour24=True), "9999-12-31T24:00:00", "outside the years"),
        (at("EEE d MMM yyyy"), "Wed 14 Feb 2023", "that day is a Tuesday"),
        (at("MM/dd/yyyy hh:mm a"), "03/09/2021 13:15 PM", "not written as"),
        (at("MM/dd/yyyy", "iso"), "2024-13-01T00:00:00", "month"),
        (day("d.M.yyyy"), "31.4.2024", "day is out of range"),
    ],
)
def test_what_is_no_such_time_is_refused(spec: Column, said: str, reason: str) -> None:
    with pytest.raises(Broken, match=reason):
        text_reader(spec)(said)
    assert [row.errors[0].column for row in read_file(spec, said).bad] == ["at"]


@pytest.mark.parametrize(
    ("spec", "said"), [(day("epochSeconds"), "1717200000"), (day("dd-MMM-yy", first_year=1970), "01-JUN-24")]
)
def test_a_date_may_be_written_so_too(spec: Column, said: str) -> None:
    assert read_file(spec, said).values("at") == [date(2024, 6, 1)]


LETTERS = {
    "MM/dd/yyyy hh:mm:ss a": "%m/%d/%Y %I:%M:%S %p",
    "dd-MMM-yyyy HH:mm:ss": "%d-%b-%Y %H:%M:%S",
    "EEEE, MMMM d, yyyy HH:mm:ss": "%A, %B %d, %Y %H:%M:%S",
    "yyyy/M/d H:m:s.S*": "%Y/%m/%d %H:%M:%S.%f",
    "yyMMdd HHmmss": "%y%m%d %H%M%S",
    "yyyy-MM-dd'T'HH:mm:ss.S*XXX": "%Y-%m-%dT%H:%M:%S.%f%z",
}
moments = st.datetimes(datetime(1970, 1, 1), datetime(2069, 12, 31))  # noqa: DTZ001 - the warehouse's times have no zone


@given(st.lists(st.tuples(moments, st.sampled_from(sorted(LETTERS))), min_size=1, max_size=30))
def test_a_time_is_read_as_the_one_that_was_written(said: list[tuple[datetime, str]]) -> None:
    texts = [value.replace(tzinfo=UTC).strftime(LETTERS[written]) for value, written in said]
    found = read_file(at(*LETTERS, first_year=1970), *texts)
    assert found.values("at") == [
        value if "S*" in written else value.replace(microsecond=0) for value, written in said
    ], found.bad


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["earlier", "later", ""]),
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2080, 1, 1)), min_size=1, max_size=30),  # noqa: DTZ001
    st.lists(
        st.sampled_from(["2024-03-31T02:00", "2024-10-27T02:59", "2024-11-03T01:30", "2024-04-07T01:45"]), max_size=5
    ),
)
def test_local_times_go_to_utc_and_back(zone: str, ambiguous: str, values: list[datetime], odd: list[str]) -> None:
    """A local time is one that its moment in UTC shows on the clocks there; of two, the one that is said."""
    values += [datetime.fromisoformat(each) for each in odd]
    found = read_file(at(zone=zone, ambiguous=ambiguous), *(value.isoformat() for value in values))
    by_row = {row["_row_number"]: row["at"] for row in found.good}
    for number, value in enumerate(values, start=1):
        hits = moments_that_show(value, zone)
        expected = hits[0] if len(hits) == 1 else {"earlier": hits[:1], "later": hits[-1:]}.get(ambiguous, [])
        wanted = expected if isinstance(expected, datetime) else next(iter(expected), None)
        assert by_row.get(number) == wanted, (value, zone)


def moments_that_show(local: datetime, zone: str) -> list[datetime]:
    """The moments in UTC at which the clocks of the zone show this, by asking them all around it."""
    info = ZoneInfo(zone)
    offsets = {
        (local + timedelta(hours=hours)).replace(tzinfo=UTC).astimezone(info).utcoffset() for hours in range(-30, 31, 6)
    }
    candidates = sorted(local - (offset or timedelta()) for offset in offsets)
    return [each for each in candidates if each.replace(tzinfo=UTC).astimezone(info).replace(tzinfo=None) == local]


@given(st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000))
def test_numbers_since_1970_are_exact(micros: int) -> None:
    wanted = moment(1970, 1, 1) + timedelta(microseconds=micros)
    said = {
        "epochMicroseconds": str(micros),
        "epochNanoseconds": f"{micros}000" if micros else "0",
        "epochSeconds": f"{Decimal(micros).scaleb(-6):f}",
        "epochMilliseconds": f"{Decimal(micros).scaleb(-3):f}",
    }
    for name, each in said.items():
        assert read_file(at(name), each).values("at") == [wanted], name


def test_numbers_since_1970_in_json_keep_their_digits() -> None:
    spec = contract(at("epochMilliseconds"), kind="jsonl", null_tokens=())
    rows = b'{"at":1717171717171}\n{"at":"1717171717171"}\n{"at":1717171717171.717}\n{"at":1e400}\n{"at":true}\n'
    got = read(spec, rows)
    assert got.values("at") == [moment(2024, 5, 31, 16, 8, 37, micros) for micros in (171000, 171000, 171717)]
    assert [row.row_number for row in got.bad] == [4, 5]


def test_no_value_in_one_of_several_formats_is_read_by_itself() -> None:
    columns = [
        at("MM/dd/yyyy hh:mm a", "iso", "d-MMM-yy H:mm", first_year=1970, zone="Europe/Berlin"),
        column("n", Kind.TIMESTAMP, formats=("epochSeconds",)),
    ]
    rows = "05/31/2024 01:45 PM;1717171717\n2024-05-31T13:45:00;0\n31-May-24 13:45;-1\n"
    broken = AssertionError("a value was read by itself")
    with patch.object(RecordReader, "read", side_effect=broken), patch.object(times, "_assemble", side_effect=broken):
        got = read(contract(*columns, delimiter=";"), b"at;n\n" + rows.encode() * 400)
    assert set(got.values("at")) == {moment(2024, 5, 31, 11, 45)}
    assert len(got.good) == 1200
