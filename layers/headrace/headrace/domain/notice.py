"""Notices for people: one message per cause, in words, before it is formatted for Slack or anything else."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from headrace.domain import causes
from headrace.domain.bounds import LONGEST_TITLE, cut, cut_lines
from headrace.domain.causes import CAUSES, Severity
from headrace.domain.contract import UNKNOWN_COLUMN, Contract
from headrace.domain.foreign import NOT_AS_EXPECTED
from headrace.domain.ingest.arrival import Cause
from headrace.domain.ingest.failure import classify
from headrace.domain.ingest.lane import Pause
from headrace.domain.ingest.ledger import LIVE, BatchRecord, FileRecord, FileStatus
from headrace.domain.ingest.outcome import FileResult, Verdict, total
from headrace.domain.ingest.storm import Counted, Group
from headrace.domain.statistics.checks import Metric

if TYPE_CHECKING:
    from headrace.domain.statistics.judgement import Finding  # brings `statistics`, which only judging needs

LISTED = 5
LONGEST_KEY = 255
"""Characters of an incident's key that PagerDuty takes: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"""
HASHED = 32
OF_CHECK = "FROM etl.quality_figures WHERE dataset = '{}' AND column_name = '{}' AND metric = '{}'"
VALUES = {
    True: f"SELECT category, MIN(day), MAX(day) {OF_CHECK} GROUP BY category ORDER BY MIN(day) DESC, MAX(day)",
    False: f"SELECT point, figure, row_count {OF_CHECK} ORDER BY measured_at DESC LIMIT 10",
}
"""What shows the values of a check of categories, and the figures of one that is not."""
OK = "ok"
LEVELS = (OK, *Severity)
WHY: dict[str, str] = {
    Cause.FOLDER: "They are folder markers: they have no rows, nothing is to be done.",
    Cause.STRAY: "No contract has a prefix of their keys.",
    Cause.EMPTY: "The files are empty (0 bytes).",
    Cause.OTHER: "Their names fit none of the patterns in `files` of the contract.",
    Cause.TOO_LARGE: "The files are too large for one function's time.",
}
"""What the objects of a group have in common."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident to be opened, or to be resolved.

    `key` stays the same from `trigger` to `resolve`, the two values of `action`; `source` is what has the trouble.
    """

    key: str
    action: str
    source: str


INCIDENT = ("key", "action", "source")


@dataclass(frozen=True, slots=True)
class Notice:
    """A message. `level` is ok or a severity; `channel` the contract's Slack channel, if it names one.

    `cause` names one of `causes`, and `key` is the trouble's stable key: with it, ok says that the trouble is over.
    Title and lines are cut to what SNS and the workflow take.
    """

    level: str
    title: str
    lines: tuple[str, ...] = ()
    dataset: str = ""
    batch: str = ""
    channel: str | None = None
    incident: Incident | None = None
    cause: str = causes.MESSAGE.name
    key: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", cut(self.title, LONGEST_TITLE))
        object.__setattr__(self, "lines", cut_lines(self.lines))

    @property
    def over(self) -> bool:
        """Whether it says that the trouble with its key has ended."""
        resolved = self.incident is not None and self.incident.action == "resolve"
        return resolved or (self.level == OK and bool(CAUSES[self.cause].ends))

    @property
    def severity(self) -> Severity:
        """How much it matters; good news are information."""
        return Severity.INFO if self.level == OK else Severity(self.level)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Notice:
        """The inverse of `to_json`. From a foreign message it takes the fields of a notice, as a warning."""
        lines, channel, cause = value.get("lines"), value.get("channel"), value.get("cause")
        return cls(
            value["level"] if value.get("level") in LEVELS else "warning",
            str(value.get("title", "")),
            tuple(map(str, lines if isinstance(lines, list | tuple) else [] if lines is None else [lines])),
            str(value.get("dataset") or ""),
            str(value.get("batch") or ""),
            str(channel) if channel else None,
            _incident(value.get("incident")),
            cause if isinstance(cause, str) and cause in CAUSES else causes.MESSAGE.name,
            shortened(str(value.get("key") or "")),
        )


