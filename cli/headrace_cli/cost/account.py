"""What the datasets of a stack have cost: from the ledger, the executions' histories and the table of prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nlargest
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from headrace.domain.executions import execution_name
from headrace.domain.ingest.ledger import LANES, MERGE, RUN, BatchRecord, Event, FileRecord
from headrace_cli.cost.awake import Awake, Work, awake
from headrace_cli.cost.plan import LOAD_SECONDS, MONTH_DAYS, USUAL_LOOKS, request_lines
from headrace_cli.cost.prices import usd
from headrace_cli.cost.requests import DATASET, DAY, FILE, GROUP, HOUR, LOOK, MEGABYTE, UNIT, Usage, asked_for, usage_of
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import moment
from headrace_cli.stack.target import Target

MOST_BATCHES = 2_000
"""Batches whose records are read: more would take minutes."""
MOST_OLDER = 10_000
"""Files that came before and were loaded since whose records are read."""
MOST_GAPS = 20
"""Generations of a lane in a row without a batch, after which the earlier ones are taken to be forgotten."""
LEAST_RPU = 4.0
MOST_HISTORIES = 200
"""Executions whose histories are read, the newest; the others are taken to be like them."""
STACK = "(the stack)"
"""To whom belongs what is there without files."""
LOADS, ENDS, ITEM = "COPY and MERGE", ("Record the outcome", "Record the failure"), "Is the unit heavy?"
NIGHTLY_SECONDS = 60.0
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the history of an execution says: states entered, and from when until when it used the warehouse."""

    transitions: int
    begun: float | None
    ended: float | None
    items: bool


@dataclass(slots=True)
class Spent:
    """What one dataset asked for on one day."""

    dataset: str
    day: str
    files: int = 0
    megabytes: float = 0.0
    loads: int = 0
    attempts: int = 0
    units: int = 0
    transitions: float = 0.0
    dpu_seconds: float = 0.0
    awake_seconds: float = 0.0
    runs: set[str] = field(default_factory=set)
    hours: set[str] = field(default_factory=set)

    def usage(self) -> Usage:
        """By meter: as counted on the laptop, but for the transitions, which are the executions' own."""
        least = usage_of(**{GROUP: self.attempts, UNIT: self.units}).get("transition", 0.0)
        looks = max(0.0, self.transitions - least) / asked_for()[LOOK]["transition"]
        numbers = {FILE: self.files, UNIT: self.units, GROUP: self.attempts, LOOK: looks}
        usage = usage_of(**numbers, **{MEGABYTE: self.megabytes, HOUR: len(self.hours)})
        return usage | {"transition": self.transitions, "dpu_hour": self.dpu_seconds / 3600}


def account(target: Target, dataset: str | None, since: str, now: datetime) -> dict[str, Any]:
    """`{"since", "region", "rpu", "days": [{"day", "dataset", "files", "loads", "awake_seconds", "warehouse", "usd"}],
    "lines", "usd", "month", "woken", "remarks"}`, the newest day first; `woken` as `woken_since` has it. The month is
    thirty days like those since the stack was created, if that was later. Raises CommandError for more than
    `MOST_BATCHES`.

    All datasets are read even if one is asked for: they share wake-ups.
    """
    found = _Account(target)
    found.read(since)
    rpu, assumed = capacity(target)
    region, remarks = region_of(target), found.remarks + ([assumed] if assumed else [])
    chosen = [spent for spent in found.spent.values() if dataset in {None, spent.dataset}]
    days = [_day(spent, rpu, region) for spent in sorted(chosen, key=lambda spent: (spent.day, spent.dataset))]
    days.reverse()
    begun = max(filter(None, (moment(since), target.created)))
    covered = max((now - begun).total_seconds() / DAY_SECONDS, 1 / 24)
    standing = usage_of(**{DATASET: covered * len(target.contracts), DAY: covered}) if dataset is None else {}
    own = _own(covered, standing, rpu, region) if standing else None
    lines = _lines(chosen, standing, covered if own else 0.0, rpu, region)
    total = sum(line["usd"] for line in lines)
    return {
        "since": since,
        "region": region,
        "rpu": rpu,
        "days": days,
        "own": own,
        "lines": lines,
        "usd": total,
        "month": total / covered * MONTH_DAYS,
        "woken": found.woken(),
        "remarks": remarks,
    }


def woken_since(target: Target, since: str) -> dict[str, Any]:
    """`{"since", "wake_ups", "loads", "datasets_each", "awake_seconds", "remarks"}` of all datasets since a time.

    Raises CommandError for more than `MOST_BATCHES` loads.
    """
    found = _Account(target)
    found.read(since)
    return {"since": since} | found.woken() | {"remarks": found.remarks}


def spent_since(target: Target, since: str) -> list[Spent]:
    """What each dataset asked for on each day since a time. Raises CommandError for more than `MOST_BATCHES` loads."""
    found = _Account(target)
    found.read(since)
    return list(found.spent.values())


