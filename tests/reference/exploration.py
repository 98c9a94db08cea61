"""Every way through a state machine: each task answers in every way that makes a difference, one run for each.

A run is decided by a list of choices, one for each task that it calls; beyond the list every task answers in its first
way. New runs change one choice after those that are decided already, so no run is made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.reference.interpreters import Run, TaskError

MOST_CALLS = 60
MOST_DEVIATIONS = 2
"""From the usual answers, in one run."""
OTHER = "SomethingElse"
"""An error that no Retry names."""


@dataclass(frozen=True)
class Way:
    """One way in which a task may answer: a result, or an error so many times, and the first result after that."""

    answer: Any = None
    error: str = ""
    times: int = 1
    cause: str = '{"errorMessage": "it \\"broke\\" on ünïcode", "errorType": "KeyError"}'


Answers = Callable[[str, str, dict[str, Any]], list[Any]]
"""The results that a task may have, given state, resource and arguments; the first is the usual one."""


Caught = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]
"""The Retry and the Catch of each task, by its state."""


class Script:
    """Plays the services of one run by a list of choices, and notes what could have been chosen instead."""

    def __init__(self, choices: tuple[int, ...], answers: Answers, caught: Caught) -> None:
        self.choices = choices
        self.ways: list[int] = []
        self._answers = answers
        self.caught = caught
        self._failing: dict[str, tuple[Way, int]] = {}

    def __call__(self, state: str, resource: str, arguments: dict[str, Any]) -> Any:
        """Answer a task."""
        results = self._answers(state, resource, arguments)
        if state in self._failing:
            return self._fail_again(state, results[0])
        ways = ways_of(results, *self.caught[state])
        number = len(self.ways)
        if number >= MOST_CALLS:
            raise AssertionError(f"the machine calls more than {MOST_CALLS} tasks")
        self.ways.append(len(ways))
        way = ways[self.choices[number] if number < len(self.choices) else 0]
        if not way.error:
            return way.answer
        if way.times > 1:
            self._failing[state] = (way, way.times - 1)
        raise TaskError(way.error, way.cause)

    def _fail_again(self, state: str, result: Any) -> Any:
        way, left = self._failing.pop(state)
        if left == 0:
            return result
        self._failing[state] = (way, left - 1)
        raise TaskError(way.error, way.cause)


def ways_of(results: list[Any], retries: list[dict[str, Any]], catches: list[dict[str, Any]]) -> list[Way]:
    """Each result; an error that nothing names, one that a Catch does, and of each Retry one that passes or stays."""
    ways = [Way(result) for result in results] + [Way(error=OTHER)]
    named = [catch["ErrorEquals"][0] for catch in catches]
    ways += [Way(error=error) for error in named if error != "States.ALL"]
    for retry in retries:
        error = retry["ErrorEquals"][0]
        ways.append(Way(error=error, times=1 + min(1, retry["MaxAttempts"] - 1)))
        ways.append(Way(error=error, times=1 + retry["MaxAttempts"]))
    return ways


def runs(execute: Callable[[Script], Run], answers: Answers, caught: Caught) -> Iterator[
    tuple[Script, Run]
]:  # fmt: skip
    """Every run that differs from the usual one in at most `MOST_DEVIATIONS` answers."""
    seen: set[tuple[str, ...]] = set()
    open_: list[tuple[int, ...]] = [()]
    while open_:
        choices = open_.pop()
        script = Script(choices, answers, caught)
        run = execute(script)
        yield script, run
        way = tuple(run.states)
        if way in seen:
            continue  # what can follow was tried after the run that went this way first
        seen.add(way)
        if sum(choice > 0 for choice in choices) == MOST_DEVIATIONS:
            continue
        for number in range(len(choices), len(script.ways)):
            usual = (0,) * (number - len(choices))
            open_ += [(*choices, *usual, other) for other in range(1, script.ways[number])]
