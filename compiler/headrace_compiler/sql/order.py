"""What is later in a dataset: by the ordering columns in turn, then by arrival."""

from __future__ import annotations

from collections.abc import Sequence

Pair = tuple[str, str]
"""The same ordering column of two rows."""


def newer(pairs: Sequence[Pair]) -> str:
    """Whether the first row of the pairs is later than the second, by ordering columns of which there are some."""
    later, equal_so_far = [], ""
    for first, second in pairs:
        later.append(f"{equal_so_far}{first} > {second}")
        equal_so_far += f"{first} = {second} AND "
    return later[0] if len(later) == 1 else "(" + " OR ".join(f"({condition})" for condition in later) + ")"


def equal(pairs: Sequence[Pair]) -> list[str]:
    """The conditions under which both are equal by their ordering columns."""
    return [f"{first} = {second}" for first, second in pairs]


def earlier(pairs: Sequence[Pair], otherwise: Sequence[str]) -> str:
    """Whether the second row is the earlier one: by the ordering columns, between equals if something else holds.

    That is given, and the condition returned, as lines below a WHERE.
    """
    if not pairs:
        return "\n  ".join(otherwise)
    first, *rest = [*equal(pairs), "\n      ".join(otherwise)]
    between_equals = "\n      AND ".join([first, *rest])
    return f"(\n    {newer(pairs)}\n    OR (\n      {between_equals}\n    )\n  )"
