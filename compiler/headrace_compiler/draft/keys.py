"""Which columns could be the key of a table, going by samples. A question: chance makes columns different, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from headrace.domain.files.names import plain_name
from headrace.transform.values.inference import Guess
from headrace_compiler.draft.samples import Samples
from headrace_compiler.draft.shown import listed, shown_name

KINDS = {"string", "integer", "date", "timestamp"}
CALLED = ("id", "key", "number", "code")
MOST_COLUMNS = 15
"""Of this many columns pairs are tried."""
ROWS_TRIED = 2_000
"""Pairs are tried on this many rows before they are on all."""


def key_question(samples: Samples, guesses: dict[str, Guess], always: Sequence[str]) -> str:
    """What to ask of the key: of columns that are different in every row, or of two that are together."""
    if samples.rows <= 1:
        return "one row is not enough to recognize a key"
    columns = [name for name in always if guesses[name].logical in KINDS]
    alone = _likeliest(_alone(columns, samples), guesses)
    if alone:
        others = f" (so is {listed(alone[1:])})" if alone[1:] else ""
        return f"{_in_all(samples, alone[:1], 'is')}{others}: if it is the key, {_put('it')}"
    if pair := next(_pairs(columns, samples, guesses), None):
        return f"{_in_all(samples, pair, 'together are')}: if they are the key, {_put('both')}"
    return "no column is different in every row, and no two are together"


def _in_all(samples: Samples, names: Sequence[str], verb: str) -> str:
    return f"{' and '.join(map(shown_name, names))} {verb} different in all {samples.rows:,} rows of the samples"


def _put(where: str) -> str:
    return f"put `primaryKey: true` and `required: true` below {where}"


def _alone(columns: Sequence[str], samples: Samples) -> list[str]:
    return [name for name in columns if len(set(samples.columns[name])) == samples.rows]


def _likeliest(candidates: Sequence[str], guesses: dict[str, Guess]) -> list[str]:
    """Those that are called like keys first, then texts, then numbers and times."""
    return sorted(candidates, key=lambda name: (not _is_called_so(name), guesses[name].logical != "string"))


def _is_called_so(name: str) -> bool:
    return plain_name(name).endswith(CALLED)


def _pairs(columns: Sequence[str], samples: Samples, guesses: dict[str, Guess]) -> Iterator[tuple[str, str]]:
    """Pairs that are different in every row, those with a time first, then those that are called like keys."""

    def rank(pair: tuple[str, str]) -> tuple[bool, bool]:
        timed = any(guesses[name].logical in {"date", "timestamp"} or "year" in name.lower() for name in pair)
        return not timed, not any(map(_is_called_so, pair))

    for one, other in sorted(combinations(columns[:MOST_COLUMNS], 2), key=rank):
        values = list(zip(samples.columns[one], samples.columns[other], strict=True))
        tried = values[:ROWS_TRIED]
        if len(set(tried)) == len(tried) and len(set(values)) == len(values):
            yield one, other