@dataclass(frozen=True, slots=True)
class Matter:
    """What notices are about: a cause, where it is, and which thing there its key names; `channel` as in a notice."""

    cause: causes.Cause
    dataset: str = ""
    thing: str = ""
    channel: str | None = None

    @property
    def key(self) -> str:
        """Its stable key: the same from its first notice to its last."""
        return shortened("/".join(["headrace", self.cause.name, *filter(None, (self.dataset, self.thing))]))

    def notice(self, title: str, lines: Iterable[str] = (), batch: str = "") -> Notice:
        """As severe as the table says; if the cause calls, with the incident that it opens."""
        level = OK if self.cause.severity is Severity.INFO else str(self.cause.severity)
        return self._notice(level, title, tuple(lines), batch, "trigger")

    def end(self, title: str, lines: Iterable[str] = (), batch: str = "") -> Notice:
        """It is over: the incident, if the cause calls, is resolved."""
        return self._notice(OK, title, tuple(lines), batch, "resolve")

    def _notice(self, level: str, title: str, lines: tuple[str, ...], batch: str, action: str) -> Notice:
        incident = Incident(self.key, action, self.dataset or "headrace") if self.cause.calls else None
        return Notice(level, title, lines, self.dataset, batch, self.channel, incident, self.cause.name, self.key)


def shortened(key: str) -> str:
    """A key as PagerDuty takes it: a longer one ends in a hash."""
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - HASHED - 1]}-{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:HASHED]}"


def _incident(value: Any) -> Incident | None:
    """The incident of a message, None unless it is whole."""
    given: dict[str, Any] = value if isinstance(value, dict) else {}
    texts = {name: given[name] for name in INCIDENT if isinstance(given.get(name), str)}
    return Incident(**texts) if len(texts) == len(INCIDENT) else None


def message_notice(text: str) -> Notice:
    """A message of the topic as a notice: one of ours, a CloudWatch alarm, or anything else that was published."""
    try:
        value = json.loads(text)
    except NOT_AS_EXPECTED:
        value = None
    if not isinstance(value, dict):
        return Notice("warning", text)
    if "AlarmName" in value:
        name, state = str(value["AlarmName"]), value.get("NewStateValue")
        lines = (str(value.get("AlarmDescription") or ""),)
        alarm = Matter(causes.ALARM, thing=name)
        return (alarm.end if state == "OK" else alarm.notice)(f"{name} is {state}", lines)
    if "title" in value and "lines" in value:
        return Notice.from_json(value)
    return Notice("warning", text)


def batch_notice(
    batch: BatchRecord,
    files: list[FileRecord],
    results: Iterable[FileResult],
    channel: str | None,
    corrected: Iterable[tuple[FileRecord, FileRecord]] = (),
    bereft: Iterable[FileRecord] = (),
) -> Notice:
    """The outcome of a batch: what was loaded, and every file and rule that needs attention.

    `corrected` are files with the earlier version that each replaced, `bereft` duplicates of what was replaced.
    """
    results = list(results)
    rows = total(files)
    ended = [file for file in files if file.status is FileStatus.LOADED]
    loaded = [file for file in ended if not file.is_deletion]
    deleted = [file for file in ended if file.is_deletion]
    removed = {file.file_id for file in deleted}
    failed = [file for file in files if file.status is FileStatus.FAILED]
    held = [file for file in files if file.status is FileStatus.HELD]
    unbalanced = [file for file in loaded if not file.rows.balanced]
    unchanged = [file for file in loaded if file.reason and file.rows.balanced]
    lines = [
        *_quarantined(rows.quarantined, [result for result in results if result.verdict is Verdict.GOOD]),
        *_drifting(results),
        *([f"{_count(rows.superseded, 'row')} superseded by newer ones"] if rows.superseded else []),
        *_listed("duplicate", [file for file in files if file.status is FileStatus.DUPLICATE]),
        *(shrunk := _shrunk([pair for pair in corrected if pair[0].file_id not in removed])),
        *_deleted([file.key for file in deleted]),
        *_bereft([file.key for file in bereft]),
        *_listed("failed", failed),
        *_listed("held", held),
        *_listed("not loaded again", unchanged),
        *_listed("out of balance", unbalanced),
    ]
    attention = rows.quarantined or _drifting(results) or bereft or shrunk
    cause = causes.ROWS_QUARANTINED if attention else causes.LOADED
    if failed or held or unbalanced or unchanged:
        cause = causes.FILE_NOT_LOADED
    staged = [file for file in files if file.status is FileStatus.STAGED]
    what = f"{_count(rows.loaded, 'row')} loaded from {_count(len(loaded), 'file')}" if loaded else "nothing was loaded"
    if staged:
        what = f"{_count(rows.staged, 'row')} staged from {_count(len(staged), 'file')}, until the next merge"
    matter = Matter(cause, batch.dataset, channel=channel)
    return matter.notice(f"{batch.dataset}: {what}", lines, batch.batch)


