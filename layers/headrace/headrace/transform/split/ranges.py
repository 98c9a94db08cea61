"""Ranges of a file whose records are exactly those of one pass, found in parallel.

Whether a record begins where a line does depends on quotes that may stand long before. So every range is first read as
if a record began where it does; then it is seen from range to range whether the last record of one ends where the next
begins. Where it does not, that range is read again from where it must begin, in a second round. Ranges that begin with
lines that are good rows by themselves make that rare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headrace.transform.delimited.scan import LOOKS_AHEAD
from headrace.transform.split.skim import Skim, Span

ROUNDS = 8
"""A file whose ranges are not settled by then is read in one pass."""
SkimAll = Callable[[Sequence[Span]], Sequence[Skim]]


@dataclass(frozen=True, slots=True)
class Range:
    """Records of a file: where the first begins, how many they are, how many come before.

    `border` is about where they end. A range of None rows is read until the file is rejected in it.
    """

    start: int
    border: int
    rows: int | None
    before: int


def spans_of(starts: Sequence[int], size: int) -> list[Span]:
    """The spans between places that were chosen for beginnings, in any order."""
    return [Span(start, end) for start, end in pairwise([*sorted(set(starts)), size]) if start < end]


def settled_ranges(spans: Sequence[Span], skim_all: SkimAll) -> list[Range] | None:
    """The ranges; None if the file must be read in one pass, because its open records are too many or too long."""
    known: dict[Span, Skim] = {}
    wanted: Sequence[Span] = spans
    for _ in range(ROUNDS):
        known |= dict(zip(wanted, skim_all(wanted), strict=True))
        ranges, wanted = _fold(spans, known)
        if not wanted:
            return ranges if _may_look(ranges, known) else None
    return None


def _fold(spans: Sequence[Span], known: dict[Span, Skim]) -> tuple[list[Range], list[Span]]:
    """The ranges as far as they are known, and the spans that must be read yet."""
    ranges: list[Range] = []
    wanted: list[Span] = []
    place, before = spans[0].start if spans else 0, 0
    for span in spans:
        actual = Span(place, span.border)
        if place >= span.border:
            continue
        found = known.get(actual)
        if found is None:
            wanted.append(actual)
            place = max(known[span].end, span.border)
            continue
        ranges.append(Range(place, span.border, None if found.rejected else found.rows, before))
        if found.rejected:
            break
        place, before = found.end, before + found.rows
    return ranges, wanted


def _may_look(ranges: Sequence[Range], known: dict[Span, Skim]) -> bool:
    """Whether one pass would have looked for the end of every open record, as the ranges did."""
    text = searched = 0
    for part in ranges:
        found = known[Span(part.start, part.border)]
        if found.spare <= 0 or found.spare + LOOKS_AHEAD * text <= searched:
            return False
        text += found.text
        searched += found.searched
    return True
