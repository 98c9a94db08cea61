"""Keys of files, and the parts that accounts belong to."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.export import Export, KeyTooLongError, named, part_of, parts_for
from tests.support.export_fakes import declared

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("4711", "4711"),
        ("a/b", "a%2Fb"),
        ("Müller & Söhne", "M%C3%BCller%20%26%20S%C3%B6hne"),
        ("100%", "100%25"),
        ("a.b", "a.b"),
        ("..", "%2E%2E"),
        ("", "%"),
    ],
)
def test_a_name_is_one_part_of_a_key(account: str, name: str) -> None:
    assert named(account) == name


@given(TEXTS, TEXTS)
def test_two_names_are_two_keys(one: str, other: str) -> None:
    assert (named(one) == named(other)) == (one == other)
    assert "/" not in named(one)
    assert named(one) not in {".", ".."}
    assert unquote(named(one)) == one or not one


def test_a_key_has_date_category_and_account() -> None:
    assert declared().key("2026-01-31", "a/b", "c") == "notes/2026-01-31/a%2Fb/c.csv"
    assert declared().manifest_key("2026-01-31") == "notes/2026-01-31/manifest.json"


def test_a_key_that_is_too_long_for_s3_is_refused() -> None:
    with pytest.raises(KeyTooLongError, match="1024"):
        declared().key("2026-01-31", "c", "ü" * 200)


@given(TEXTS, st.integers(1, 500))
def test_every_account_has_a_part(account: str, parts: int) -> None:
    assert 0 <= part_of(account, parts) < parts


def test_parts_follow_the_accounts() -> None:
    assert [parts_for(accounts, 0) for accounts in (0, 1, 50, 51, 10_000)] == [1, 1, 1, 2, 200]


def test_parts_follow_the_rows_where_these_are_many() -> None:
    assert [parts_for(100, rows) for rows in (25_000, 75_001, 2_500_000)] == [2, 4, 100]


def test_an_export_survives_json() -> None:
    assert Export.from_json(declared(order_by=("note",)).to_json()) == declared(order_by=("note",))


def test_the_part_of_an_account_is_that_of_the_first_eight_digits_of_its_md5() -> None:
    """As the warehouse computes it: MOD(STRTOL(SUBSTRING(MD5(account), 1, 8), 16), parts)."""
    assert part_of("a", 1000) == 0x0CC175B9 % 1000
    assert {part_of(str(number), 3) for number in range(50)} == {0, 1, 2}
