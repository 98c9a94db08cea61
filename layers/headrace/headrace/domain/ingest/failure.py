"""What an error means and what is done about it: the one judgement, made from the catalogue `failures.toml`.

Permanent errors are named there. An unknown error is isolated: tried again, then set apart, and in the end left to a
person.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import Any

from headrace.domain.masking import masked, without_quotes, words_of

LONGEST_REASON = 1000
OF_WAREHOUSE = frozenset({"LoadRefused", "LoadAborted", "WarehouseError"})
"""Errors whose words are Redshift's own."""
NO_CAUSE = "no cause was given"
ENDS = (".", ")", "!", "?", "…")


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


class Place(StrEnum):
    """Where an error arises.

    LOAD: a statement that the warehouse took fails. SUBMIT, LOOK: the Data API refuses a load, or a look at it. TASK:
    Step Functions fails a function's task. CALL: a call that a function makes of AWS. EVENT: the task that publishes
    an event. REFRESH: a view's refresh. UNLOAD: an export's UNLOAD.
    """

    LOAD = "load"
    SUBMIT = "submit"
    LOOK = "look"
    TASK = "task"
    CALL = "call"
    EVENT = "event"
    REFRESH = "refresh"
    UNLOAD = "unload"


class Known(StrEnum):
    """How an entry's text is known.

    QUOTED: its words stand at the source, with other names and numbers. MODEL: its code stands in the API model of the
    service. DOCUMENTED: the source describes the condition, the words are rendered. OWN: Headrace says it.
    """

    QUOTED = "quoted"
    MODEL = "model"
    DOCUMENTED = "documented"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Failure:
    """An entry of the catalogue.

    `text` is the error as it arrives, `match` the expression that knows it again (searched for without regard to case),
    `quotes` whether the text may repeat values of rows, `source` the page that shows it. `service` is who says it,
    `symptom` the group that people look it up in; `means` and `remedy` are for people.
    """

    name: str
    service: str
    symptom: str
    place: Place
    text: str
    match: str
    treatment: Treatment
    means: str
    remedy: str
    source: str
    known: Known
    quotes: bool = False

    @property
    def advice(self) -> str:
        """Cause and remedy in a sentence or two."""
        return f"{self.means} {self.remedy}"


CROWDED = "lambda-crowded"
"""The name of the entry for a unit whose files were too much together."""
TIMED_OUT = frozenset({"lambda-timed-out", "step-functions-timeout"})
"""The names of the entries for a function that was stopped at its time-out, whatever it did."""
DENIED = frozenset({"s3-access-denied", "kms-denied", "aws-access-denied"})
"""The names of the entries for what Headrace itself may not do: a person has to allow it, nothing is lost."""
UNKNOWN = Failure(
    name="unknown",
    service="",
    symptom="",
    place=Place.LOAD,
    text="",
    match="",
    treatment=Treatment.ISOLATE,
    means="Headrace does not know this error.",
    remedy="`headrace trace FILE` shows where it came up.",
    source="",
    known=Known.OWN,
    quotes=True,
)


@cache
def catalogue() -> tuple[Failure, ...]:
    """Every known error, in the order in which they are looked for."""
    text = (files("headrace.domain.ingest") / "failures.toml").read_text()
    listed = tomllib.loads(text)["failure"]
    return tuple(_failure(entry) for entry in listed)


def _failure(entry: dict[str, Any]) -> Failure:
    kinds = {"treatment": Treatment, "place": Place, "known": Known}
    return Failure(**entry | {name: kind(entry[name]) for name, kind in kinds.items()})


def classify(text: str) -> Failure:
    """The entry that knows the text: an error's name and words, as `explain` puts them together.

    No value that the text repeats chooses it: quoted words are not looked at, and neither is what follows the words by
    which Redshift announces that a value of a row is wrong.
    """
    words = without_quotes(" ".join(text.split()))
    refusals = [
        (found.start(), failure) for match, failure in _expressions(quotes=True) if (found := match.search(words))
    ]
    told, refusal = min(refusals, key=itemgetter(0), default=(len(words), UNKNOWN))
    others = (failure for match, failure in _expressions(quotes=False) if match.search(words, 0, told))
    return next(others, refusal)


