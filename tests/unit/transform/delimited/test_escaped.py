"""What an escape means before a letter, where producers disagree."""

from __future__ import annotations

import pytest

from tests.unit.transform.kit import contract, integer, read, text

ROWS = b"1\tfirst\\nsecond\n2\tC:\\\\tmp\n3\tleft\\tright\n4\t\\N\n5\tone\\\ntwo\n"
DUMP = {"header": False, "delimiter": "\t", "quote": "", "escape": "\\", "null_tokens": ("\\N",)}


@pytest.mark.parametrize(
    ("escapes", "values"),
    [
        ("sequences", ["first\nsecond", "C:\\tmp", "left\tright", None, "one\ntwo"]),
        ("marks", ["first\\nsecond", "C:\\tmp", "left\\tright", None, "one\ntwo"]),
        ("character", ["firstnsecond", "C:\\tmp", "lefttright", None, "one\ntwo"]),
    ],
)
@pytest.mark.parametrize("times", [1, 300])
def test_an_escape_before_a_letter_means_what_the_contract_says(
    escapes: str, values: list[str | None], times: int
) -> None:
    got = read(contract(integer("n"), text("t", 64), **DUMP, escapes=escapes), ROWS * times)
    assert got.values("t") == values * times


def test_an_escape_before_a_letter_costs_its_own_row_while_nobody_said_what_it_means() -> None:
    got = read(contract(integer("n"), text("t", 64), **DUMP), ROWS)
    assert got.values("n") == [2, 4, 5]
    assert got.errors() == [(1, None, "quoting"), (3, None, "quoting")]
    assert "`escapes`" in got.bad[0].errors[0].reason


def test_a_path_in_quotes_keeps_its_backslashes_where_only_marks_are_escaped() -> None:
    spec = contract(integer("n"), text("t", 64), escape="\\", escapes="marks")
    got = read(spec, b'n,t\n1,"C:\\new \\"x\\""\n2,D:\\,y\n')
    assert got.values("t") == ['C:\\new "x"', "D:,y"]
