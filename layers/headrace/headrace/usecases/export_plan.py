"""The plan of a day: its categories and accounts, as the warehouse has them, and the requests that follow."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from headrace.domain import exportsql
from headrace.domain.export import Export, part_of, parts_for
from headrace.domain.exportrun import CategoryState, Request, Run, UnloadStatus
from headrace.domain.lakefolders import EXPORTS
from headrace.errors import TerminalError
from headrace.usecases.export_ports import ExportServices

PART = re.compile(r"_part=(\d+)/")
INVENTORY_STATEMENTS = 2


class NothingToExportError(TerminalError):
    """The warehouse has no such category or account."""


def work_folder(run: Run) -> str:
    """Where a day's work is kept in the lake, with a slash at its end."""
    return f"{EXPORTS}/{run.export}/{run.date}/"


def plan(run: Run, export: Export, services: ExportServices) -> Run:
    """Ask the warehouse for categories and accounts and keep them. Returns the run, planned."""
    categories = services.unloader.query(exportsql.categories(export, run.date))
    accounts = [row[0] for row in services.unloader.query(exportsql.accounts(export, run.date))]
    known = [account for account in accounts if account is not None]
    stray = sum(int(rows) for category, rows in categories if category is None)
    services.lake.write_json(f"{work_folder(run)}accounts.json", known)
    for category, rows in categories:
        if category is not None:
            services.exports.save_category(run.export, run.date, CategoryState(category, rows=int(rows)))
    planned = replace(
        run,
        accounts=len(known),
        parts=parts_for(len(known), max((int(rows) for _, rows in categories), default=0)),
        stray_rows=stray,
        statements=run.statements + INVENTORY_STATEMENTS,
    )
    services.exports.save_run(planned)
    return planned


def accounts_of(run: Run, services: ExportServices) -> list[str]:
    """The accounts that this attempt is about. Raises NothingToExportError for one that the plan does not have."""
    known: list[str] = services.lake.read_json(f"{work_folder(run)}accounts.json")
    if run.account is None:
        return known
    if run.account not in known:
        raise NothingToExportError(f"the warehouse has no account {run.account!r} for {run.export} of {run.date}")
    return [run.account]


def scope(run: Run, states: list[CategoryState]) -> list[CategoryState]:
    """The categories that this attempt is about. Raises NothingToExportError for one that the plan does not have."""
    chosen = [state for state in states if run.category in {None, state.category}]
    if run.category is not None and not chosen:
        known = ", ".join(state.category for state in states[:20])
        raise NothingToExportError(f"{run.export} of {run.date} has no category {run.category!r}; it has {known}")
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
        Request(run.export, run.date, state.category, part, tuple(parts[part]), tuple(files[part]))
        for part in sorted(parts)
    ]
    return (list(_alone(made)) if alone else made), rows


def _alone(made: list[Request]) -> Iterator[Request]:
    for request in made:
        for account in request.accounts:
            yield request.for_alone(account)


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
            files[int(part[1])].append(entry["url"].removeprefix(f"s3://{services.lake.bucket}/"))
    return files, sum(_rows(entry) for entry in manifest["entries"])


def _rows(entry: dict[str, Any]) -> int:
    return int(entry["meta"]["record_count"])


def waiting_for(state: CategoryState, only: tuple[str, ...] = ()) -> CategoryState:
    """The category before a new UNLOAD, of all its accounts or of some."""
    return replace(state, status=UnloadStatus.WAITING, only=only, tries=0, reason="", statement="", folder="")
