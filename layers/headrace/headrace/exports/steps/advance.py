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

from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.clock import now
from headrace.domain.export import Export, KeyTooLongError, part_of
from headrace.domain.ingest.failure import advised
from headrace.errors import OvertakenError
from headrace.exports.model import sql
from headrace.exports.model.run import Answer, CategoryState, Request, Run, RunStatus, Tally, UnloadStatus, total
from headrace.exports.ports import ExportLedger, ExportServices
from headrace.exports.steps import plan as plans
from headrace.exports.steps.finish import exactly, finish, unknown
from headrace.observability import logger

STALL_SECONDS = 120
"""After this long without an answer, with nothing in the queue, requests are lost."""
UNLOAD_PATIENCE_SECONDS = 6 * 3600
"""How long after an attempt began an UNLOAD is tried again, with each look, if its error is transient."""
OVERTAKEN_SECONDS = 2
"""Until the next look, when another function was faster with this one."""
MOST_NARROWED = 500
"""Accounts that an UNLOAD names one by one; for more it takes the whole category."""
MOST_CHARACTERS = 10_000
"""Of their names together: each may be nine bytes in the statement, which has 100 KB at most."""
FEWEST_UNANSWERED, ANSWER_PATIENCE_SECONDS = 3, 6 * 3600
"""While this many accounts or more are lost and none at all is answered, they are asked for again, for so long."""
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
    """One look. `{"over": False, "wait_seconds"}`, or `{"over": True, …}` with what is to be reported."""
    try:
        return _look(name, date, attempt, services)
    except OvertakenError as error:
        logger.info("another function was faster", extra={"reason": str(error)})
        return {"over": False, "wait_seconds": OVERTAKEN_SECONDS}


def _look(name: str, date: str, attempt: int, services: ExportServices) -> dict[str, Any]:
    run = services.exports.find_run(name, date)
    if run is None or run.attempt != attempt or run.status is not RunStatus.RUNNING:
        return {"over": True, "tell": False}
    export = services.declared_exports.get(name)
    run, accounts = _planned(run, export, services)
    try:
        look = Look(run, export, services, plans.narrowed(run, accounts))
        chosen = plans.scope(run, services.exports.categories(name, date))
    except plans.NothingToExportError as error:
        return unknown(run, str(error))
    for state in chosen:
        _settle(state, look)
    tallies = services.exports.tallies(name, date)
    states = services.exports.categories(name, date)
    if not _still_open(look, states, tallies):
        tallies = exactly(look.run, states, tallies, services)
    still_open = _still_open(look, states, tallies)
    if not still_open:
        return finish(look.run, export, states, tallies, services)
    _watch(look, states, tallies)
    age = round(_seconds_since(run.started_at) / 60, 1)
    return {"over": False, "wait_seconds": _pause(look.run), "open": still_open, "age_minutes": age}


def _planned(run: Run, export: Export, services: ExportServices) -> tuple[Run, list[str]]:
    """The run with its plan: of this day, or a new one where the work of that day has expired."""
    if run.parts and (accounts := plans.accounts_of(run, services)) is not None:
        return run, accounts
    if run.stale:
        services.exports.forget_day(run)
        run = services.exports.change_run(replace(run, stale=False))
    run = plans.plan(run, export, services)
    return run, plans.accounts_of(run, services) or []


def _still_open(look: Look, states: list[CategoryState], tallies: dict[str, Tally]) -> int:
    return sum(_open(state, tallies.get(state.category, Tally()), look) for state in plans.scope(look.run, states))


def _seconds_since(moment: str) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(moment)).total_seconds()


def _pause(run: Run) -> int:
    """Seconds to the next look: short at first, then a twentieth of the time that the run has lasted."""
    return max(2, min(60, int(_seconds_since(run.attempt_at) / 20)))


def _settle(state: CategoryState, look: Look) -> None:
    """Take one category as far as it goes now."""
    if state.status is UnloadStatus.FAILED and state.asked < look.run.attempt:
        state = plans.waiting_for(state, state.only)
    if state.status is UnloadStatus.WAITING and (reason := _no_key(state, look)):
        failed = replace(state, status=UnloadStatus.FAILED, reason=reason, asked=look.run.attempt)
        look.ledger.change_category(look.run, failed)
        return
    if state.status is UnloadStatus.WAITING:
        state = _submit(state, look)
    if state.status is UnloadStatus.UNLOADING:
        state = _ended(state, look)
    if state.status is UnloadStatus.UNLOADED and state.asked < look.run.attempt:
        _ask(state, look)


def _no_key(state: CategoryState, look: Look) -> str:
    """Why a category can have no file for any account; nothing where it can."""
    try:
        look.export.key(look.run.date, state.category, "")
    except KeyTooLongError as error:
        return str(error)
    return ""


