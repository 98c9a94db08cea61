"""A request: the rows of some accounts out of their part's Parquet, a CSV each, uploaded and recorded."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.export import Export
from headrace.domain.ingest.failure import is_transient
from headrace.errors import RowsError, TerminalError
from headrace.exports.csv_writer import Lines, by_account
from headrace.exports.model.run import MOST_PUT_OFF, PUT_OFF_SECONDS, RUNNER_TRIES, Answer, FileResult, Request
from headrace.exports.model.sql import ACCOUNT_LABEL
from headrace.exports.ports import ExportServices

UPLOADS = 8
"""Uploads of one message at the same time."""
Failed = Callable[[str, Exception], None]


def answer(request: Request, delivery: int, services: ExportServices, failed: Failed) -> None:
    """Do what is asked, unless it was done before.

    An account that fails beside others is asked for again, alone, and passed to `failed`. One that is alone raises, so
    that the queue brings it again; its failure is recorded when it comes for the last time, or when it is one that
    trying again does not change. While a service is out of order the request is put off, for hours, and no delivery of
    it counts.
    """
    try:
        _answer(request, delivery, services, failed)
    except Exception as error:
        if not _is_put_off(request, error):
            raise
        services.requests.send([replace(request, put_off=request.put_off + 1)], PUT_OFF_SECONDS)


def _is_put_off(request: Request, error: Exception) -> bool:
    return is_transient(error) and request.put_off < MOST_PUT_OFF


def _answer(request: Request, delivery: int, services: ExportServices, failed: Failed) -> None:
    known = services.exports.answered(request)
    missing = tuple(account for account in request.accounts if account not in known)
    if not missing:
        return
    begun = time.monotonic()
    try:
        files, errors = _export(request, missing, services)
    except Exception as caught:
        if not request.alone:
            raise
        files, errors = [], dict.fromkeys(missing, caught)
    passing = next((error for error in errors.values() if _is_put_off(request, error)), None)
    if passing is not None:
        raise passing
    if request.alone and errors:
        _fail(request, delivery, errors[request.accounts[0]], services)
        return
    for account, reason in errors.items():
        failed(account, reason)
    services.requests.send(request.for_alone(account) for account in errors)
    services.exports.record(Answer(request, tuple(files), seconds=round(time.monotonic() - begun, 3)))


def _fail(request: Request, delivery: int, error: Exception, services: ExportServices) -> None:
    """Record the failure if it is final; raise it if the queue is to bring the request again."""
    final = isinstance(error, TerminalError)
    if final or delivery >= RUNNER_TRIES:
        reason = cut(f"{type(error).__name__}: {error}", LONGEST_REASON)
        services.exports.record(Answer(request, failure=reason))
    if not final:
        raise error


def _export(
    request: Request, accounts: Iterable[str], services: ExportServices
) -> tuple[list[FileResult], dict[str, Exception]]:
    """Write the files of the accounts. Returns what was written, and the error of each account that was not."""
    export = services.declared_exports.get(request.export)
    wanted = set(accounts)
    try:
        rows = _rows(request, export, services)
        found = dict(by_account(rows, ACCOUNT_LABEL, export.order_by, export.columns, export.dialect))
    except pa.ArrowException as error:
        raise RowsError(error) from None
    empty = Lines([], export.dialect, export.columns)
    work = [(account, found.get(account, empty)) for account in request.accounts if account in wanted]

    def write(item: tuple[str, Lines]) -> FileResult | Exception:
        try:
            return _write(request, *item, export, services)
        except Exception as error:  # one account's error does not fail the others
            return error

    with ThreadPoolExecutor(min(UPLOADS, len(work))) as pool:
        outcomes = list(zip([account for account, _ in work], pool.map(write, work), strict=True))
    files = [outcome for _, outcome in outcomes if isinstance(outcome, FileResult)]
    return files, {account: outcome for account, outcome in outcomes if isinstance(outcome, Exception)}


def _rows(request: Request, export: Export, services: ExportServices) -> pa.Table:
    """The rows of the part that belong to accounts of the request."""
    names = [*dict.fromkeys([*(column.name for column in export.columns), *export.order_by]), ACCOUNT_LABEL]
    pieces = [
        pq.read_table(
            io.BytesIO(services.lake.read(key)), columns=names, use_threads=False,
            filters=[(ACCOUNT_LABEL, "in", request.accounts)] if request.alone else None,
        )
        for key in request.files
    ]  # fmt: skip
    return pa.concat_tables(pieces) if pieces else pa.table({name: pa.array([], pa.string()) for name in names})


def _write(request: Request, account: str, lines: Lines, export: Export, services: ExportServices) -> FileResult:
    if not lines.texts and not export.write_empty:
        return FileResult(account, "", 0, 0, "")
    body = lines.encoded()
    digest = hashlib.sha256(body)
    key = export.key(request.date, request.category, account)
    services.bucket.put(key, body, digest.digest())
    return FileResult(account, key, len(lines.texts), len(body), digest.hexdigest())
