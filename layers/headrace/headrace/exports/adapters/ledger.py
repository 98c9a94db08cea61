"""Runs of exports in DynamoDB, in the ledger's table under their own keys.

pk                       sk                                   what
EXPORT#<export>          RUN#<date>                           a day's run
EXPORT#<export>#<date>   CATEGORY#<category>                  where a category stands
EXPORT#<export>#<date>   DONE#<category>#<part>#<request>     an answer, counted: small, read at each look
EXPORT#<export>#<date>   FILES#<category>#<part>#<request>    the files of an answer, packed: read at the end

An answer is for all accounts of a message, so a file costs a fraction of a write. Its two items are written together,
and the first answer to a request stays.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from headrace.adapters.table import EXPIRES, MOST_IN_TRANSACTION, Key, Table, Write, in_batches
from headrace.domain import clock
from headrace.domain.export import named
from headrace.errors import OvertakenError
from headrace.exports.model.run import Answer, CategoryState, FileResult, Request, Run, RunStatus, Tally

LONGEST_NAME = 800
"""Bytes of a category in a key of the table."""


class DynamoExports:
    """`client` is a boto3 DynamoDB client. Answers go after `keep_days`, runs stay; 0 keeps everything."""

    def __init__(self, client: Any, table: str, keep_days: int = 0) -> None:
        self._table = Table(client, table, keep_days)

    def find_run(self, export: str, date: str) -> Run | None:
        """A day's run; None when there was none."""
        found = self._get(_runs_pk(export), f"RUN#{date}")
        return Run.from_json(found) if found else None

    def open_run(self, run: Run, was: Run | None) -> bool:
        """Write a new attempt. False, and nothing written, when the run is no longer what it `was`."""
        opened = replace(run, turn=was.turn + 1 if was else 0)
        condition, values = ("attribute_not_exists(pk)", {}) if was is None else _as_it_was(was)
        return self._table.put(self._putting(opened, condition, values))

    def change_run(self, run: Run) -> Run:
        """Write how far the attempt has come. Returns it as written. Raises OvertakenError."""
        moved = replace(run, turn=run.turn + 1)
        if not self._table.put(self._putting(moved, *_mine(run, turn=True))):
            raise _overtaken(run)
        return moved

    def end_run(self, run: Run) -> bool:
        """Write how the attempt has ended. False, and nothing written, when it has ended or another has begun."""
        return self._table.put(self._putting(run, *_mine(run)))

    def runs(self, export: str, limit: int) -> list[Run]:
        """The last runs, the newest first."""
        condition, values = "pk = :pk AND begins_with(sk, :sk)", {"pk": _runs_pk(export), "sk": "RUN#"}
        return [Run.from_json(_stripped(item)) for item in self._table.last(condition, values, limit)]

    def categories(self, export: str, date: str) -> list[CategoryState]:
        """Every category of the plan, in order."""
        return [CategoryState.from_json(_stripped(item)) for item in self._query(export, date, "CATEGORY#")]

    def change_category(self, run: Run, state: CategoryState) -> CategoryState:
        """Write where a category stands, a new one included. Returns it as written. Raises OvertakenError."""
        moved = replace(state, turn=state.turn + 1)
        unchanged = "turn = :turn" if state.turn else "attribute_not_exists(pk) OR attribute_not_exists(turn)"
        pk, sk = _pk(run.export, run.date), _category_sk(state.category)
        put = self._table.putting(pk, sk, moved.to_json(), unchanged, turn=state.turn or None)
        if not self._table.transact([self._still_runs(run), put]):
            raise _overtaken(run)
        return moved

    def answered(self, request: Request) -> set[str]:
        """The accounts of the request that need no answer (any more): all of them once the request is out of date."""
        if not self._awaited(request):
            return set(request.accounts)
        known: set[str] = set()
        for item in self._query(request.export, request.date, _sk("FILES", request, whole_part=True)):
            if item["sk"] == _sk("FILES", request):
                return set(request.accounts)
            known.update(result.account for result in _files(item))
        return known.intersection(request.accounts)

    def record(self, answer: Answer) -> None:
        """Write an answer, unless there is one. A failure is replaced by the answer to a later request."""
        request = answer.request
        counted = {
            "done": len(answer.files), "failed": 1 if answer.failure else 0,
            "rows": sum(file.rows for file in answer.files), "bytes": sum(file.bytes for file in answer.files),
            "milliseconds": round(answer.seconds * 1000),
            "account": request.accounts[0] if answer.failure else None, "reason": answer.failure or None,
        }  # fmt: skip
        ends = self._table.expiry() | _in_full(request.category)
        pk, free = _pk(request.export, request.date), "attribute_not_exists(pk) OR failed > :none OR expires < :now"
        now = int(clock.seconds())
        puts = [self._table.putting(pk, _sk("DONE", request), counted | ends, free, none=0, now=now)]
        if answer.files:
            packed = {"files": _packed(answer.files)}
            puts.append(self._table.putting(pk, _sk("FILES", request), packed | ends))
        self._table.transact([*puts, *self._checks(answer)])

    def _checks(self, answer: Answer) -> list[Write]:
        """A failure, which is rare, is written only while its run waits for it; it would take from what is settled.

        Not so the answers with files: hundreds of runners at once would be in each other's way at these two items.
        """
        request = answer.request
        if not answer.failure:
            return []
        category = _pk(request.export, request.date), _category_sk(request.category)
        return [
            self._table.checking(
                _runs_pk(request.export), f"RUN#{request.date}", "#status = :running", running=str(RunStatus.RUNNING)
            ),
            self._table.checking(*category, "folder = :folder", folder=request.folder),
        ]

    def _awaited(self, request: Request) -> bool:
        run = self.find_run(request.export, request.date)
        category = self._get(_pk(request.export, request.date), _category_sk(request.category))
        running = run is not None and run.status is RunStatus.RUNNING
        return running and category.get("folder", "") == request.folder

    def tallies(self, export: str, date: str) -> dict[str, Tally]:
        """The answers by category, counted."""
        tallies: dict[str, Tally] = defaultdict(Tally)
        for item in self._query(export, date, "DONE#"):
            failures = {item.get("account", ""): str(item["reason"])} if item["failed"] else {}
            counted = Tally(
                item["done"], item["failed"], item["rows"], item["bytes"], item["milliseconds"] / 1000, 1, failures
            )
            tallies[_category(item)].add(counted)
        return dict(tallies)

    def files(self, export: str, date: str, category: str = "") -> Iterator[tuple[str, FileResult]]:
        """Every file with its category; those of one category when it is named."""
        for item in self._query(export, date, f"FILES#{_name(category)}#" if category else "FILES#"):
            for result in _files(item):
                yield _category(item), result

    def forget_day(self, run: Run) -> None:
        """Remove categories and answers, as if the day had not been exported. Raises OvertakenError.

        Nothing is removed once another function has changed the run: it has begun the day's plan by then.
        """
        kinds = ("CATEGORY#", "DONE#", "FILES#")
        items = (item for kind in kinds for item in self._query(run.export, run.date, kind))

        def remove(keys: list[Key]) -> list[Key]:
            codes = self._table.refusals(
                [self._still_runs(run, turn=True), *(self._table.deleting(*key) for key in keys)]
            )
            if "ConditionalCheckFailed" in codes:
                raise _overtaken(run)
            return keys if codes else []

        in_batches(((item["pk"], item["sk"]) for item in items), MOST_IN_TRANSACTION - 1, remove)

    def forget_failures(self, run: Run, category: str, accounts: Iterable[str]) -> None:
        """Remove failures, so that the accounts count as not answered. What has been answered stays."""
        wanted = set(accounts)
        failed = (
            (item["pk"], item["sk"])
            for item in self._query(run.export, run.date, f"DONE#{_name(category)}#")
            if item["failed"] and item.get("account", "") in wanted
        )

        def remove(keys: list[Key]) -> list[Key]:
            return [key for key, kept in zip(keys, self._removed(run, keys), strict=True) if not kept]

        in_batches(failed, MOST_IN_TRANSACTION - 1, remove)

    def _removed(self, run: Run, keys: list[Key]) -> list[bool]:
        """Remove these failures at once; whether each is done with. One that has become an answer is, and holds up the
        others, which have to be tried again.
        """
        condition = "attribute_not_exists(pk) OR failed > :none"
        deletes = [self._table.deleting(*key, condition, none=0) for key in keys]
        codes = self._table.refusals([self._still_runs(run), *deletes])
        if not codes:
            return [True] * len(keys)
        if codes[0] == "ConditionalCheckFailed":
            raise _overtaken(run)
        return [code == "ConditionalCheckFailed" for code in codes[1:]]

    def _still_runs(self, run: Run, *, turn: bool = False) -> Write:
        """That the run is in this attempt, and what was read of it where its `turn` matters."""
        condition, values = _mine(run, turn=turn)
        return self._table.checking(_runs_pk(run.export), f"RUN#{run.date}", condition, **values)

    def _putting(self, run: Run, condition: str, values: dict[str, Any]) -> Write:
        return self._table.putting(_runs_pk(run.export), f"RUN#{run.date}", _run_item(run), condition, **values)

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        return _stripped(self._table.get(pk, sk))

    def _query(self, export: str, date: str, prefix: str) -> Iterator[dict[str, Any]]:
        for item in self._table.partition(_pk(export, date), prefix):
            if item.get(EXPIRES, math.inf) >= clock.seconds():  # DynamoDB removes it some days later
                yield item


