"""What people are notified of a dataset's arrivals, in words: what is wrong, and what has ended it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.domain import causes
from headrace.domain.contract import Contract
from headrace.domain.expected.calendar import Expectation
from headrace.domain.expected.quiet import Rhythm
from headrace.domain.expected.verdict import FEW, MANY, MISSING, SMALL, State
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.outcome import total
from headrace.domain.notice import Notice, of_dataset

CAUSE_OF = {MISSING: causes.FILES_MISSING, SMALL: causes.FILES_TOO_SMALL, MANY: causes.FILES_TOO_MANY}
LISTED = 5
BETWEEN = " "
"""Stands between the cause and the expectation in a trouble's name: causes have none in theirs."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a dataset's arrivals, in words. `thing` is what of the dataset, if not all."""

    cause: causes.Cause
    title: str
    lines: tuple[str, ...]
    thing: str = ""

    @property
    def name(self) -> str:
        """What it is remembered by."""
        return f"{self.cause.name}{BETWEEN}{self.thing}" if self.thing else self.cause.name

    def notice(self, contract: Contract) -> Notice:
        """As it is reported when it begins."""
        return of_dataset(contract, self.cause, self.thing).notice(f"{contract.dataset}: {self.title}", self.lines)


def end_of(name: str, contract: Contract, since: str, lines: Iterable[str]) -> Notice:
    """The end of a trouble of this name, known since a time."""
    return _end(
        name, contract, causes.CAUSES[name.partition(BETWEEN)[0]].ends, (*lines, f"It was reported at {since}.")
    )


def dropped(name: str, contract: Contract, since: str) -> Notice:
    """The end of a trouble of this name that nobody looks for any more."""
    line = f"It was reported at {since}, and is not known to be over: the contract does not ask for it any more."
    return _end(name, contract, "no longer watched, the contract has changed", (line,))


def _end(name: str, contract: Contract, what: str, lines: Iterable[str]) -> Notice:
    cause, _, thing = name.partition(BETWEEN)
    of_thing = f" ({thing})" if thing else ""
    matter = of_dataset(contract, causes.CAUSES[cause], thing)
    return matter.end(f"{contract.dataset}: {what}{of_thing}", lines)


def expected_trouble(
    contract: Contract, expectation: Expectation, state: State, unread: tuple[int, datetime] | None = None
) -> Trouble | None:
    """What is wrong with the files of the time that was judged last.

    `unread`: so many of the dataset's files were read for it, and none of those that came after then.
    """
    if not state.problem:
        return None
    by = f"by {expectation.here(state.due)}"
    title = {
        MISSING: f"no file has come {by}",
        FEW: f"{_count(state.came - len(state.small), 'good file')} {by}, {expectation.number} expected",
        MANY: f"{_count(state.came, 'file')} {by}, {expectation.number} expected",
        SMALL: f"a file is too small {by}",
    }[state.problem]
    small = [f"{key} has less than {expectation.least_bytes:,} bytes." for key in state.small[:LISTED]]
    wanted = f"The contract expects {expectation.number} ({expectation.name})"
    pattern = f" whose name fits {expectation.pattern}" if expectation.pattern else ""
    then = {
        MISSING: "You are notified when they have come.",
        FEW: "You are notified when they have come.",
    }.get(state.problem, "You are notified when the next ones are as expected.")
    cut = [
        f"Only the first {number:,} files of the dataset were read, up to {upto:%Y-%m-%d %H:%MZ}: later ones are not "
        "counted. Let these files have a dataset that has fewer."
        for number, upto in ([unread] if unread else [])
    ]
    lines = (
        *small,
        *cut,
        f"{wanted}{pattern}. {then}",
        f"`headrace files {contract.dataset} --since {f'{state.start:%Y-%m-%dT%H:%MZ}'}` lists what has come.",
    )
    return Trouble(CAUSE_OF[state.incident], title, lines, expectation.name)


def end_of_expected(expectation: Expectation, state: State) -> list[str]:
    """How a trouble with expected files has ended."""
    if state.complete_at:
        late = _duration(state.complete_at - state.due)
        return [f"The files due {expectation.here(state.due)} are complete, {late} late."]
    return [f"Those due {expectation.here(state.due)} have come in time."]


def quiet_trouble(contract: Contract, rhythm: Rhythm, usual_hours: float) -> Trouble:
    """A dataset that is quiet for longer than usual."""
    last = f"{rhythm.last:%Y-%m-%d %H:%MZ}" if rhythm.last else "never"
    lines = (
        f"The last file came at {last}; at this time of the week it is quiet for {usual_hours:.0f} h at most.",
        f"`headrace files {contract.dataset}` lists what has come. You are notified when a file comes.",
    )
    return Trouble(causes.DATASET_QUIET, "nothing has come for longer than usual", lines)


def share_trouble(contract: Contract, files: list[FileRecord], limit: float) -> Trouble:
    """Too many rows of the newest files are in quarantine."""
    rows = total(files)
    worst = sorted(files, key=lambda file: file.rows.quarantined, reverse=True)[:LISTED]
    share = rows.quarantined / rows.read
    newest = f"{_count(rows.read, 'row')} of the newest {_count(len(files), 'file')}"
    lines = (
        f"{rows.quarantined:,} of {newest}: the contract's limit is {100 * limit:.3g} %.",
        *(f"{file.key}: {file.rows.quarantined:,} of {file.rows.read:,}" for file in worst if file.rows.quarantined),
        f"`headrace quarantine {contract.dataset}` shows the rows and why.",
    )
    return Trouble(causes.QUARANTINE_SHARE, f"{share:.2%} of the rows are quarantined", lines)


def held_trouble(contract: Contract, batches: list[str]) -> Trouble:
    """Batches that have waited for a decision for too long."""
    hours = _duration(timedelta(seconds=contract.held_seconds))
    lines = (
        f"{', '.join(batches[:LISTED])} {'has' if len(batches) == 1 else 'have'} been held for more than {hours}.",
        "`headrace held` says why; `headrace release BATCH` loads one, `headrace reject BATCH` gives it up.",
    )
    return Trouble(causes.HELD_TOO_LONG, f"{_count(len(batches), 'batch')} held for more than {hours}", lines)


def next_expected(expectation: Expectation, now: datetime) -> str:
    """The next files that are expected, in a few words."""
    due = expectation.next_due(now)
    return f"{expectation.number} by {expectation.here(due)}" if due else "none within a year"


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("ch") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _duration(time: timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))