def arrival_notice(file: FileRecord, group: Group) -> Notice:
    """An object that will not be loaded, the first of its group: reported when it comes."""
    lines = (
        str(file.reason),
        f"Others like it are reported together after {group.end}; `{_list_command(group)}` lists them now.",
    )
    return _refusal(group, f"{_owner(group)}: {file.key} is not loaded", lines)


def group_notice(group: Group, counted: Counted) -> Notice:
    """The other objects of a group, when its hour has ended."""
    number = f"{'more than ' if counted.more else ''}{_count(counted.number, 'more object')}"
    where = f" in {group.folder}" if group.folder not in {"", "*", "/"} else ""
    lines = (
        WHY[group.cause],
        *(f"for example {key}" for key in counted.examples),
        f"`{_list_command(group)}` lists them.",
    )
    title = f"{_owner(group)}: {number}{where} not loaded since {group.start}"
    return _refusal(group, title, lines)


def _list_command(group: Group) -> str:
    return f"headrace status{f' {group.dataset}' if group.dataset else ''} --failed --since {group.since}"


def _owner(group: Group) -> str:
    return group.dataset or "Unroutable"


def _refusal(group: Group, title: str, lines: Iterable[str]) -> Notice:
    cause = causes.FILE_UNROUTABLE if group.strays else causes.FILE_NOT_LOADED
    return Matter(cause, group.dataset, group.folder, group.channel).notice(title, lines)


class Next(StrEnum):
    """What happens after a batch has failed, in words."""

    AGAIN = "It is retried automatically."
    SPLIT = "The batch is being split to isolate the failing file: the others are loaded without it."
    KEPT = "Nothing else of its lane loads either, so its files may not be the cause: they are kept and retried."
    HELD = "It is held: `headrace release {batch}` lets its files load again, `headrace reject {batch}` fails them."
    GIVEN_UP = "It is given up: its file has failed, and nothing of it was loaded."
    STUCK = "It could not be ended. It is retried automatically; `headrace unblock {batch}` ends it now."

    @property
    def cause(self) -> causes.Cause:
        """What people are notified of."""
        return {
            Next.AGAIN: causes.LOAD_RETRIED,
            Next.SPLIT: causes.LOAD_RETRIED,
            Next.HELD: causes.BATCH_HELD,
            Next.GIVEN_UP: causes.LOAD_FAILED,
        }.get(self, causes.LANE_IN_TROUBLE)


def failure_notice(batch: BatchRecord, reason: str, channel: str | None, then: Next) -> Notice:
    """A batch that did not load: why, what that means, what to do about it, and what happens next."""
    lines = (reason, classify(reason).advice, then.format(batch=batch.batch))
    thing = batch.batch if then is Next.HELD else batch.lane
    title = f"{batch.dataset}: batch {batch.batch} did not load"
    return Matter(then.cause, batch.dataset, thing, channel).notice(title, lines, batch.batch)


def end_of_trouble_notice(contract: Contract, lane: str, since: str, waiting: int) -> Notice:
    """A lane loads again, of which people know that it has been failing since a time."""
    title = f"{contract.dataset}: files load again{'' if lane == LIVE else f' in the lane {lane}'}"
    lines = (
        f"It had been failing since {since}.",
        f"{_count(waiting, 'file')} that waited will be loaded now." if waiting else "No files are waiting.",
    )
    return Matter(causes.LANE_IN_TROUBLE, contract.dataset, lane, contract.channel).end(title, lines)


