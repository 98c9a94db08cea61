"""Spark as a cluster: what it is asked, and what becomes of its errors."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from headrace.adapters.spark import SparkCluster
from headrace.errors import TransientError

LOST = """An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 0.0 failed 4 times
Traceback (most recent call last):
  File "spread_tasks.py", line 1, in write_range
headrace.errors.TransientError: reading 'a.csv': SlowDown
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
Driver stacktrace:
"""


class Context:
    """A SparkContext that runs tasks here, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.slices: list[int] = []

    def setJobDescription(self, text: str) -> None:  # noqa: N802 - Spark's name
        self.described = text

    def parallelize(self, items: Sequence[Any], slices: int) -> Context:
        self._items = items
        self.slices.append(slices)
        return self

    def map(self, task: Callable[[Any], Any]) -> Context:
        self._task = pickle.loads(pickle.dumps(task))
        return self

    def collect(self) -> list[Any]:
        if self._error:
            raise self._error
        return [self._task(item) for item in self._items]


def services() -> str:
    return "services"


def told(work: str, item: int, given: str) -> tuple[str, int, str]:
    return work, item, given


def test_a_task_runs_for_each_item_with_the_services_of_its_process() -> None:
    context = Context()
    assert SparkCluster(context, services).map(told, "work", [2, 1]) == [
        ("work", 2, "services"),
        ("work", 1, "services"),
    ]
    assert context.slices == [2]


def test_nothing_to_do_starts_nothing() -> None:
    context = Context()
    assert SparkCluster(context, services).map(told, "work", []) == []
    assert context.slices == []


LAST = "headrace.errors.TransientError: reading 'a.csv': SlowDown"


@pytest.mark.parametrize(
    ("text", "words"), [(LOST, LAST), ("an executor\n\tat x", "an executor"), ("", "RuntimeError")]
)
def test_a_task_that_fails_again_and_again_fails_the_unit_with_its_words(text: str, words: str) -> None:
    with pytest.raises(TransientError) as failed:
        SparkCluster(Context(RuntimeError(text)), services).map(told, "work", [1])
    assert str(failed.value) == f"Spark could not finish told: {words}"
