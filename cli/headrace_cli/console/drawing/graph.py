"""A state machine as a graph, drawn from its definition: states in layers, each below those that lead to it.

The layers are those of the longest path from the start, without the transitions that lead back; in each, a state
stands near the mean of its neighbours (https://en.wikipedia.org/wiki/Layered_graph_drawing). A transition that passes
layers has a place in each of them, so that lines do not cross boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, PASS_WIDTH = 236, 34, 26, 34, 14
SWEEPS = 8
MOST_STATES = 200
"""States that are drawn; a machine with more is shown as a list only."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition; `failing` after an error that was caught."""

    source: str
    target: str
    failing: bool = False


@dataclass(slots=True)
class Place:
    """Where a state is, or where a long line passes: its layer and the middle of its box."""

    layer: int
    x: float = 0.0
    width: float = BOX_WIDTH

    @property
    def top(self) -> float:
        """The upper edge."""
        return 8 + self.layer * (BOX_HEIGHT + GAP_Y)


@dataclass
class Layout:
    """The places of all states, and the way of each transition through the layers."""

    places: dict[str, Place] = field(default_factory=dict)
    ways: dict[Edge, list[str]] = field(default_factory=dict)
    back: list[Edge] = field(default_factory=list)


def states_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """The type of each state by its name, those inside maps and branches too."""
    return {name: state["Type"] for machine in machines(definition) for name, state in machine["States"].items()}


