"""Moves a run on as far as it can go now: UNLOADs, requests, and the look whether all are answered.

Everything is derived from the ledger at each look, and every step can be done again, so a run that was killed anywhere
goes on with the next look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from headrace.domain import exportsql
from headrace.domain.clock import now
from headrace.domain.export import Export, part_of
from headrace.domain.exportrun import Answer, CategoryState, Request, Run, RunStatus, Tally, UnloadStatus, total
from headrace.domain.failure import advised
from headrace.usecases import export_plan as plans
from headrace.usecases.export_finish import finish, unknown
from headrace.usecases.export_ports import ExportLedger, ExportServices

STALL_SECONDS = 120
"""After so long without an answer, with nothing in the queue, requests are lost."""
UNLOAD_PATIENCE_SECONDS = 6 * 3600
"""So long after an attempt began an UNLOAD is tried again, with each look, when its error passes."""
MOST_NARROWED = 500
"""Accounts that an UNLOAD names one by one; for more it takes the whole category."""
MOST_CHARACTERS = 10_000
"""Of their names together: each may be nine bytes in the statement, which has 100 KB at most."""
NO_ANSWER = "no runner has answered, however often it was asked: its request is among the dead letters"


@dataclass(slots=True)
class Look:
    """One look at a run."""

    run: Run
    export: Export
    services: ExportServices
    accounts: list[str]

    @property
    def ledger(self) -> ExportLedger:
        """The runs' ledger."""
        return self.services.exports


def advance(name: str, date: str, attempt: int, services: ExportServices) -> dict[str, Any]:
    """One look. `{"over": False, "wait_seconds"}`, or `{"over": True, …}` with what is to be told."""
    run = services.exports.find_run(name, date)
    if run is None or run.attempt != attempt or run.status is not RunStatus.RUNNING:
        return {"over": True, "tell": False}
    export = services.catalog.export(name)
    if not run.parts:
        run = plans.plan(run, export, services)
    try:
        look = Look(run, export, services, plans.accounts_of(run, services))
        chosen = plans.scope(run, services.exports.categories(name, date))
    except plans.NothingToExportError as error:
        return unknown(run, str(error))
    for state in chosen:
        _settle(state, look)
    tallies = services.exports.tallies(name, date)
    states = services.exports.categories(name, date)
    still_open = sum(_open(state, tallies.get(state.category, Tally()), look) for state in plans.scope(run, states))
    if not still_open:
        return finish(look.run, export, states, tallies, services)
    _watch(look, states, tallies)
    age = round(_seconds_since(run.started_at) / 60, 1)
    return {"over": False, "wait_seconds": _pause(look.run), "open": still_open, "age_minutes": age}


def _seconds_since(moment: str) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(moment)).total_seconds()


def _pause(run: Run) -> int:
    """Seconds to the next look: short at first, then a twentieth of the time that the run has lasted."""
    return max(2, min(60, int(_seconds_since(run.attempt_at) / 20)))


def _settle(state: CategoryState, look: Look) -> None:
    """Take one category as far as it goes now."""
    if state.status is UnloadStatus.FAILED and state.asked < look.run.attempt:
        state = plans.waiting_for(state, state.only)
    if state.status is UnloadStatus.WAITING:
        state = _submit(state, look)
    if state.status is UnloadStatus.UNLOADING:
        state = _ended(state, look)
    if state.status is UnloadStatus.UNLOADED and state.asked < look.run.attempt:
        _ask(state, look)


def _submit(state: CategoryState, look: Look) -> CategoryState:
    """Start the UNLOAD. The token is the same when this is done again, so that it runs once."""
    run = look.run
    tries = state.tries + 1
    digest = hashlib.sha256(f"{run.name}/{state.category}/{tries}".encode()).hexdigest()[:32]
    folder = f"{plans.work_folder(run)}{digest}/"
    if not state.rows and not state.only:
        submitted = replace(state, status=UnloadStatus.UNLOADED, folder="", unloaded_by=run.attempt)
    else:
        target = f"s3://{look.services.lake.bucket}/{folder}"
        unload = exportsql.Unload(
            look.export, run.date, state.category, run.parts, target, look.services.copy_role, state.only
        )
        statement = look.services.unloader.submit(exportsql.unload(unload), digest, run.name)
        look.run = replace(run, statements=run.statements + 1)
        look.ledger.save_run(look.run)
        submitted = replace(
            state, status=UnloadStatus.UNLOADING, folder=folder, statement=statement, tries=tries,
            unloaded_by=run.attempt,
        )  # fmt: skip
    look.ledger.save_category(run.export, run.date, submitted)
    return submitted