class _Account:
    """Reads what was done since a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.spent: dict[tuple[str, str], Spent] = {}
        self.remarks: list[str] = []
        self._seen = set[str]()
        self._awake = Awake({}, {})

    def woken(self) -> dict[str, Any]:
        """How often loads woke the warehouse, and how many datasets shared a wake-up on average."""
        names = [{who.partition(" ")[2] for who in shared} for shared in self._awake.shared_by]
        return {
            "wake_ups": self._awake.wake_ups,
            "loads": sum(self._awake.loads.values()),
            "datasets_each": round(sum(map(len, names)) / len(names), 1) if names else 0.0,
            "awake_seconds": round(self._awake.all_seconds, 1),
        }

    def read(self, since: str) -> None:
        batches = self._batches(since, self._files(since))
        self._older(batches)
        seen = self._histories(batches)
        works = [work for batch in batches for work in self._add(batch, seen)]
        self._awake = awake(works)
        for who, seconds in self._awake.seconds.items():
            day, _, name = who.partition(" ")
            self._of(name, day).awake_seconds = seconds

    def _files(self, since: str) -> Iterator[str]:
        """Count the files that came since then. Yields the batches that took them."""
        for dataset in self._target.contracts:
            for file in self._target.ledger.files.of_dataset(dataset, since):
                self._seen.add(file.file_id)
                self._file(file, file.arrived_at[:10])
                yield from filter(None, (file.batch, file.merge))

    def _batches(self, since: str, names: Iterable[str]) -> list[BatchRecord]:
        """All batches that began since then: also those of files that came before, or were tried in several."""
        found = dict[str, BatchRecord]()
        for batch in self._begun(since):
            found[batch.batch] = batch
            _check(len(found))
        more = set[str]()
        for name in names:
            more |= {name} - found.keys()
            _check(len(found) + len(more))
        return [*found.values(), *self._records(sorted(more))]

    def _begun(self, since: str) -> Iterator[BatchRecord]:
        """By the generations of each lane, back from the last one: each has one batch at most, named after it."""
        lanes = ((dataset, lane) for dataset in self._target.contracts for lane in LANES)
        for dataset, lane in lanes:
            gaps = 0
            for generation in range(self._target.ledger.lanes.state(dataset, lane).generation, 0, -1):
                batch = next(self._records([execution_name(dataset, lane, generation)]), None)
                gaps = 0 if batch else gaps + 1
                if gaps >= MOST_GAPS or (batch and batch.started_at < since):
                    break
                if batch:
                    yield batch

    def _older(self, batches: Iterable[BatchRecord]) -> None:
        """Count the files that came before and were loaded since: of a backfill, or tried again."""
        loads = (batch for batch in batches if batch.lane != MERGE)
        days = {name: batch.started_at[:10] for batch in loads for name in batch.file_ids if name not in self._seen}
        for name, file in self._target.ledger.files.known(islice(days, MOST_OLDER)).items():
            self._file(file, days[name])
        if len(days) > MOST_OLDER:
            self.remarks.append(f"Of {len(days):,} files that came before, {MOST_OLDER:,} are counted.")

    def _file(self, file: FileRecord, day: str) -> None:
        spent = self._of(file.dataset, day)
        spent.files += 1
        spent.megabytes += file.size / 1e6
        run = file.detected.get(RUN)
        if run and run["run"] not in spent.runs:
            spent.runs.add(run["run"])
            spent.dpu_seconds += run["dpu_seconds"]

    def _records(self, names: Iterable[str]) -> Iterator[BatchRecord]:
        for name in names:
            try:
                yield self._target.ledger.batches.get(name)
            except KeyError:
                continue

    def _histories(self, batches: list[BatchRecord]) -> dict[str, Seen]:
        newest = nlargest(MOST_HISTORIES, batches, key=lambda batch: batch.started_at)
        client, prefix = self._target.client("stepfunctions"), self._target.output("IngestStateMachineArn")
        prefix = prefix.replace(":stateMachine:", ":execution:")
        found = dict[str, Seen]()
        for batch in newest:
            try:
                found[batch.batch] = seen_in(client, f"{prefix}:{batch.execution or batch.batch}")
            except ClientError as error:
                self.remarks.append(f"An execution's history could not be read: {error.response['Error']['Code']}.")
                break
        if len(found) < len(batches):
            self.remarks.append(f"Transitions were counted of {len(found):,} of {len(batches):,} executions.")
        return found

    def _add(self, batch: BatchRecord, seen: dict[str, Seen]) -> Iterator[Work]:
        spent = self._of(batch.dataset, batch.started_at[:10])
        spent.loads += 1
        spent.hours.add(batch.started_at[:13])
        spent.attempts += batch.attempts
        spent.units += batch.units
        history = seen.get(batch.batch)
        spent.transitions += transitions_of(history, batch.units) * batch.attempts
        begun, ended = (history.begun, history.ended) if history else (None, None)
        if begun is None or ended is None:
            begun, ended = _by_events(self._target.ledger.events.of_batch(batch.batch))
        if begun is not None and ended is not None:
            yield Work(f"{spent.day} {spent.dataset}", begun, ended)

    def _of(self, dataset: str, day: str) -> Spent:
        return self.spent.setdefault((dataset, day), Spent(dataset, day))


def _check(batches: int) -> None:
    if batches > MOST_BATCHES:
        raise CommandError(f"more than {MOST_BATCHES:,} loads since then: give a later --since")


def seen_in(client: Any, execution: str) -> Seen:
    """The history of an execution, in short. Raises ClientError."""
    transitions, begun, ended, items = 0, None, None, False
    for page in client.get_paginator("get_execution_history").paginate(executionArn=execution):
        for event in page["events"]:
            entered, at = event.get("stateEnteredEventDetails"), event["timestamp"].timestamp()
            transitions += bool(entered)
            items |= bool(entered) and entered["name"] == ITEM
            if entered and entered["name"] == LOADS:
                begun = begun or at
            if event.get("stateExitedEventDetails", {}).get("name") in ENDS:
                ended = at
    return Seen(transitions, begun, ended, items)


def transitions_of(seen: Seen | None, units: int) -> float:
    """Of one execution. The laptop's history has only the Map itself, not the states of its items, which are billed."""
    if seen is None:
        return usage_of(**{GROUP: 1, UNIT: units, LOOK: USUAL_LOOKS})["transition"]
    return seen.transitions + (0 if seen.items else usage_of(**{UNIT: units}).get("transition", 0.0))


