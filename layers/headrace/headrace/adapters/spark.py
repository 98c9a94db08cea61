"""Spark as a cluster of processes. Imported only inside a Spark job."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from headrace.errors import TransientError

Work = TypeVar("Work")
Item = TypeVar("Item")
Result = TypeVar("Result")
PYTHON_ERROR = re.compile(r"(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Rejected|Failed): ")
LAST_WORDS = 300
"""Characters of what Spark says last of a task that failed."""


class SparkCluster:
    """Runs tasks in the Python processes of executors."""

    def __init__(self, context: Any, services: Callable[[], Any]) -> None:
        """`context` is a SparkContext; `services` gives, in an executor's process, what its tasks work with."""
        self._context = context
        self._services = services

    def map(self, task: Callable[[Work, Item, Any], Result], work: Work, items: Sequence[Item]) -> list[Result]:
        """The results of a task for each item, in order.

        Spark runs a task that failed up to four times (`spark.task.maxFailures`). Raises TransientError after that.
        """
        if not items:
            return []
        what = f"{task.__name__}: {len(items):,} tasks"
        self._context.setJobDescription(what)
        print(what, flush=True)  # for those who follow the run's log
        spread = self._context.parallelize(list(items), len(items)).map(partial(_run, self._services, task, work))
        try:
            found: list[Result] = spread.collect()
        except Exception as error:
            raise TransientError(f"Spark could not finish {task.__name__}: {_last_words(error)}") from error
        return found


def _run(services: Callable[[], Any], task: Callable[[Work, Item, Any], Result], work: Work, item: Item) -> Result:
    """Run a task in an executor's process."""
    return task(work, item, services())


def _last_words(error: Exception) -> str:
    """What the Python error in the executor says, which Spark quotes below its own text."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith((" ", "\t"))]
    own = [line for line in lines if PYTHON_ERROR.match(line)]
    return (own[-1] if own else (lines or [type(error).__name__])[0])[:LAST_WORDS]