def _runs_pk(export: str) -> str:
    return f"EXPORT#{export}"


def _pk(export: str, date: str) -> str:
    return f"EXPORT#{export}#{date}"


def _sk(kind: str, request: Request, *, whole_part: bool = False) -> str:
    """The key of an answer: its request by the accounts that it names.."""
    head = f"{kind}#{_name(request.category)}#{request.part:06d}#"
    return head if whole_part else head + _digest(request)


def _name(category: str) -> str:
    """A category in a key of the table, which has 1,024 bytes: a longer one is cut, and stands in its items in full."""
    name = named(category)
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + hashlib.sha256(name.encode()).hexdigest()


def _in_full(category: str) -> dict[str, Any]:
    """What an item has besides where its key does not say its category."""
    return {} if _name(category) == named(category) else {"category": category}


def _category_sk(category: str) -> str:
    return f"CATEGORY#{_name(category)}"


def _as_it_was(run: Run) -> tuple[str, dict[str, Any]]:
    """The condition that the run is what was read, and its values."""
    unchanged = "turn = :turn" if run.turn else "(attribute_not_exists(turn) OR turn = :turn)"
    values = {"attempt": run.attempt, "status": str(run.status), "turn": run.turn}
    return f"attempt = :attempt AND #status = :status AND {unchanged}", values