def _submit(state: CategoryState, look: Look) -> CategoryState:
    """Start the UNLOAD. The token is the same when this is done again, so that it runs once.

    It is another where other accounts are unloaded, and in another stack: with a known token, the Data API runs
    nothing.
    """
    run = look.run
    tries = state.tries + 1
    own = (look.services.lake.bucket, run.name, state.category, str(tries), *state.only)
    digest = hashlib.sha256("/".join(own).encode()).hexdigest()[:32]
    folder = f"{plans.work_folder(run)}{digest}/"
    if not state.rows and not state.only and run.attempt == 1:
        submitted = replace(state, status=UnloadStatus.UNLOADED, folder=folder, unloaded_by=run.attempt)
    else:
        target = f"s3://{look.services.lake.bucket}/{folder}"
        unload = sql.Unload(
            look.export, run.date, state.category, run.parts, target, look.services.copy_role, state.only
        )
        statement = look.services.unloader.submit(sql.unload(unload), digest, run.name)
        look.run = look.ledger.change_run(replace(run, statements=run.statements + 1))
        submitted = replace(
            state, status=UnloadStatus.UNLOADING, folder=folder, statement=statement, tries=tries,
            unloaded_by=run.attempt,
        )  # fmt: skip
    return look.ledger.change_category(look.run, submitted)


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
        reason = cut(advised(seen.error), LONGEST_REASON)
        settled = replace(state, status=UnloadStatus.FAILED, reason=reason, asked=look.run.attempt)
    return look.ledger.change_category(look.run, settled)


def _ask(state: CategoryState, look: Look) -> None:
    """Make the requests for what is missing, from this UNLOAD or, for accounts that have failed, from a new one."""
    run, ledger = look.run, look.ledger
    missing = _missing(state, look)
    fresh = state.unloaded_by == run.attempt
    failed = set(ledger.tallies(run.export, run.date).get(state.category, Tally()).failures).intersection(missing)
    if not fresh and missing and (failed or state.only or plans.gone(state, look.services)):
        ledger.forget_failures(run, state.category, failed)
        _submit(plans.waiting_for(state, _nameable(missing)), look)
        return
    if missing and (fresh or not state.asked or state.narrowed or look.services.requests.idle()):
        rows = _send(state, missing, look)
        state = replace(state, rows=state.rows if state.only else rows)
    asked = replace(state, asked=run.attempt, narrowed=run.account is not None)
    ledger.change_category(look.run, asked)


def _nameable(accounts: Sequence[str]) -> tuple[str, ...]:
    """The accounts, if they are few enough for a statement; none otherwise."""
    few = len(accounts) <= MOST_NARROWED and sum(map(len, accounts)) <= MOST_CHARACTERS
    return tuple(accounts) if few else ()


def _send(state: CategoryState, accounts: Collection[str], look: Look, *, alone: bool = False) -> int:
    sendable = [account for account in accounts if not _refused(account, state, look)]
    made, rows = plans.requests(look.run, state, sendable, look.services, alone=alone)
    look.services.requests.send(made)
    return rows


def _refused(account: str, state: CategoryState, look: Look) -> bool:
    """Answer at once for an account whose key S3 does not take; its name may not fit in a message either."""
    try:
        look.export.key(look.run.date, state.category, account)
    except KeyTooLongError as error:
        _answer_for(account, state, look, str(error))
        return True
    return False


def _answer_for(account: str, state: CategoryState, look: Look, reason: str) -> None:
    run = look.run
    part = part_of(account, run.parts)
    request = Request(run.export, run.date, state.category, part, (account,), (), alone=True, folder=state.folder)
    look.ledger.record(Answer(request, failure=reason))


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
    """Note progress. Without any, and with an empty queue, ask again; after that, record the rest as failed."""
    run = look.run
    answered = total(tallies.values()).answers
    asked = all(state.asked >= run.attempt for state in plans.scope(run, states))
    if not run.progress_at or answered != run.answered or not asked:
        look.run = look.ledger.change_run(replace(run, answered=answered, progress_at=now()))
        return
    if _seconds_since(run.progress_at) < STALL_SECONDS or not look.services.requests.idle():
        return
    unloaded = [state for state in plans.scope(run, states) if state.status is UnloadStatus.UNLOADED]
    lost = [(state, _lost(state, tallies.get(state.category, Tally()), look)) for state in unloaded]
    final = run.nudged is not None and not _is_everybodys(run, sum(len(accounts) for _, accounts in lost))
    for state, accounts in lost:
        if accounts:
            _ask_again(state, accounts, look, final=final)
    look.run = look.ledger.change_run(replace(look.run, nudged=answered, progress_at=now()))


def _lost(state: CategoryState, tally: Tally, look: Look) -> list[str]:
    return [account for account in _missing(state, look) if account not in tally.failures]


def _is_everybodys(run: Run, lost: int) -> bool:
    """Whether not one of several accounts was answered since they were asked for alone: then none of them is at fault.

    Deliveries that Lambda does not take count, so an outage of it uses up those of every request.
    """
    patient = _seconds_since(run.attempt_at) < ANSWER_PATIENCE_SECONDS
    return patient and lost >= FEWEST_UNANSWERED and run.nudged == run.answered


def _ask_again(state: CategoryState, lost: list[str], look: Look, *, final: bool) -> None:
    """Once more, each alone, so that one that kills its runner affects no other; then it has failed."""
    if final:
        for account in lost:
            _answer_for(account, state, look, NO_ANSWER)
    elif state.only and not set(lost) <= set(state.only):
        _submit(plans.waiting_for(replace(state, asked=0), _nameable(lost)), look)
    else:
        _send(state, lost, look, alone=True)
