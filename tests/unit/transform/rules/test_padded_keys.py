"""Redshift compares texts without their trailing blanks: such a key costs its row, whoever reads the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.transform.kit import contract, integer, read, text

KEYS = ["K1", "K1 ", "K1  ", " K1", "K1\t", "k1", "", " ", "K\u00a0", "K1 x"]


def csv(keys: list[str]) -> bytes:
    return ("key,n\n" + "".join(f'"{key}",{number}\n' for number, key in enumerate(keys))).encode()


def jsonl(keys: list[str]) -> bytes:
    return "".join(json.dumps({"key": key, "n": number}) + "\n" for number, key in enumerate(keys)).encode()


def spec(kind: str, *, unpadded: bool = True) -> Any:
    return contract(text("key", unpadded=unpadded), integer("n"), kind=kind, null_tokens=("\\N",))


@pytest.mark.parametrize("many", [1, 300], ids=["few", "many"])
@pytest.mark.parametrize(("kind", "write"), [("csv", csv), ("jsonl", jsonl)])
def test_a_key_that_ends_in_a_blank_costs_its_row(kind: str, write: Any, many: int) -> None:
    keys = KEYS * many
    found = read(spec(kind), write(keys))
    assert found.values("key") == [key for key in keys if not key.endswith(" ")]
    assert {(column, rule) for _, column, rule in found.errors()} == {("key", "key")}
    reason = "'K1 ' ends in a blank, which Redshift ignores when it compares keys"
    assert reason in {error.reason for row in found.bad for error in row.errors}


@pytest.mark.parametrize(("kind", "write"), [("csv", csv), ("jsonl", jsonl)])
def test_other_texts_may_end_as_they_like(kind: str, write: Any) -> None:
    assert read(spec(kind, unpadded=False), write(KEYS)).values("key") == KEYS
