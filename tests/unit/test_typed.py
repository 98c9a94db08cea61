"""Every command block of README and docs is typed by the end-to-end test, or says why it is not."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.typed import DOCUMENTS, Block, blocks, differences

ALL = [block for path in DOCUMENTS for block in blocks(path)]
UNTYPED = {
    "an AWS account": 12,
    "make, which other tests run": 2,
    "it stops the laptop or changes the shell": 1,
    "another test types it": 9,
    "it runs until Ctrl-C": 2,
    "a summary of options": 1,
    "Docker": 1,
}
"""Reasons why a block is not typed, and how many have each: a block that could be typed must not join them unseen."""


def test_blocks_that_are_not_typed_are_counted_by_their_reason() -> None:
    assert Counter(block.untyped for block in ALL if block.untyped) == UNTYPED


def test_most_documents_for_operators_have_typed_blocks() -> None:
    typed = Counter(block.path.name for block in ALL if not block.untyped)
    assert typed["README.md"] >= 1
    assert typed["operations.md"] >= 12


@pytest.mark.parametrize("block", [block for block in ALL if not block.untyped], ids=lambda block: block.place)
def test_a_typed_block_has_commands_of_shipped_datasets(block: Block) -> None:
    assert block.steps
    assert not {"readings", "gauges", "meters"} & set(" ".join(command for command, _ in block.steps).split())


@pytest.mark.parametrize(
    ("expected", "printed", "left"),
    [
        (["a  1 …", "────", "at 2026-01-01 10:00:00Z"], "a 1 more\n──────────\nat 2027-02-02 11:00:00Z", []),
        (["3 files"], "4 files", ["3 files"]),
        (["…"], "", []),
    ],
)
def test_what_may_differ_and_what_may_not(expected: list[str], printed: str, left: list[str]) -> None:
    assert differences(expected, printed) == left