def machines(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The machine itself and those inside it."""
    yield definition
    for state in definition["States"].values():
        for inner in inside(state):
            yield from machines(inner)


def inside(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The machines that a Map or Parallel state runs."""
    item = state.get("ItemProcessor") or state.get("Iterator")
    return [*state.get("Branches", []), *([item] if item else [])]


def edges_of(definition: Mapping[str, Any], after: str | None = None) -> Iterator[Edge]:
    """Every transition. A state with machines inside leads to their starts, and their ends to what comes `after` it."""
    for name, state in definition["States"].items():
        inner = inside(state)
        following = state.get("Next") or after
        for machine in inner:
            yield Edge(name, machine["StartAt"])
            yield from edges_of(machine, following)
        nexts = [choice["Next"] for choice in state.get("Choices", [])] + [state.get("Default")]
        if not inner and state["Type"] not in {"Choice", "Succeed", "Fail"}:
            nexts.append(following)
        yield from (Edge(name, target) for target in dict.fromkeys(filter(None, nexts)))
        yield from (Edge(name, catch["Next"], failing=True) for catch in state.get("Catch", []))


def drawn(
    definition: Mapping[str, Any], style: Callable[[str], str], link: Callable[[str], str], taken: set[tuple[str, str]]
) -> Markup:
    """The graph as SVG. `style` is the class of a state, `link` where it leads; transitions `taken` are drawn strong.

    Transitions of caught errors are drawn when they were taken: nearly every state has one.
    """
    edges = list(dict.fromkeys(edges_of(definition)))
    shown = [edge for edge in edges if not edge.failing or (edge.source, edge.target) in taken]
    layout = laid_out(definition["StartAt"], list(states_of(definition)), edges, shown)
    boxes = [place for name, place in layout.places.items()]
    left = min(place.x - place.width / 2 for place in boxes) - 60
    width = round(max(place.x + place.width / 2 for place in boxes) + 60 - left)
    height = round(max(place.top for place in boxes) + BOX_HEIGHT + 10)
    lines = "".join(line(edge, layout, taken, left) for edge in shown)
    nodes = "".join(box(name, layout.places[name], style(name), link(name), left) for name in states_of(definition))
    return Markup(  # noqa: S704 - numbers made here, and names that are escaped
        f'<svg class="graph" role="group" aria-label="The states and how they follow each other"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto-start-reverse"><path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{lines}{nodes}</svg>"
    )


def laid_out(start: str, names: list[str], edges: list[Edge], shown: list[Edge]) -> Layout:
    """Place every state, and the lines of the `shown` transitions between them."""
    layout = Layout(back=back_edges(start, edges))
    forward = [edge for edge in edges if edge not in layout.back]
    layers = layers_of(names, forward)
    layout.places = {name: Place(layers[name]) for name in names}
    for edge in shown:
        if edge not in layout.back:
            layout.ways[edge] = way_of(edge, layout.places)
    rows = rows_of(layout.places)
    neighbours = neighbours_of(layout.ways.values())
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            arrange(row, layout.places, neighbours)
    return layout


def back_edges(start: str, edges: list[Edge]) -> list[Edge]:
    """The transitions that lead back to a state on the way to them, found in depth."""
    following: dict[str, list[Edge]] = {}
    for edge in edges:
        following.setdefault(edge.source, []).append(edge)
    found: list[Edge] = []
    done: set[str] = set()
    path: list[str] = []
    stack: list[tuple[str, bool]] = [(start, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            path.remove(name)
            done.add(name)
        elif name not in done and name not in path:
            path.append(name)
            stack.append((name, True))
            for edge in reversed(following.get(name, [])):
                if edge.target in path:
                    found.append(edge)
                elif edge.target not in done:
                    stack.append((edge.target, False))
    return found


def layers_of(names: list[str], edges: list[Edge]) -> dict[str, int]:
    """The layer of each state: one below the lowest that leads to it."""
    layers = dict.fromkeys(names, 0)
    for _ in names:
        changed = False
        for edge in edges:
            if layers[edge.target] <= layers[edge.source]:
                layers[edge.target], changed = layers[edge.source] + 1, True
        if not changed:
            break
    return layers


def way_of(edge: Edge, places: dict[str, Place]) -> list[str]:
    """The places that a line passes, made where they are missing: one in each layer between its ends."""
    first, last = places[edge.source].layer, places[edge.target].layer
    passed = []
    for layer in range(first + 1, last):
        name = f"{edge.source}\0{edge.target}\0{layer}"
        places[name] = Place(layer, width=PASS_WIDTH)
        passed.append(name)
    return [edge.source, *passed, edge.target]


def rows_of(places: dict[str, Place]) -> list[list[str]]:
    """The names of each layer, packed from left to right."""
    rows: list[list[str]] = [[] for _ in range(max(place.layer for place in places.values()) + 1)]
    for name, place in places.items():
        rows[place.layer].append(name)
    for row in rows:
        x = 0.0
        for name in row:
            places[name].x = x + places[name].width / 2
            x += places[name].width + GAP_X
    return rows


def neighbours_of(ways: Iterable[list[str]]) -> dict[str, list[str]]:
    """What each place is joined with, above and below."""
    found: dict[str, list[str]] = {}
    for way in ways:
        for upper, lower in pairwise(way):
            found.setdefault(upper, []).append(lower)
            found.setdefault(lower, []).append(upper)
    return found


def arrange(row: list[str], places: dict[str, Place], neighbours: dict[str, list[str]]) -> None:
    """Move each place of a layer to the middle of its neighbours, as far as they do not touch."""
    wanted = {
        name: sum(places[other].x for other in joined) / len(joined)
        if (joined := neighbours.get(name))
        else places[name].x
        for name in row
    }
    row.sort(key=lambda name: wanted[name])
    edge = float("-inf")
    for name in row:
        place = places[name]
        place.x = max(wanted[name], edge + place.width / 2)
        edge = place.x + place.width / 2 + GAP_X
    drift = sum(places[name].x - wanted[name] for name in row) / len(row)
    for name in row:
        places[name].x -= drift


def line(edge: Edge, layout: Layout, taken: set[tuple[str, str]], left: float) -> str:
    """A transition as a path: down through the layers, or back up beside the boxes."""
    kind = "taken" if (edge.source, edge.target) in taken else "failing" if edge.failing else "free"
    if edge in layout.ways:
        points = [(layout.places[name].x - left, layout.places[name]) for name in layout.ways[edge]]
        path = f"M{points[0][0]:.0f} {points[0][1].top + BOX_HEIGHT:.0f}"
        for number, ((from_x, upper), (to_x, lower)) in enumerate(pairwise(points)):
            begin = upper.top + (BOX_HEIGHT if number == 0 else BOX_HEIGHT / 2)
            end = lower.top if number == len(points) - 2 else lower.top + BOX_HEIGHT / 2
            middle = (begin + end) / 2
            path += f"C{from_x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {end:.0f}"
    else:
        source, target = layout.places[edge.source], layout.places[edge.target]
        from_x, to_x = source.x - left + source.width / 2, target.x - left + target.width / 2
        out = max(from_x, to_x) + 46
        from_y, to_y = source.top + BOX_HEIGHT / 2, target.top + BOX_HEIGHT / 2
        path = f"M{from_x:.0f} {from_y:.0f}C{out:.0f} {from_y:.0f} {out:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path class="{kind}" d="{path}" marker-end="url(#tip)"/>'


def box(name: str, place: Place, style: str, link: str, left: float) -> str:
    """A state as a box with its name, which leads to its input and output."""
    x, text = place.x - left, escape(name)
    return (
        f'<a class="{escape(style)}" href="{escape(link)}"><rect x="{x - BOX_WIDTH / 2:.0f}" y="{place.top:.0f}"'
        f' width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"/>'
        f'<text x="{x:.0f}" y="{place.top + BOX_HEIGHT / 2 + 4:.0f}">{text}</text></a>'
    )
