"""Names, keys, checksums, and whether a file is still the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.sources.model.remote_file import (
    DAY,
    MINUTE,
    SECOND,
    RemoteFile,
    checksum_in,
    key_of,
    refusal,
    same_file,
    shown,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MD5 = "0123456789abcdef0123456789abcdef"


def file(size: int | None = 5, modified: datetime | None = NOON, precision: int = SECOND) -> RemoteFile:
    return RemoteFile("/a.csv", "/a.csv", size, modified, precision)


@pytest.mark.parametrize(
    ("modified", "precision", "other", "same"),
    [
        (NOON, SECOND, file(), True),
        (NOON, SECOND, file(size=6), False),
        (NOON, SECOND, file(modified=NOON + timedelta(seconds=1)), False),
        (NOON, MINUTE, file(modified=NOON + timedelta(seconds=59)), True),
        (NOON, MINUTE, file(modified=datetime(2026, 3, 2, tzinfo=UTC), precision=DAY), True),
        (NOON, MINUTE, file(modified=datetime(2026, 3, 1, tzinfo=UTC), precision=DAY), False),
        (NOON, SECOND, file(modified=NOON + timedelta(hours=1)), False),
        (None, SECOND, file(modified=None), True),
        (None, SECOND, file(), False),
    ],
)
def test_a_file_is_the_same_as_far_as_the_coarser_time_goes(
    modified: datetime | None, precision: int, other: RemoteFile, same: bool
) -> None:
    assert same_file(5, modified, precision, other) is same


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "..\\a", "a\nb", "a\x00", "a\u202eb", "a\u2028b", "\x1b[31m"]
)
def test_names_that_are_refused(name: str) -> None:
    assert refusal(name)
    assert shown(name).isprintable()
    assert shown(name * 300) == shown(name * 300)[:200]
    assert not name or len(shown(name * 300)) == 200


@given(st.text(min_size=1))
def test_a_name_that_is_not_refused_stays_in_its_folder(name: str) -> None:
    if refusal(name) is None:
        key = key_of("parcels/", "carrier", NOON, name)
        assert key.count("/") == 4
        assert key.isprintable() or not name.isprintable()


def test_the_keys_time_is_utc() -> None:
    east = datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    assert key_of("p/", "s", east, "a b.csv") == "p/server=s/date=2026-03-01/hour=16/a b.csv"
    assert key_of("p/", "s", east, "u\u0308") == "p/server=s/date=2026-03-01/hour=16/\u00fc"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MD5, MD5),
        (f"{MD5.upper()}\n", MD5),
        (f"{MD5}  a.csv\n{'f' * 32}  b.csv\n", MD5),
        (f"{'f' * 32}  b.csv\n{MD5} *a.csv\n", MD5),
        (f"MD5 (a.csv) = {MD5}\n", MD5),
        (f"MD5(a.csv)={MD5}\n", MD5),
        (f"{MD5}\n{'f' * 32}\n", None),
        (f"{MD5}  xa.csv\n{'f' * 32}  a.csv\n", "f" * 32),
        (f"{MD5}  xa.csv\n", None),
        (f"{MD5}  a.csv.old\n", None),
        (f"{MD5} *out/a.csv\r\n", MD5),
        (f"{MD5}  C:\\out\\a.csv", MD5),
        (f"\\{MD5}  a.csv", MD5),
        (f"SHA256 (a.csv) = {MD5 * 2}", MD5 * 2),
        (f"MD5 (b.csv) = {MD5}\nMD5 (a.csv) = {'e' * 32}\n", "e" * 32),
        (f"MD5 hash of a.csv:\r\n{MD5}\r\nCertUtil: -hashfile command completed successfully.\r\n", MD5),
        (f"\ufeff{MD5}\r\n", MD5),
        (f"# made by a tool\n{MD5}  a.csv\n", MD5),
        (f"{MD5}0", None),
        ("no digest here", None),
        ("", None),
    ],
)
def test_a_checksum_file_in_any_hand(text: str, found: str | None) -> None:
    assert checksum_in(text.encode(), "a.csv") == found
    assert checksum_in(text.removeprefix("\ufeff").encode("utf-16"), "a.csv") == found


def test_a_checksum_file_with_a_name_in_windows_1252_or_in_pieces() -> None:
    assert checksum_in(f"{MD5}  März.csv".encode("cp1252"), "März.csv") == MD5
    assert checksum_in(f"{MD5}  Ma\u0308rz.csv".encode(), "März.csv") == MD5


@given(st.binary(max_size=200))
def test_any_bytes_are_a_checksum_file(body: bytes) -> None:
    found = checksum_in(body, "a.csv")
    assert found is None or len(found) in {32, 64}
