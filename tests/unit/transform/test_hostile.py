"""The kinds of files that are made to break readers, at a small share of their size: each ends as it should.

`make hostile` makes them whole, and measures what they take.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.hostile.__main__ import written
from benchmarks.hostile.kinds import KINDS, Hostile
from benchmarks.hostile.run import problem, verdict_of

SHARE = 0.0005


def test_there_are_many_kinds_and_each_has_a_name() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 140


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.whole], ids=lambda kind: kind.name)
def test_a_hostile_file_ends_as_it_should(kind: Hostile, tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    written(kind, SHARE, path)
    assert problem(kind, verdict_of(kind, path)) == ""
