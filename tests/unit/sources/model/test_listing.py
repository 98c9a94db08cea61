"""Listings as servers give them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.sources.model.listing import UnreadableListingError, decoded, listed, mlsd
from headrace.sources.model.remote_file import DAY, MINUTE, SECOND
from tests.unit.sources.model.odd_listings import ODD, SKIPPED, UNIX, UNREADABLE, Odd

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("line", "name", "size", "modified", "precision"),
    [
        ("-rw-r--r--   1 owner    group     180312 Jul 10 10:18 a b", "a b", 180312, at(2025, 7, 10, 10, 18), MINUTE),
        ("-rw-r--r--   1 0        0               5 Mar  2 05:59 a.csv", "a.csv", 5, at(2026, 3, 2, 5, 59), MINUTE),
        ("-rw-r--r--   1 owner group 5 Mar  2 23:59 clock ahead", "clock ahead", 5, at(2026, 3, 2, 23, 59), MINUTE),
        ("-rw-r--r--   1 owner group 5 Dec 31 23:59 last year", "last year", 5, at(2025, 12, 31, 23, 59), MINUTE),
        ("-rw-r--r--   1 owner group 5 Feb 29 12:00 leap", "leap", 5, at(2024, 2, 29, 12, 0), MINUTE),
        ("-rw-r--r--   1 owner group 5 May  6  2024 old.csv", "old.csv", 5, at(2024, 5, 6), DAY),
        ("-rw-r--r--   1 owner 5 May  6  2024 no group.csv", "no group.csv", 5, at(2024, 5, 6), DAY),
        ("-rw-r--r--+  1 owner group 5 2024-05-06 07:08 iso.csv", "iso.csv", 5, at(2024, 5, 6, 7, 8), MINUTE),
        ("-rw-r--r--.  1 owner group 5 2024-05-06 07:08:09 full.csv", "full.csv", 5, at(2024, 5, 6, 7, 8, 9), SECOND),
        ("-rw-r--r--   1 owner group 5 6 May  2024 day first.csv", "day first.csv", 5, at(2024, 5, 6), DAY),
        ("-rw-r--r--   1 owner group 5 May  6  2024  leading blank", " leading blank", 5, at(2024, 5, 6), DAY),
        ("-rw-r--r--   1 owner group 5 Xyz  6  2024 no month", "no month", 5, None, DAY),
        ("05-06-24  07:08AM                 5 dos name.csv", "dos name.csv", 5, at(2024, 5, 6, 7, 8), MINUTE),
        ("05-06-2024  12:08PM         1,024 noon.csv", "noon.csv", 1024, at(2024, 5, 6, 12, 8), MINUTE),
        ("05-06-98  12:08AM         5 night.csv", "night.csv", 5, at(1998, 5, 6, 0, 8), MINUTE),
        ("05-06-69  12:08AM         5 last.csv", "last.csv", 5, at(2069, 5, 6, 0, 8), MINUTE),
        ("05-06-70  12:08AM         5 first.csv", "first.csv", 5, at(1970, 5, 6, 0, 8), MINUTE),
    ],
)  # fmt: skip
def test_a_line_of_list(line: str, name: str, size: int, modified: datetime | None, precision: int) -> None:
    (entry,) = listed([line], UTC, NOW)
    assert (entry.name, entry.size, entry.modified, entry.precision) == (name, size, modified, precision)
    assert not entry.is_folder


def test_what_a_list_has_beside_files() -> None:
    lines = [
        "total 12",
        "drwxr-xr-x   2 owner group 4096 Mar  1 05:59 .",
        "drwxr-xr-x   2 owner group 4096 Mar  1 05:59 folder",
        "lrwxrwxrwx   1 owner group    7 Mar  1 05:59 link -> target",
        "05-06-24  07:08AM       <DIR>          dos folder",
        "",
    ]
    assert [(entry.name, entry.is_folder) for entry in listed(lines, UTC, NOW)] == [
        ("folder", True),
        ("dos folder", True),
    ]


def test_times_are_the_servers_own() -> None:
    (entry,) = listed(["-rw-r--r-- 1 o g 5 2024-07-01 00:30 a"], ZoneInfo("Europe/Berlin"), NOW)
    assert entry.modified == at(2024, 6, 30, 22, 30)


YEARS_END = [
    ("Dec 31 23:59", at(2026, 1, 1, 0, 1), UTC, at(2025, 12, 31, 23, 59)),
    ("Jan  1 00:05", at(2025, 12, 31, 23, 59), UTC, at(2026, 1, 1, 0, 5)),  # its clock is ahead of ours
    ("Jan  1 13:30", at(2025, 12, 31, 23, 45), ZoneInfo("Pacific/Kiritimati"), at(2025, 12, 31, 23, 30)),
    ("Dec 31 14:30", at(2026, 1, 1, 3, 0), ZoneInfo("Pacific/Honolulu"), at(2026, 1, 1, 0, 30)),
    ("Jan  1  2026", at(2026, 1, 1, 3, 0), UTC, at(2026, 1, 1)),
    ("Dec 31  2025", at(2026, 1, 1, 3, 0), ZoneInfo("Pacific/Honolulu"), at(2025, 12, 31, 10, 0)),
    ("Feb 29 12:00", at(2028, 3, 1), UTC, at(2028, 2, 29, 12, 0)),
    ("Jan  2 06:00", at(2026, 1, 1, 6, 0), UTC, at(2026, 1, 2, 6, 0)),
    ("Jan  2 06:01", at(2026, 1, 1, 6, 0), UTC, at(2025, 1, 2, 6, 1)),
]


@pytest.mark.parametrize(("told", "now", "zone", "modified"), YEARS_END)
def test_a_time_without_a_year_around_the_years_end(told: str, now: datetime, zone: tzinfo, modified: datetime) -> None:
    (entry,) = listed([f"-rw-r--r-- 1 o g 5 {told} a.csv"], zone, now)
    assert entry.modified == modified


def test_a_strange_line_is_an_entry_of_its_own_and_hides_no_other() -> None:
    sound = "-rw-r--r-- 1 o g 5 May  6  2024 a.csv"
    entries = listed([sound, "b.csv", sound.replace("a.csv", "c.csv")], UTC, NOW)
    assert [(entry.name, entry.unreadable) for entry in entries] == [
        ("a.csv", False),
        ("c.csv", False),
        ("b.csv", True),
    ]


def test_a_listing_that_nobody_knows_is_not_passed_over() -> None:
    with pytest.raises(UnreadableListingError, match="what is this"):
        listed(["what is this"], UTC, NOW)
    with pytest.raises(UnreadableListingError):
        mlsd(["what is this"])


def test_mlsd_is_exact_and_in_utc() -> None:
    entries = mlsd(
        [
            "Type=file;Size=5;Modify=20260302055900.123;Perm=r; a; b=c.csv",
            "type=cdir;modify=20260302055900; .",
            "type=dir;modify=20260302055900; folder",
            "type=OS.unix=symlink;size=3; link",
            "size=7; no type.csv",
        ]
    )
    assert [(entry.name, entry.size, entry.is_folder) for entry in entries] == [
        ("a; b=c.csv", 5, False),
        ("folder", None, True),
        ("no type.csv", 7, False),
    ]
    assert entries[0].modified == at(2026, 3, 2, 5, 59)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_a_name_in_utf8_is_read_as_it_was_written(name: str) -> None:
    assert decoded(name.encode().decode("latin-1")) == name


@given(st.binary(max_size=50))
def test_any_bytes_are_a_name(raw: bytes) -> None:
    assert decoded(raw.decode("latin-1")) is not None


def test_an_old_servers_umlauts() -> None:
    assert decoded("März".encode("cp1252").decode("latin-1")) == "März"


names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)


@given(names.filter(lambda name: name not in {".", ".."} and name.strip()), st.integers(0, 2**40))
def test_any_name_and_size_survive_a_list(name: str, size: int) -> None:
    wire = name.encode().decode("latin-1")
    if "\n" in wire or "\r" in wire or "\x85" in wire:
        return
    (entry,) = listed([f"-rw-r--r--   1 owner group {size:>12} Mar  1 05:59 {wire}"], UTC, NOW)
    assert (entry.wire, entry.size) == (wire, size)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd.how} {odd.line[:60]}")
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_an_odd_line_costs_itself_alone(odd: Odd, first: bool) -> None:
    sound = "type=file;size=3; sound.csv" if odd.how == "MLSD" else f"{UNIX} 3 May  6  2024 sound.csv"
    lines = [odd.line, sound] if first else [sound, odd.line]
    entries = mlsd(lines) if odd.how == "MLSD" else listed(lines, ZoneInfo(odd.zone), NOW)
    others = [entry for entry in entries if entry.wire != "sound.csv"]
    assert len(others) == len(entries) - 1
    if odd.becomes == SKIPPED:
        assert others == []
        return
    (entry,) = others
    if odd.becomes == UNREADABLE:
        assert (entry.unreadable, entry.wire) == (True, odd.line)
        return
    name = entry.name + ("/" if entry.is_folder else "")
    assert (name, entry.size, entry.modified, entry.unreadable) == (odd.becomes, odd.size, odd.modified, False)


@settings(max_examples=300)
@given(st.lists(st.text(st.characters(codec="latin-1", exclude_characters="\n"), max_size=80), max_size=5))
def test_no_listing_whatever_it_says_raises_anything_but_that_it_cannot_be_read(lines: list[str]) -> None:
    for read in (mlsd, lambda given: listed(given, ZoneInfo("Asia/Tokyo"), NOW)):
        with suppress(UnreadableListingError):
            assert len(read(lines)) <= len(lines)


FORMS = [
    "-rw-r--r-- 1 o g {size} {month} {day} {year} x.csv", "-rw-r--r-- 1 o g {size} {year}-{month}-{day} {hour}:{day} x",
    "{month}-{day}-{year}  {hour}:{day}PM {size} x.csv", "type=file;size={size};modify={year}{month}{day}{hour}; x.csv",
]  # fmt: skip
numbers = st.one_of(st.integers(-10, 99), st.integers(0, 10**50), st.sampled_from(["Jan", "Feb", "00", "0001", "9999"]))


@settings(max_examples=500)
@given(
    st.sampled_from(FORMS),
    st.fixed_dictionaries(dict.fromkeys(("size", "year", "month", "day", "hour"), numbers.map(str))),
    st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"]),
)
def test_whatever_numbers_a_line_has_they_are_a_time_a_size_or_none(form: str, told: dict[str, str], zone: str) -> None:
    line = form.format(**told)
    with suppress(UnreadableListingError):
        for entry in mlsd([line]) if "=" in form else listed([line], ZoneInfo(zone), NOW):
            assert entry.size is None or 0 <= entry.size < 2**63
            assert entry.modified is None or 1900 <= entry.modified.year <= 2999


def test_a_hundred_thousand_entries_are_read_in_a_moment() -> None:
    lines = [f"{UNIX} {number} May  6  2024 {number:06}.csv" for number in range(100_000)]
    lines[500] = f"{UNIX} {'9' * 5000} Jan  1  0001 odd.csv"
    entries = listed(lines, ZoneInfo("Asia/Tokyo"), NOW)
    assert (len(entries), entries[500].size, entries[500].modified) == (100_000, None, None)