def brief_record_notice(batch: BatchRecord, reason: str, channel: str | None) -> Notice:
    """A batch of which the ledger knows only that it is loaded."""
    lines = (reason, f"Its rows are in the table. `headrace unblock {batch.batch}` records the rest.")
    title = f"{batch.dataset}: batch {batch.batch} is loaded, its outcome could not be recorded in full"
    return Matter(causes.OUTCOME_UNRECORDED, batch.dataset, batch.batch, channel).notice(title, lines, batch.batch)


def hold_notice(batch: BatchRecord, findings: Iterable[Finding], channel: str | None, *, wait: bool) -> Notice:
    """A batch that waits for a person, with the figures and what to type."""
    findings = list(findings)
    lines = (
        *(finding.sentence for finding in findings),
        *_where_values_are(batch.dataset, findings),
        f"`headrace release {batch.batch}` loads it, `headrace reject {batch.batch}` gives it up.",
        "Later batches wait for the decision." if wait else "Later batches go on.",
    )
    title = f"{batch.dataset}: batch {batch.batch} is held, nothing of it is loaded"
    return Matter(causes.BATCH_HELD, batch.dataset, batch.batch, channel).notice(title, lines, batch.batch)


def decided_notice(batch: BatchRecord, decision: str, who: str, channel: str | None) -> Notice:
    """A person has released or rejected a held batch."""
    title = f"{batch.dataset}: batch {batch.batch} is {decision}"
    return Matter(causes.BATCH_HELD, batch.dataset, batch.batch, channel).end(title, (f"by {who}",), batch.batch)


def loads_again_notice(contract: Contract, lane: str, since: str) -> Notice:
    """A lane has loaded a batch since one was given up: its files are the only ones that failed."""
    title = f"{contract.dataset}: files load again after a batch that was given up"
    lines = (
        f"It was given up at {since}; later files are loaded.",
        f"`headrace status {contract.dataset} --failed` lists what has failed, `headrace retry` tries it again.",
    )
    return Matter(causes.LOAD_FAILED, contract.dataset, lane, contract.channel).end(title, lines)


def surprise_notice(dataset: str, what: str, findings: Iterable[Finding], channel: str | None) -> Notice:
    """Figures that are not what they usually are, of something that is loaded all the same."""
    findings = list(findings)
    lines = (*(finding.sentence for finding in findings), *_where_values_are(dataset, findings))
    matter = Matter(causes.FIGURES_UNUSUAL, dataset, channel=channel)
    return matter.notice(f"{dataset}: the figures of {what} are unusual", lines)


def resumed_notice(contract: Contract, pause: Pause) -> Notice:
    """A pause has ended by itself: people may have forgotten it."""
    why = f" ({pause.reason})" if pause.reason else ""
    lines = (f"{pause.by} had paused it at {pause.since} until {pause.until}{why}. Files that waited are loaded now.",)
    return of_dataset(contract, causes.PAUSE_ENDED).notice(f"{contract.dataset}: the pause has ended", lines)


def lateness_notice(contract: Contract, file: FileRecord) -> Notice:
    """A broken promise of latency, with a file that shows it."""
    lines = (
        f"{file.key} arrived at {file.arrived_at} and is {file.status}; the promise is {contract.freshness_seconds} s.",
        f"`headrace trace {file.key}` shows where it stands. You are notified when nothing is late any more.",
    )
    return of_dataset(contract, causes.PROMISE_BROKEN).notice(f"{contract.dataset}: data is late", lines)


def waiting_notice(contract: Contract, files: list[FileRecord], *, more: bool) -> Notice:
    """Files that no marker or manifest has taken in, in the time that the contract gives them."""
    what, pattern = ("manifest", contract.manifest) if contract.manifest else ("marker", contract.marker)
    number = f"{'more than ' if more else ''}{_count(len(files), 'file')}"
    lines = (
        *(f"{file.key} arrived at {file.arrived_at}" for file in files[:LISTED]),
        f"They are loaded when a {what} ({pattern}) takes them in, however late. You are notified of each file once.",
        f"`headrace files {contract.dataset} --waiting` lists them.",
    )
    hours = f"{contract.patience_seconds / 3600:.3g} h"
    title = f"{contract.dataset}: {number} without a {what} after {hours}"
    return of_dataset(contract, causes.MARKER_MISSING).notice(title, lines)