def _by_events(events: list[Event]) -> tuple[float | None, float | None]:
    """From when until when a batch used the warehouse, by its own story; None when it says nothing of an end."""
    at = {event.step: moment(event.at).timestamp() for event in events}
    ended = at.get("Loaded") or at.get("Staged")
    begun = at.get("Ready to load") or (ended and ended - LOAD_SECONDS)
    return begun, ended


def region_of(target: Target) -> str:
    """The region of the stack, which its state machine's ARN names."""
    return target.output("IngestStateMachineArn").split(":")[3]


def capacity(target: Target) -> tuple[float, str]:
    """The RPUs of the stack's workgroup; where they cannot be read, the least there are, and a sentence that says so.

    https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_GetWorkgroup.html
    """
    try:
        client = target.client("redshift-serverless")
        found = client.get_workgroup(workgroupName=target.output("Workgroup"))["workgroup"]
        return float(found["baseCapacity"]), ""
    except ClientError as error:
        why = error.response["Error"]["Code"]
    except (KeyError, CommandError) as error:
        why = str(error)
    return LEAST_RPU, f"{LEAST_RPU:g} RPU are assumed: the workgroup's could not be read (GetWorkgroup: {why})."


def _day(spent: Spent, rpu: float, region: str) -> dict[str, Any]:
    warehouse = usd({"rpu_hour": spent.awake_seconds * rpu / 3600}, region)
    asked = usd(spent.usage(), region)
    return {
        "day": spent.day,
        "dataset": spent.dataset,
        "files": spent.files,
        "loads": spent.loads,
        "awake_seconds": spent.awake_seconds,
        "warehouse": warehouse,
        "requests": asked,
        "usd": warehouse + asked,
    }


def _own(days: float, standing: Usage, rpu: float, region: str) -> dict[str, Any]:
    seconds = days * NIGHTLY_SECONDS
    warehouse, asked = usd({"rpu_hour": seconds * rpu / 3600}, region), usd(standing, region)
    return {
        "dataset": STACK,
        "awake_seconds": seconds,
        "warehouse": warehouse,
        "requests": asked,
        "usd": warehouse + asked,
    }


def _lines(spent: list[Spent], standing: Usage, own_days: float, rpu: float, region: str) -> list[dict[str, Any]]:
    """What was spent in all, part by part, each with how it is known."""
    usage = Counter[str](standing)
    for each in spent:
        usage.update(each.usage())
    hours = sum(each.awake_seconds for each in spent) / 3600
    nightly = own_days * NIGHTLY_SECONDS / 3600
    lines = [_line("warehouse awake for loads", hours, "hours", usd({"rpu_hour": hours * rpu}, region), "measured")]
    if own_days:
        cost = usd({"rpu_hour": nightly * rpu}, region)
        lines.append(_line("warehouse awake for the nightly comparison", nightly, "hours", cost, "estimated"))
    lines += [
        _line(line.what, line.quantity, line.unit, line.usd, line.how) for line in request_lines(dict(usage), region)
    ]
    if hours := usage["dpu_hour"]:
        lines.append(_line("Glue", hours, "DPU-hours", usd({"dpu_hour": hours}, region), "measured"))
    return lines


def _line(what: str, quantity: float, unit: str, cost: float, how: str) -> dict[str, Any]:
    return {"what": what, "quantity": quantity, "unit": unit, "usd": cost, "how": how}
