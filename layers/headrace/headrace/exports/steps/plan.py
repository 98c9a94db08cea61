"""The plan of a day: its categories and accounts, as the warehouse has them, and the requests that follow."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.export import Export, part_of, parts_for
from headrace.domain.lake_folders import EXPORTS
from headrace.errors import TerminalError
from headrace.exports.model import sql
from headrace.exports.model.run import CategoryState, Request, Run, UnloadStatus
from headrace.exports.ports import ExportServices

PART = re.compile(r"_part=(\d+)/")
INVENTORY_STATEMENTS = 2
MOST_CATEGORIES = 1_000
"""Each is an UNLOAD."""
MOST_ACCOUNTS = 1_000_000
MESSAGE_BYTES = 200_000
"""Of a message with the names of several accounts; SQS takes 1 MiB, and ten messages of one call together as much:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html."""
MOST_BYTES_OF_FILES = 150_000


class NothingToExportError(TerminalError):
    """The warehouse has no such category or account."""


class TooManyError(TerminalError):
    """More categories or accounts than a run can have: a key is not what it should be."""


def work_folder(run: Run) -> str:
    """Where a day's work is kept in the lake, with a slash at its end."""
    return f"{EXPORTS}/{run.export}/{run.date}/"


def plan(run: Run, export: Export, services: ExportServices) -> Run:
    """Ask the warehouse for categories and accounts and keep them. Returns the run, planned.

    Where the day was planned before, and its work has expired since, the files that are there count as they are: their
    accounts stay in the plan, beside those that the warehouse has now. Raises OvertakenError, TooManyError.
    """
    categories = services.unloader.query(sql.categories(export, run.date))
    accounts = [row[0] for row in services.unloader.query(sql.accounts(export, run.date))]
    done = {result.account for _, result in services.exports.files(run.export, run.date)} if run.parts else set()
    known = sorted(done.union(account for account in accounts if account is not None))
    counted = {category: int(rows) for category, rows in categories if category is not None}
    _check_numbers(run, len(known), len(counted))
    there = {state.category for state in services.exports.categories(run.export, run.date)}
    for category in counted.keys() - there:
        services.exports.change_category(run, CategoryState(category, rows=counted[category]))
    planned = replace(
        run,
        accounts=len(known),
        parts=run.parts or parts_for(len(known), max(counted.values(), default=0)),
        stray_rows=sum(int(rows) for category, rows in categories if category is None),
        statements=run.statements + INVENTORY_STATEMENTS,
        plan=_keep(run, known, services),
    )
    return services.exports.change_run(planned)


def _check_numbers(run: Run, accounts: int, categories: int) -> None:
    for name, number, most in (("accounts", accounts, MOST_ACCOUNTS), ("categories", categories, MOST_CATEGORIES)):
        if number > most:
            raise TooManyError(f"{run.export} of {run.date} has {number:,} {name}: no more than {most:,} are exported")


def _keep(run: Run, accounts: list[str], services: ExportServices) -> str:
    """Write the accounts down, under a name of what they are, so that a late function never replaces another's."""
    digest = hashlib.sha256(json.dumps(accounts).encode()).hexdigest()[:16]
    key = f"{work_folder(run)}accounts-{digest}.json"
    services.lake.write_json(key, accounts)
    return key


def accounts_of(run: Run, services: ExportServices) -> list[str] | None:
    """The accounts of the plan; None when the list has expired."""
    found: list[str] | None = services.lake.find_json(run.plan or f"{work_folder(run)}accounts.json")
    return found


def narrowed(run: Run, accounts: list[str]) -> list[str]:
    """The accounts that this attempt is about. Raises NothingToExportError for one that the plan does not have."""
    if run.account is None:
        return accounts
    if run.account not in accounts:
        raise NothingToExportError(f"the warehouse has no account {run.account!r} for {run.export} of {run.date}")
    return [run.account]


def scope(run: Run, states: list[CategoryState]) -> list[CategoryState]:
    """The categories that this attempt is about. Raises NothingToExportError for one that the plan does not have."""
    chosen = [state for state in states if run.category in {None, state.category}]
    if run.category is not None and not chosen:
        known = ", ".join(state.category for state in states[:20])
        raise NothingToExportError(
            cut(f"{run.export} of {run.date} has no category {run.category!r}; it has {known}", LONGEST_REASON)
        )
    return chosen


def requests(
    run: Run, state: CategoryState, accounts: Collection[str], services: ExportServices, *, alone: bool = False
) -> tuple[list[Request], int]:
    """The requests for some accounts of a category that is unloaded, and the rows of its Parquet."""
    files, rows = _parquet(state, services)
    parts: dict[int, list[str]] = defaultdict(list)
    for account in accounts:
        parts[part_of(account, run.parts)].append(account)
    made = [
        Request(run.export, run.date, state.category, part, tuple(parts[part]), tuple(files[part]), folder=state.folder)
        for part in sorted(parts)
    ]
    return [piece for request in made for piece in (_alone(request) if alone else _in_messages(request))], rows


def _in_messages(request: Request) -> Iterator[Request]:
    """The request in pieces that each fit in a message, however long the accounts' names are."""
    base = _length(replace(request, accounts=()).to_json())
    if base > MOST_BYTES_OF_FILES:
        raise TerminalError(f"part {request.part} of {request.category!r} has {len(request.files):,} files: too many")
    piece: list[str] = []
    size = base
    for account in request.accounts:
        length = _length(account) + 2
        if piece and size + length > MESSAGE_BYTES:
            yield replace(request, accounts=tuple(piece))
            piece, size = [], base
        piece.append(account)
        size += length
    yield replace(request, accounts=tuple(piece))


def _length(value: Any) -> int:
    return len(json.dumps(value))  # ASCII


def gone(state: CategoryState, services: ExportServices) -> bool:
    """Whether what was unloaded has expired, or some of it."""
    if not state.rows or not state.folder:
        return False
    manifest = services.lake.find_json(f"{state.folder}manifest")
    if manifest is None:
        return True
    there = {key for key, _ in services.lake.listing(state.folder)}
    return any(_key_of(entry, services) not in there for entry in manifest["entries"])


def _key_of(entry: dict[str, Any], services: ExportServices) -> str:
    return str(entry["url"]).removeprefix(f"s3://{services.lake.bucket}/")


def _alone(request: Request) -> Iterator[Request]:
    return (request.for_alone(account) for account in request.accounts)


def _parquet(state: CategoryState, services: ExportServices) -> tuple[dict[int, list[str]], int]:
    """The keys of each part's files, and the rows of all, as UNLOAD's manifest lists them."""
    files: dict[int, list[str]] = defaultdict(list)
    if not state.folder:
        return files, 0
    manifest = services.lake.find_json(f"{state.folder}manifest")
    if manifest is None:
        if state.only or not state.rows:
            return files, 0
        raise TerminalError(f"UNLOAD has ended without a manifest in {state.folder}")
    for entry in manifest["entries"]:
        part = PART.search(entry["url"])
        if part:
            files[int(part[1])].append(_key_of(entry, services))
    return files, sum(_rows(entry) for entry in manifest["entries"])


def _rows(entry: dict[str, Any]) -> int:
    return int(entry["meta"]["record_count"])


def waiting_for(state: CategoryState, only: tuple[str, ...] = ()) -> CategoryState:
    """The category before a new UNLOAD, of all its accounts or of some."""
    return replace(state, status=UnloadStatus.WAITING, only=only, tries=0, reason="", statement="", folder="")
