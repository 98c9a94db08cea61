"""An export's services in memory: a small warehouse, a queue that brings messages again, and a hand that kills."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.domain.contract import Kind
from headrace.domain.contracts import Exports
from headrace.domain.export import Dialect, Export, ExportColumn, part_of
from headrace.domain.notice import Notice
from headrace.domain.statement import StatementState
from headrace.errors import OvertakenError
from headrace.exports.model.calendar import Calendar
from headrace.exports.model.run import RUNNER_TRIES, Answer, CategoryState, FileResult, Request, Run, RunStatus, Tally
from headrace.exports.model.sql import ACCOUNT_LABEL, Unload

Rows = dict[tuple[str, str], list[str]]


def declared(**changes: Any) -> Export:
    """An export of notes, one column."""
    given: dict[str, Any] = {
        "name": "notes", "version": "1.0.0", "digest": "0" * 64, "schema": "public", "table": "notes",
        "columns": (ExportColumn("note", "note", Kind.STRING),), "category": "category", "account": "account",
        "category_kind": Kind.STRING, "account_kind": Kind.STRING,
        "pattern": "notes/{date}/{category}/{account}.csv", "dialect": Dialect(encoding="cp1252"),
    }  # fmt: skip
    return Export(**given | changes)


class KilledError(BaseException):
    """The process is gone: nothing catches this."""


@dataclass
class Hand:
    """Kills the caller at the nth call that passes it; 0 never."""

    at: int = 0
    calls: int = 0

    def passes(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise KilledError


@dataclass
class MemoryExportServices:
    """All of `ExportServices`. `rows` are the warehouse's; `broken` categories cannot be unloaded."""

    rows: Rows
    export_: Export = field(default_factory=declared)
    hand: Hand = field(default_factory=Hand)
    broken: set[str] = field(default_factory=set)
    copy_role: str = "default"
    export_calendar: Calendar = field(default_factory=Calendar)

    def __post_init__(self) -> None:
        self.declared_exports = Exports([self.export_])
        self.exports = MemoryExportLedger(self.hand)
        self.requests = MemoryQueue(self.hand)
        self.lake = MemoryWork(self.hand)
        self.unloader = MemoryUnloader(self.rows, self.lake, self.hand, self.broken)
        self.bucket = MemoryFiles(self.hand)
        self.export_workflow = MemoryRunWorkflow()
        self.topic = MemoryTopic()


class MemoryTopic:
    """What functions tell people; of runs, the state machine does."""

    def __init__(self) -> None:
        self.published: list[Notice] = []

    def publish(self, notice: Notice) -> None:
        self.published.append(notice)


