"""What an error means and what is done about it: the one judgement, made from the catalogue `failures.toml`.

What stays is named there; an error that the catalogue does not know is isolated: tried again, then set apart, and in
the end left to a person.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

LONGEST_REASON = 1000
QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
NO_CAUSE = "no cause was given"


class Treatment(StrEnum):
    """What is done about an error.

    AGAIN: tried again at once, in the same execution; then as WAIT. WAIT: it passes; the batch stays open, waits longer
    each time, and no attempt counts. HOLD: nothing of the dataset can be loaded until it passes; as WAIT, for days.
    PERSON: the same, and a person has to change something first. BATCH: the batch is too large as it is, its halves may
    go. FILE: a file's own data is refused, halves are tried until it is alone. ISOLATE: it may be a file's, it may be
    everybody's: what loads meanwhile shows which.
    """

    AGAIN = "again"
    WAIT = "wait"
    HOLD = "hold"
    PERSON = "person"
    BATCH = "batch"
    FILE = "file"
    ISOLATE = "isolate"

    @property
    def passes(self) -> bool:
        """Whether it ends by itself, sooner or later: the batch stays as it is and no attempt counts."""
        return self in {Treatment.AGAIN, Treatment.WAIT, Treatment.HOLD, Treatment.PERSON}

    @property
    def final(self) -> bool:
        """Whether the same batch would fail in the same way again."""
        return self in {Treatment.BATCH, Treatment.FILE}

    @property
    def systemic(self) -> bool:
        """Whether it is known to hit every file of the dataset alike."""
        return self in {Treatment.HOLD, Treatment.PERSON}


@dataclass(frozen=True, slots=True)
class Failure:
    """An entry of the catalogue.

    `text` is what the service really says, `match` the expression that knows it again (searched for without regard to
    case), `quotes` whether the text may repeat values of rows, `source` the page that shows it. `service` is who says
    it, `means` and `remedy` are for people.
    """

    name: str
    service: str
    text: str
    match: str
    treatment: Treatment
    means: str
    remedy: str
    source: str
    quotes: bool = False

    @property
    def advice(self) -> str:
        """Cause and remedy in a sentence or two."""
        return f"{self.means} {self.remedy}"


UNKNOWN = Failure(
    name="unknown",
    service="",
    text="",
    match="",
    treatment=Treatment.ISOLATE,
    means="Headrace does not know this error.",
    remedy="`headrace trace FILE` shows where it came up.",
    source="",
    quotes=True,
)


@cache
def catalogue() -> tuple[Failure, ...]:
    """Every known error, in the order in which they are looked for."""
    text = (files("headrace.domain") / "failures.toml").read_text()
    listed = tomllib.loads(text)["failure"]
    return tuple(Failure(**entry | {"treatment": Treatment(entry["treatment"])}) for entry in listed)


@cache
def _expressions() -> tuple[tuple[re.Pattern[str], Failure], ...]:
    return tuple((re.compile(failure.match, re.IGNORECASE), failure) for failure in catalogue())


def classify(text: str) -> Failure:
    """The first entry that knows the text: an error's name and words, as `explain` puts them together."""
    return next((failure for expression, failure in _expressions() if expression.search(text)), UNKNOWN)


def named(name: str | None) -> Failure:
    """The entry of a name; the unknown error when there is none."""
    return next((failure for failure in catalogue() if failure.name == name), UNKNOWN)


def explain(error: str, cause: str) -> str:
    """One sentence out of Step Functions' error and cause, which may be a Lambda's JSON. May quote values of rows."""
    message = _lambda_message(cause) or cause or NO_CAUSE
    return f"{error}: {' '.join(message.split())}"[:LONGEST_REASON]


def for_people(failure: Failure, text: str) -> str:
    """An error's text as people are told it and the ledger keeps it: without the values that it may quote."""
    return QUOTED.sub("'…'", text) if failure.quotes else text


def _lambda_message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return ""
