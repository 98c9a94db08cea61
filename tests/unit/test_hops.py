"""How many files one has to open to follow a file from S3's event to its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.count_hops import ROOT, hops

MOST = 40
MOST_ADAPTERS = 13


@pytest.fixture(scope="module")
def found() -> tuple[list[str], list[str]]:
    return hops()


def test_a_reader_opens_no_more_than_forty_files(found: tuple[list[str], list[str]]) -> None:
    assert len(found[0]) <= MOST, found[0]
    assert len(found[1]) <= MOST_ADAPTERS, found[1]


def test_they_are_there_and_the_steps_are_among_them(found: tuple[list[str], list[str]]) -> None:
    assert all((ROOT / path).is_file() for path in (*found[0], *found[1]))
    names = {Path(path).name for path in (*found[0], *found[1])}
    steps = {"starter.py", "record_batch.py", "transform.py", "prepare_load.py", "record_outcome.py"}
    assert steps | {"load_plan.py", "batches.py", "loads.py", "workflow.py"} <= names
