"""Datasets share wake-ups of the warehouse: the simulation of `make bench-wakeups`, in short."""

from __future__ import annotations

from benchmarks.wakeups.__main__ import MINUTE, Figures, figures, several

HOURS = 3.0


def both(*mix: tuple[int, int, float]) -> tuple[Figures, Figures]:
    """Datasets by number, promise and seconds between files; each by itself, and with shared wake-ups."""
    datasets = [one for kind in mix for one in several(*kind)]
    return figures(datasets, HOURS, shared=False), figures(datasets, HOURS, shared=True)


def test_twenty_datasets_wake_the_warehouse_as_often_as_one() -> None:
    alone, shared = both((20, 15 * MINUTE, MINUTE))
    assert (alone.late, shared.late) == (0, 0)
    assert alone.wake_ups > 20
    assert shared.wake_ups <= 5
    assert shared.sharing > 19


def test_a_dataset_that_promises_a_minute_takes_the_others_along() -> None:
    _, shared = both((10, 15 * MINUTE, MINUTE), (1, MINUTE, 10 * MINUTE))
    assert shared.late == 0
    assert shared.wake_ups <= 11


def test_promises_are_kept_where_loads_take_longer_than_was_assumed() -> None:
    slow = several(5, 15 * MINUTE, MINUTE, load=(150.0, 200.0))
    assert figures(slow, HOURS, shared=False).late > 0
    assert figures(slow, HOURS, shared=True).late == 0


def test_a_dataset_whose_files_bring_no_rows_does_not_take_the_others_along_every_time() -> None:
    mix = [*several(10, 15 * MINUTE, MINUTE), *several(1, MINUTE, 20, copies=True)]
    shared = figures(mix, HOURS, shared=True)
    assert shared.late == 0
    assert shared.wake_ups <= 5