def recovery_notice(contract: Contract, since: str) -> Notice:
    """The promise is met again: what came has been loaded, or given up, of which people were notified."""
    lines = (f"Nothing has been late since {since}.",)
    return of_dataset(contract, causes.PROMISE_BROKEN).end(f"{contract.dataset}: nothing is late any more", lines)


def stale_notice(contract: Contract, view: str, reason: str) -> Notice:
    """A materialized view that does not show what is loaded."""
    lines = (reason, "The rows are loaded; each load tries again. You are notified when the view is refreshed again.")
    title = f"{contract.dataset}: the materialized view {view} is stale"
    return of_dataset(contract, causes.VIEW_STALE, view).notice(title, lines)


def fresh_notice(contract: Contract, view: str, since: str) -> Notice:
    """A view shows again what is loaded."""
    lines = (f"It had not been since {since}.",)
    title = f"{contract.dataset}: {view} is refreshed again"
    return of_dataset(contract, causes.VIEW_STALE, view).end(title, lines)


def of_dataset(contract: Contract, cause: causes.Cause, thing: str = "") -> Matter:
    return Matter(cause, contract.dataset, thing, contract.channel)


def _where_values_are(dataset: str, findings: Iterable[Finding]) -> list[str]:
    """What to type to see values that a message must not show."""
    checks = [finding.check for finding in findings if finding.hides_values]
    return [
        f'`headrace sql "{VALUES[check.metric is Metric.CATEGORIES].format(dataset, check.column, check.metric)}"`'
        " shows the values."
        for check in checks
    ]


def _quarantined(count: int, results: Iterable[FileResult]) -> list[str]:
    if not count:
        return []
    rules: Counter[str] = Counter()
    for result in results:
        rules.update(result.broken)
    why = ", ".join(f"{rule} x{n:,}" for rule, n in rules.most_common(LISTED))
    return [f"{_count(count, 'row')} quarantined ({why})"]


def _drifting(results: Iterable[FileResult]) -> list[str]:
    """One line for the fields of all files that the contract does not know."""
    drifts = [result.detected["drift"] for result in results if "drift" in result.detected]
    columns = {column["name"]: column["type"] for drift in drifts for column in drift["columns"]}
    more = max(0, len(columns) - LISTED) + sum(drift.get("others", 0) for drift in drifts)
    if not columns and not more:
        return []
    named = ", ".join(f"{name} ({type_})" for name, type_ in list(columns.items())[:LISTED])
    rest = f" and {more} more" if named and more else f"{_count(more, 'field')}" if more else ""
    kept = f"kept in {UNKNOWN_COLUMN}; `headrace trace FILE` shows the change of the contract that takes them in"
    return [f"drift in {_count(len(drifts), 'file')}: the contract does not know {named}{rest}: {kept}"]


def _shrunk(corrected: Iterable[tuple[FileRecord, FileRecord]]) -> list[str]:
    """Fewer rows than before may be right; people should not have to discover it from the table."""
    fewer = [
        (now.key, now.good_rows, before.good_rows) for now, before in corrected if now.good_rows < before.good_rows
    ]
    lines = [
        f"{key} has {_count(now, 'row')} now, its previous version had {then:,}" for key, now, then in fewer[:LISTED]
    ]
    return lines + ([f"and {len(fewer) - LISTED} more such files"] if len(fewer) > LISTED else [])


def _bereft(keys: list[str]) -> list[str]:
    said = "is a duplicate of a file that was just replaced: if its own rows are right, `headrace reload {} --force`"
    rest = f"and {len(keys) - LISTED} more such copies"
    return [f"{key} {said.format(key)}" for key in keys[:LISTED]] + ([rest] if len(keys) > LISTED else [])


def _deleted(keys: list[str]) -> list[str]:
    lines = [f"{key} was deleted from landing: its rows are removed" for key in keys[:LISTED]]
    return lines + ([f"and {len(keys) - LISTED} more such files"] if len(keys) > LISTED else [])


def _listed(what: str, files: list[FileRecord]) -> list[str]:
    lines = [f"{what}: {file.key}: {file.reason}" for file in files[:LISTED]]
    rest = len(files) - LISTED
    return lines + ([f"and {rest} more {what}"] if rest > 0 else [])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
