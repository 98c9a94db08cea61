"""Units hold every file once, in order, within their bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import FileFormat
from headrace.domain.ingest.lane import Limits
from headrace.domain.ingest.packing import (
    APART,
    GROWS,
    KILLED,
    LACKING,
    NEVER,
    UNIT_BYTES,
    UNIT_FILES,
    first_batch,
    halves,
    is_heavy,
    units,
)
from tests.support.fakes import contract, file

SIZES = st.lists(st.integers(1, 2 * UNIT_BYTES), max_size=300)


@given(SIZES)
def test_every_file_is_in_one_unit(sizes: list[int]) -> None:
    files = [file(f"{i}.csv", size=size) for i, size in enumerate(sizes)]
    packed = units(files)
    assert [f for unit in packed for f in unit] == files
    assert all(len(unit) == 1 or sum(f.size for f in unit) <= UNIT_BYTES for unit in packed)
    assert all(0 < len(unit) <= UNIT_FILES for unit in packed)


def test_a_batch_has_a_bound_but_always_a_file() -> None:
    limits = Limits(files=3)
    assert len(first_batch([file(f"{i}") for i in range(8)], limits)) == 3
    assert len(first_batch([file(size=1 << 50), file("b")], limits)) == 1


def test_a_batch_may_have_exactly_the_size_and_the_number_that_it_is_allowed() -> None:
    files = [file(f"{number}", size=10) for number in range(5)]
    assert len(first_batch(files, Limits(size=30))) == 3
    assert len(first_batch(files, Limits(size=29))) == 2
    assert len(first_batch(files, Limits(files=5, size=50))) == 5


def test_suspects_are_only_with_their_own_group() -> None:
    files = [file("a", suspects="x"), file("b"), file("c", suspects="y"), file("d", suspects="x")]
    assert [f.key[-1] for f in first_batch(files, Limits())] == ["a", "d"]
    assert [f.key[-1] for f in first_batch(files[1:], Limits())] == ["b"]


def test_of_files_that_stand_back_the_one_that_has_done_so_for_longest_is_tried() -> None:
    given = [(APART, "2026-01-01T03"), (KILLED, "2026-01-01T01"), (LACKING, "2026-01-01T02")]
    files = [file(group, suspects=group, apart_since=at) for group, at in given]
    order = []
    for hour in range(4, 10):
        (first,) = first_batch(files, Limits())
        order.append(first.suspects)
        apart = replace(first, apart_since=f"2026-01-01T{hour:02}")
        files = [apart if known is first else known for known in files]
    assert order == [KILLED, LACKING, APART] * 2


@given(st.integers(2, 50))
def test_halves_are_smaller_and_complete(count: int) -> None:
    files = [file(f"{i}") for i in range(count)]
    first, second = halves(files)
    assert first + second == files
    assert first
    assert second


@pytest.mark.parametrize(
    ("name", "compression", "size", "heavy"),
    [
        ("a.csv", "auto", 1000, False),
        ("a.csv", "auto", 1001, True),
        ("a.csv.GZ", "auto", 1000 // GROWS, False),
        ("a.csv.GZ", "auto", 1000 // GROWS + 1, True),
        ("a.zip", "none", 1000, False),
        ("a.csv", "gzip", 500, True),
    ],
)
def test_a_unit_is_heavy_by_the_text_of_its_files(name: str, compression: str, size: int, heavy: bool) -> None:
    spec = contract(format=FileFormat(compression=compression))
    assert is_heavy([file("small.csv", size=1), file(name, size=size)], spec, 1000) is heavy
    assert not is_heavy([file(name, size=1 << 50)], spec, NEVER)


@pytest.mark.parametrize(
    ("engine", "size", "heavy"), [("glue", 1, True), ("lambda", 1 << 50, False), ("auto", 1, False)]
)
def test_a_contract_may_choose_the_engine(engine: str, size: int, heavy: bool) -> None:
    spec = contract(engine=engine)
    assert is_heavy([file("a.csv", size=size)], spec, 1000) is heavy
    assert not is_heavy([file("a.csv", size=size)], spec, NEVER)
