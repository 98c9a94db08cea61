"""The layout of state machines: the same JSON, and lines that one reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.format_asl import WIDTH, laid_out

MACHINES = sorted((Path(__file__).parents[2] / "statemachine").glob("*.asl.json"))
WORDS = st.text(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(WORDS, inner, max_size=8),
    max_leaves=40,
)


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_the_state_machines_are_laid_out(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text == laid_out(json.loads(text)) + "\n", "run `.venv/bin/python -m scripts.format_asl`"


@given(VALUES)
def test_the_layout_changes_neither_values_nor_order(value: Any) -> None:
    text = laid_out(value)
    assert json.dumps(json.loads(text)) == json.dumps(value)
    assert laid_out(json.loads(text)) == text


@given(st.dictionaries(st.text(max_size=10), st.lists(st.text(max_size=20), max_size=30), max_size=10))
def test_no_line_is_longer_than_it_may_be(value: dict[str, list[str]]) -> None:
    assert all(len(line) <= WIDTH + 2 for line in laid_out(value).splitlines())