class MemoryExportLedger:
    """Keeps the promises of the table in DynamoDB; `tests/functional/test_exports_ledger.py` holds both to them."""

    def __init__(self, hand: Hand | None = None) -> None:
        self._hand = hand or Hand()
        self._runs: dict[tuple[str, str], Run] = {}
        self._categories: dict[tuple[str, str, str], CategoryState] = {}
        self._answers: dict[tuple[str, str, str, int, tuple[str, ...]], Answer] = {}

    def find_run(self, export: str, date: str) -> Run | None:
        self._hand.passes()
        return self._runs.get((export, date))

    def open_run(self, run: Run, was: Run | None) -> bool:
        self._hand.passes()
        if not self._is(run, was):
            return False
        self._runs[run.export, run.date] = replace(run, turn=was.turn + 1 if was else 0)
        self._hand.passes()
        return True

    def change_run(self, run: Run) -> Run:
        self._hand.passes()
        if not self._is(run, replace(run, status=RunStatus.RUNNING)):
            raise OvertakenError(run.name)
        moved = replace(run, turn=run.turn + 1)
        self._runs[run.export, run.date] = moved
        self._hand.passes()
        return moved

    def end_run(self, run: Run) -> bool:
        self._hand.passes()
        if not self._runs_on(run):
            return False
        self._runs[run.export, run.date] = run
        return True

    def _is(self, run: Run, was: Run | None) -> bool:
        there = self._runs.get((run.export, run.date))
        if there is None or was is None:
            return there is was
        return (there.attempt, there.status, there.turn) == (was.attempt, was.status, was.turn)

    def _runs_on(self, run: Run) -> bool:
        there = self._runs.get((run.export, run.date))
        return there is not None and (there.attempt, there.status) == (run.attempt, RunStatus.RUNNING)

    def runs(self, export: str, limit: int) -> list[Run]:
        found = [run for (name, _), run in self._runs.items() if name == export]
        return sorted(found, key=lambda run: run.date, reverse=True)[:limit]

    def categories(self, export: str, date: str) -> list[CategoryState]:
        return [state for key, state in sorted(self._categories.items()) if key[:2] == (export, date)]

    def change_category(self, run: Run, state: CategoryState) -> CategoryState:
        self._hand.passes()
        key = (run.export, run.date, state.category)
        there = self._categories.get(key)
        if not self._runs_on(run) or (there.turn if there else 0) != state.turn:
            raise OvertakenError(run.name)
        self._categories[key] = replace(state, turn=state.turn + 1)
        self._hand.passes()
        return self._categories[key]

    def _awaited(self, request: Request) -> bool:
        run = self._runs.get((request.export, request.date))
        category = self._categories.get((request.export, request.date, request.category))
        running = run is not None and run.status is RunStatus.RUNNING
        return running and category is not None and category.folder == request.folder

    def answered(self, request: Request) -> set[str]:
        self._hand.passes()
        if not self._awaited(request):
            return set(request.accounts)
        mine = self._answers.get(_key(request))
        if mine is not None and mine.files:
            return set(request.accounts)
        part = (request.export, request.date, request.category, request.part)
        done = {file.account for key, answer in self._answers.items() if key[:4] == part for file in answer.files}
        return done.intersection(request.accounts)

    def record(self, answer: Answer) -> None:
        self._hand.passes()
        there = self._answers.get(_key(answer.request))
        if (there is None or there.failure) and (not answer.failure or self._awaited(answer.request)):
            self._answers[_key(answer.request)] = answer
        self._hand.passes()

    def tallies(self, export: str, date: str) -> dict[str, Tally]:
        found: dict[str, Tally] = defaultdict(Tally)
        for key, answer in self._answers.items():
            if key[:2] == (export, date):
                failures = {answer.request.accounts[0]: answer.failure} if answer.failure else {}
                rows, size = sum(file.rows for file in answer.files), sum(file.bytes for file in answer.files)
                found[key[2]].add(Tally(len(answer.files), len(failures), rows, size, answer.seconds, 1, failures))
        return dict(found)

    def files(self, export: str, date: str, category: str = "") -> Iterator[tuple[str, FileResult]]:
        for key, answer in sorted(self._answers.items()):
            if key[:2] == (export, date) and category in {"", key[2]}:
                yield from ((key[2], file) for file in answer.files)

    def forget_day(self, run: Run) -> None:
        self._hand.passes()
        if not self._is(run, replace(run, status=RunStatus.RUNNING)):
            raise OvertakenError(run.name)
        day = (run.export, run.date)
        self._categories = {key: state for key, state in self._categories.items() if key[:2] != day}
        self._hand.passes()
        self._answers = {key: answer for key, answer in self._answers.items() if key[:2] != day}

    def forget_failures(self, run: Run, category: str, accounts: Iterable[str]) -> None:
        self._hand.passes()
        if not self._runs_on(run):
            raise OvertakenError(run.name)
        wanted = set(accounts)
        for key, answer in list(self._answers.items()):
            mine = key[:3] == (run.export, run.date, category)
            if mine and answer.failure and answer.request.accounts[0] in wanted:
                del self._answers[key]


def _key(request: Request) -> tuple[str, str, str, int, tuple[str, ...]]:
    return request.export, request.date, request.category, request.part, request.accounts


class MemoryQueue:
    """Messages as text, and how often each has come; `delays` has the seconds of all that were sent. What is not done
    after three times is dead.
    """

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self.waiting: list[tuple[str, int]] = []
        self.dead: list[str] = []
        self.delays: list[int] = []

    def send(self, requests: Iterable[Request], delay: int = 0) -> None:
        for request in requests:
            self._hand.passes()
            self.delays.append(delay)
            self.waiting.append((json.dumps(request.to_json()), 0))

    def give_back(self, receipt: str, delivery: int) -> None:
        raise AssertionError("that is the handler's")

    def idle(self) -> bool:
        return not self.waiting

    def take(self, index: int) -> tuple[Request, int]:
        """A message, wherever it stands; it is gone until `bring_again`."""
        text, times = self.waiting.pop(index)
        return Request.from_json(json.loads(text)), times + 1

    def bring_again(self, request: Request, delivery: int) -> None:
        text = json.dumps(request.to_json())
        if delivery >= RUNNER_TRIES:
            self.dead.append(text)
        else:
            self.waiting.append((text, delivery))