@cache
def _expressions(*, quotes: bool) -> tuple[tuple[re.Pattern[str], Failure], ...]:
    chosen = (failure for failure in catalogue() if failure.quotes is quotes)
    return tuple((re.compile(failure.match, re.IGNORECASE), failure) for failure in chosen)


def is_transient(error: BaseException) -> bool:
    """Whether the catalogue has the error as transient: an outage elsewhere, not a fault of the data or of Headrace."""
    treatment = classify(f"{type(error).__name__}: {error}").treatment
    return treatment.passes and not treatment.systemic


def named(name: str | None) -> Failure:
    """The entry of a name; the unknown error when there is none."""
    return next((failure for failure in catalogue() if failure.name == name), UNKNOWN)


def explain(error: str, cause: str) -> str:
    """One sentence out of Step Functions' error and cause, which may be JSON: a Lambda's error, or a run of Glue.

    May quote values of rows.
    """
    if run := _glue_run(cause):
        return run[:LONGEST_REASON]
    message = _lambda_message(cause) or cause or NO_CAUSE
    return f"{error}: {' '.join(message.split())}"[:LONGEST_REASON]


def for_people(failure: Failure, text: str, names: Iterable[str] = ()) -> str:
    """An error's text for notices and the ledger: without the values that it may quote.

    `names` are those of columns and tables, which may stay. The text is known again as the same failure.
    """
    head = text.partition(":")[0]
    if not failure.quotes:
        return text
    if failure is UNKNOWN and head not in OF_WAREHOUSE:
        return without_quotes(text)
    told = masked(text, _words() | {name.lower() for name in names})
    return told if classify(told) is failure else f"{head}: {without_quotes(failure.text)}"


def as_told(error: str, cause: str) -> str:
    """Error and cause as they may be shown."""
    text = explain(error, cause)
    return for_people(classify(text), text)


def advised(text: str) -> str:
    """An error's text for people, with its cause and remedy."""
    failure = classify(text)
    told = for_people(failure, text)
    return f"{told}{'' if told.endswith(ENDS) else '.'} {failure.advice}"


BEFORE_ERROR = re.compile(r"(Error Category: \w+; |Failed Line Number: \d+; |SystemExit: )+")
"""What Glue puts before a script's error (https://github.com/awslabs/amazon-dynamodb-tools/issues/332), and Python
before what `sys.exit` is given (https://github.com/awslabs/amazon-dynamodb-tools/issues/325)."""
SCRIPT_ERROR = re.compile(r"[A-Z]\w*Error: ")


@cache
def _words() -> frozenset[str]:
    """Every word that errors are made of."""
    texts = (words_of(failure.text, quotes=failure.quotes) for failure in catalogue())
    matches = (words_of(re.sub(r"\\[a-z]", " ", failure.match), quotes=failure.quotes) for failure in catalogue())
    return frozenset().union(*texts, *matches)


def _glue_run(cause: str) -> str:
    """What a Glue run says that did not succeed: the error of the job's script, if it ended so, then which run it was.

    `.sync` gives the run as the cause (https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html).
    """
    try:
        run = json.loads(cause)
        state, which = str(run["JobRunState"]), f"run {run['Id']} of the Glue job {run['JobName']}"
    except (ValueError, KeyError, TypeError):
        return ""
    words = " ".join(str(run.get("ErrorMessage") or NO_CAUSE).split())
    said = BEFORE_ERROR.sub("", words, count=1) if BEFORE_ERROR.match(words) else words
    return f"{said} ({which})" if SCRIPT_ERROR.match(said) else f"GlueRun{state.title()}: {said} ({which})"


def _lambda_message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return ""