def _ended(state: CategoryState, look: Look) -> CategoryState:
    """The category when its UNLOAD has ended: unloaded, waiting for another try, or failed."""
    seen = look.services.unloader.look(state.statement)
    if not seen.ended:
        return state
    if not seen.error:
        settled = replace(state, status=UnloadStatus.UNLOADED)
    elif seen.transient and _seconds_since(look.run.attempt_at) < UNLOAD_PATIENCE_SECONDS:
        settled = replace(state, status=UnloadStatus.WAITING)
    else:
        settled = replace(state, status=UnloadStatus.FAILED, reason=advised(seen.error), asked=look.run.attempt)
    look.ledger.save_category(look.run.export, look.run.date, settled)
    return settled


def _ask(state: CategoryState, look: Look) -> None:
    """Make the requests for what is missing, from this UNLOAD or, for accounts that have failed, from a new one."""
    run, ledger = look.run, look.ledger
    missing = _missing(state, look)
    fresh = state.unloaded_by == run.attempt
    failed = set(ledger.tallies(run.export, run.date).get(state.category, Tally()).failures).intersection(missing)
    if not fresh and missing and (failed or state.only):
        ledger.forget_failures(run.export, run.date, state.category, failed)
        _submit(plans.waiting_for(state, _nameable(missing)), look)
        return
    if fresh or not state.asked or state.narrowed or look.services.requests.idle():
        rows = _send(state, missing, look)
        state = replace(state, rows=state.rows if state.only else rows)
    asked = replace(state, asked=run.attempt, narrowed=run.account is not None)
    ledger.save_category(run.export, run.date, asked)


def _nameable(accounts: Sequence[str]) -> tuple[str, ...]:
    """The accounts, if they are few enough for a statement; none otherwise."""
    few = len(accounts) <= MOST_NARROWED and sum(map(len, accounts)) <= MOST_CHARACTERS
    return tuple(accounts) if few else ()


def _send(state: CategoryState, accounts: Collection[str], look: Look, *, alone: bool = False) -> int:
    made, rows = plans.requests(look.run, state, accounts, look.services, alone=alone)
    look.services.requests.send(made)
    return rows


def _missing(state: CategoryState, look: Look) -> list[str]:
    """The accounts of this attempt that have no file yet, in the plan's order."""
    done = {result.account for _, result in look.ledger.files(look.run.export, look.run.date, state.category)}
    return [account for account in look.accounts if account not in done]


def _open(state: CategoryState, tally: Tally, look: Look) -> int:
    """How many requests of a category have no answer yet."""
    if state.status is UnloadStatus.FAILED and state.asked >= look.run.attempt:
        return 0
    if state.asked < look.run.attempt:
        return len(look.accounts)
    if look.run.account is None:
        return max(0, look.run.accounts - tally.done - tally.failed)
    return len([account for account in _missing(state, look) if account not in tally.failures])


def _watch(look: Look, states: list[CategoryState], tallies: dict[str, Tally]) -> None:
    """Note progress. Where there is none and the queue is empty, ask again; after that, answer for who does not."""
    run = look.run
    answered = total(tallies.values()).answers
    asked = all(state.asked >= run.attempt for state in plans.scope(run, states))
    if not run.progress_at or answered != run.answered or not asked:
        look.ledger.save_run(replace(run, answered=answered, progress_at=now()))
        return
    if _seconds_since(run.progress_at) < STALL_SECONDS or not look.services.requests.idle():
        return
    for state in plans.scope(run, states):
        tally = tallies.get(state.category, Tally())
        lost = [account for account in _missing(state, look) if account not in tally.failures]
        if state.status is UnloadStatus.UNLOADED and lost:
            _ask_again(state, lost, look)
    look.ledger.save_run(replace(run, nudged=True, progress_at=now()))


def _ask_again(state: CategoryState, lost: list[str], look: Look) -> None:
    """Once more, each alone, so that what kills its runner kills nobody else's; then it has failed."""
    run = look.run
    if run.nudged:
        for account in lost:
            part = part_of(account, run.parts)
            request = Request(run.export, run.date, state.category, part, (account,), (), alone=True)
            look.ledger.record(Answer(request, failure=NO_ANSWER))
    elif state.only and not set(lost) <= set(state.only):
        _submit(plans.waiting_for(replace(state, asked=0), _nameable(lost)), look)
    else:
        _send(state, lost, look, alone=True)