def _mine(run: Run, *, turn: bool = False) -> tuple[str, dict[str, Any]]:
    """The condition that the run is in this attempt, and what was read of it where its `turn` matters."""
    condition, values = _as_it_was(replace(run, status=RunStatus.RUNNING))
    if turn:
        return condition, values
    values.pop("turn")
    return "attempt = :attempt AND #status = :status", values


def _overtaken(run: Run) -> OvertakenError:
    return OvertakenError(f"{run.name} has moved on, or has ended, since this was read")


def _digest(request: Request) -> str:
    return hashlib.sha256("\0".join(request.accounts).encode()).hexdigest()[:16]


def _category(item: dict[str, Any]) -> str:
    if "category" in item:
        return str(item["category"])
    name = item["sk"].split("#")[1]
    return "" if name == "%" else unquote(name)


def _run_item(run: Run) -> dict[str, Any]:
    numbers = {"usual_seconds": str(run.usual_seconds), "seconds": str(run.seconds)}  # DynamoDB takes no floats
    return run.to_json() | numbers


def _stripped(item: dict[str, Any]) -> dict[str, Any]:
    value = {name: field for name, field in item.items() if name not in {"pk", "sk"}}
    return value | {name: float(value[name]) for name in ("usual_seconds", "seconds") if name in value}


def _packed(files: Iterable[FileResult]) -> bytes:
    return zlib.compress(json.dumps([file.to_list() for file in files], separators=(",", ":")).encode())


def _files(item: dict[str, Any]) -> list[FileResult]:
    return [FileResult(*fields) for fields in json.loads(zlib.decompress(item["files"]))]
