"""The graph of a state machine: every state once, nothing on top of anything, and only what follows is joined."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from headrace_cli.console.drawing.graph import (
    BOX_HEIGHT,
    BOX_WIDTH,
    Edge,
    back_edges,
    drawn,
    edges_of,
    laid_out,
    states_of,
)
from headrace_cli.console.pages.executions import taken_of, visited_states

ROOT = Path(__file__).parents[4]
MACHINES = ("ingest", "export")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "statemachine" / f"{name}.asl.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_drawn_once_and_none_on_top_of_another(name: str) -> None:
    svg = str(drawn(definition(name), lambda _: "idle", lambda state: f"?{state}", set()))
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.-]+)" y="([\d.-]+)"', svg)]
    assert len(boxes) == len(states_of(definition(name)))
    for (left, top), (other_left, other_top) in combinations(boxes, 2):
        assert abs(left - other_left) >= BOX_WIDTH or abs(top - other_top) >= BOX_HEIGHT
    width = int(re.search(r'width="(\d+)"', svg)[1])  # type: ignore[index]
    assert all(0 <= left <= width - BOX_WIDTH for left, _ in boxes)


@pytest.mark.parametrize("name", MACHINES)
def test_what_follows_is_below_and_only_loops_lead_back(name: str) -> None:
    found = definition(name)
    edges = list(dict.fromkeys(edges_of(found)))
    layout = laid_out(found["StartAt"], list(states_of(found)), edges, edges)
    for edge in edges:
        above, below = layout.places[edge.source].layer, layout.places[edge.target].layer
        assert (edge in layout.back) == (above >= below), edge


def test_a_loop_is_found() -> None:
    edges = list(edges_of(definition("ingest")))
    back = {(edge.source, edge.target) for edge in back_edges("Wait for the group", edges)}
    assert ("Has the load ended?", "Give the warehouse time") in back
    assert ("Let the other load pass", "COPY and MERGE") in back


def test_a_map_leads_into_its_states_and_out_of_them() -> None:
    edges = {(edge.source, edge.target) for edge in edges_of(definition("ingest")) if not edge.failing}
    assert ("Transform each unit", "Is the unit heavy?") in edges
    assert ("Transform the unit", "Was a unit set aside?") in edges
    assert ("Transform each unit", "Was a unit set aside?") not in edges


def test_a_caught_error_is_drawn_only_if_it_was_taken() -> None:
    caught = ("Prepare the load", "Record the failure")
    assert Edge(*caught, failing=True) in list(edges_of(definition("ingest")))
    without, taken = (drawn(definition("ingest"), str, str, ways) for ways in (set(), {caught}))
    assert str(taken).count("<path") == str(without).count("<path") + 1
    assert str(taken).count('class="taken"') == 1


def test_names_are_text() -> None:
    machine = {"StartAt": "<b>", "States": {"<b>": {"Type": "Pass", "End": True}}}
    svg = str(drawn(machine, lambda _: '"x', lambda _: '"><script>', set()))
    assert "<b>" not in svg
    assert "<script>" not in svg


def entered(name: str) -> dict[str, Any]:
    return {"type": "TaskStateEntered", "timestamp": NOW, "stateEnteredEventDetails": {"name": name, "input": "in"}}


def left(name: str) -> dict[str, Any]:
    return {"type": "TaskStateExited", "timestamp": NOW, "stateExitedEventDetails": {"name": name, "output": "out"}}


def failed(error: str) -> dict[str, Any]:
    return {"type": "TaskFailed", "timestamp": NOW, "taskFailedEventDetails": {"error": error, "cause": "why"}}


TRIED_AGAIN = {"type": "TaskScheduled", "timestamp": NOW}


@pytest.mark.parametrize(
    ("events", "styles"),
    [
        ([entered("a")], {"a": "active"}),
        ([entered("a"), left("a"), entered("b")], {"a": "done", "b": "active"}),
        ([entered("a"), failed("E"), TRIED_AGAIN], {"a": "active"}),
        ([entered("a"), failed("E"), TRIED_AGAIN, left("a")], {"a": "retried"}),
        ([entered("a"), failed("E"), left("a"), entered("b")], {"a": "wrong", "b": "active"}),
        ([entered("a"), {"type": "ExecutionAborted", "timestamp": NOW}], {"a": "wrong"}),
    ],
)
def test_the_colour_of_a_state(events: list[dict[str, Any]], styles: dict[str, str]) -> None:
    assert {name: state.style for name, state in visited_states(events).items()} == styles


def test_the_transitions_that_were_taken() -> None:
    events = [entered("a"), left("a"), entered("b"), failed("E"), left("b"), entered("c")]
    assert taken_of(events) == {("a", "b"), ("b", "c")}
    assert visited_states(events)["b"].failures == ["E: why"]