class MemoryWork:
    """The lake."""

    bucket = "lake"

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self.objects: dict[str, bytes] = {}

    def write_json(self, key: str, value: Any) -> None:
        self._hand.passes()
        self.objects[key] = json.dumps(value).encode()

    def read_json(self, key: str) -> Any:
        return json.loads(self.objects[key])

    def find_json(self, key: str) -> Any | None:
        return json.loads(self.objects[key]) if key in self.objects else None

    def read(self, key: str) -> bytes:
        self._hand.passes()
        return self.objects[key]

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        return iter([(key, len(body)) for key, body in self.objects.items() if key.startswith(prefix)])


class MemoryUnloader:
    """Statements end at once. UNLOADs are told by the label that `submit` gets of the plan: `parse` reads them back."""

    def __init__(self, rows: Rows, lake: MemoryWork, hand: Hand, broken: set[str]) -> None:
        self._rows = rows
        self._lake = lake
        self._hand = hand
        self._broken = broken
        self.statements: dict[str, StatementState] = {}
        self.unloads: list[Unload] = []

    def query(self, sql: str) -> list[list[Any]]:
        self._hand.passes()
        if "SUM(n)" in sql:
            counted: Counter[str] = Counter()
            for (category, _), notes in self._rows.items():
                counted[category] += len(notes)
            return [[category, rows] for category, rows in sorted(counted.items())]
        return [[account] for account in sorted({account for _, account in self._rows})]

    def submit(self, sql: str, token: str, name: str) -> str:
        self._hand.passes()
        if token not in self.statements:
            unload = read_unload(sql)
            self.unloads.append(unload)
            failed = unload.category in self._broken
            self.statements[token] = StatementState(ended=True, error="ERROR: permission denied" if failed else "")
            if not failed:
                self._write(unload)
        self._hand.passes()
        return token

    def look(self, statement: str) -> StatementState:
        return self.statements[statement]

    def _write(self, unload: Unload) -> None:
        folder = unload.target.removeprefix("s3://lake/")
        parts: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for (category, account), notes in self._rows.items():
            if category == unload.category and (not unload.only or account in unload.only):
                parts[part_of(account, unload.parts)] += [(account, note) for note in notes]
        entries = []
        for part, found in parts.items():
            file = io.BytesIO()
            pq.write_table(pa.table({"note": [n for _, n in found], ACCOUNT_LABEL: [a for a, _ in found]}), file)
            key = f"{folder}_part={part}/0000_part_00.parquet"
            self._lake.objects[key] = file.getvalue()
            entries.append({"url": f"s3://lake/{key}", "meta": {"record_count": len(found)}})
        self._lake.objects[f"{folder}manifest"] = json.dumps({"entries": entries}).encode()


def read_unload(sql: str) -> Unload:
    """What `exportsql.unload` was asked for, out of its text."""
    text = sql.replace("''", "'")
    only = text.partition(" account IN (")[2].partition(")")[0]
    return Unload(
        declared(), "", text.partition(" AND category = '")[2].partition("'")[0],
        int(text.partition(", 16), ")[2].partition(")")[0]), text.partition(" TO '")[2].partition("'")[0], "default",
        tuple(name.strip("'") for name in only.split(", ") if name),
    )  # fmt: skip


class MemoryFiles:
    """The bucket of files; `written` counts how often each was."""

    bucket = "exports"

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self.objects: dict[str, bytes] = {}
        self.written: Counter[str] = Counter()

    def put(self, key: str, body: bytes, sha256: bytes) -> None:
        self._hand.passes()
        self.objects[key] = body
        self.written[key] += 1

    def sha256(self, key: str) -> str:
        return hashlib.sha256(self.objects[key]).hexdigest() if key in self.objects else ""

    def put_lines(self, key: str, lines: Iterable[str]) -> str:
        self._hand.passes()
        self.objects[key] = "".join(lines).encode()
        return hashlib.sha256(self.objects[key]).hexdigest()


class MemoryRunWorkflow:
    """Executions by name and status."""

    def __init__(self) -> None:
        self.executions: dict[str, str] = {}
        self.started: list[Run] = []

    def start(self, run: Run) -> bool:
        if run.name in self.executions:
            return False
        self.executions[run.name] = "RUNNING"
        self.started.append(replace(run))
        return True

    def status(self, run: Run) -> str | None:
        return self.executions.get(run.name)
