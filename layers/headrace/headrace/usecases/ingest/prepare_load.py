"""Between transform and load: the manifest of the batch's parts, and the statements of its one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import MERGE, BatchRecord, FileRecord
from headrace.domain.ingest.load import Part, load_statements, manifest, measure_statements
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.ingest.replay import object_key, origin_of, replay_of
from headrace.domain.judgement import Scope, scope_of
from headrace.domain.sql_text import MOST_BYTES, size_of
from headrace.errors import ContractChangedError, LoadTooLargeError
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult, file_results, unit_results
from headrace.usecases.ports import Lake, Services

MOST_CARRIED = 250_000
"""Bytes of the answer. Step Functions passes on 256 KiB, and adds what it says of the call itself."""


def prepare_load(batch: BatchRecord, iam_role: str, services: Services) -> dict[str, Any]:
    """Write the manifest, render the SQL. Returns `{"manifest", "rows", "replaced", "statements", "measure", "views"}`.

    `statements` is empty when the batch brings no file that the warehouse has to know of, `measure` when the contract
    has no checks of the third tier or there are no rows to measure, `views` are to be refreshed after the load. A batch
    that is only staged takes nothing out of the target: its merge does.

    Raises ContractChangedError where a part was written by another contract than the statements are made from,
    LoadTooLargeError where the services would not take the SQL or the answer: Step Functions' own
    States.DataLimitExceeded is caught by no Catch
    (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
    """
    merging = batch.lane == MERGE
    contract = services.catalog.contract(batch.dataset)
    to_target = merging or not contract.staged
    results = [] if merging else unit_results(services.lake, batch)
    _check_contract(batch, contract, results)
    parts = [part for result in results for part in result.parts]
    accepted = [file for file in file_results(batch, services) if file.verdict is Verdict.GOOD]
    replaced = _replaced(accepted, services) if to_target and contract.replace_versions else []
    files = services.ledger.files(result.file_id for result in accepted) if to_target else []
    reloaded = [file.file_id for file in files if file.reload]
    url = _write_manifest(services.lake, batch.batch, parts)
    template = services.catalog.merge_sql if merging else services.catalog.load_sql
    statements = load_statements(
        template(batch.dataset),
        batch=batch.batch,
        manifest=url,
        iam_role=iam_role,
        arrived=_in_order_of_arrival(services.ledger.files(batch.file_ids)),
        replaced=replaced,
        reloaded=reloaded,
    )
    rows = sum(file.rows_good for file in accepted)
    wanted = bool(parts or replaced or reloaded or (merging and files))
    answer = {
        "manifest": url,
        "rows": rows,
        "replaced": replaced,
        "statements": statements if wanted else [],
        "measure": _measure(batch, url, iam_role, services) if rows else [],
        "views": [view.name for view in contract.views] if wanted and to_target else [],
    }
    _check_size(answer, batch)
    story = {"parts": len(parts), "rows": rows, "replaced_files": len(replaced)}
    services.ledger.tell_batch(batch.batch, "Ready to load", story)
    return answer


def _check_size(answer: dict[str, Any], batch: BatchRecord) -> None:
    most = max(size_of(answer["statements"]), size_of(answer["measure"]))
    carried = len(json.dumps(answer))
    if most > MOST_BYTES or carried > MOST_CARRIED:
        raise LoadTooLargeError(
            f"the {len(batch.file_ids)} files of {batch.batch} replace {len(answer['replaced'])} others: that is"
            f" {most:,} bytes of SQL, of {MOST_BYTES:,}, and {carried:,} for the workflow to carry, of {MOST_CARRIED:,}"
        )


def _check_contract(batch: BatchRecord, contract: Contract, results: list[UnitResult]) -> None:
    if any(result.contract != contract.digest for result in results):
        reason = f"the contract of {batch.dataset} was changed while the batch was under way: it is transformed anew"
        raise ContractChangedError(reason)


def _measure(batch: BatchRecord, url: str | None, iam_role: str, services: Services) -> list[str]:
    contract = services.catalog.contract(batch.dataset)
    if url is None or not contract.checks:
        return []
    scope = scope_of(batch, services.ledger.files(batch.file_ids), contract)
    template = services.catalog.measure_sql(batch.dataset, Scope.BATCH)
    return measure_statements(template, batch=batch.batch, scope=scope, manifest=url, iam_role=iam_role)


def _in_order_of_arrival(files: list[FileRecord]) -> list[str]:
    ordered = sorted(files, key=lambda file: (file.arrived_at, *file.order))
    return [file.file_id for file in ordered]


def _write_manifest(lake: Lake, batch: str, parts: list[Part]) -> str | None:
    if not parts:
        return None
    key = lake_paths.manifest(batch)
    lake.write_json(key, manifest(lake.bucket, parts))
    return f"s3://{lake.bucket}/{key}"


def _replaced(accepted: list[FileResult], services: Services) -> list[str]:
    """Every version of the accepted files' keys that is not the newest one accepted: its rows go, or never come.

    Of one key no more than the ledger lists, the newest first: where a contract replaces what it used to add, the next
    version of the key takes out the next ones.
    """
    files = services.ledger.files(result.file_id for result in accepted)
    alive = _alive(files, {file.place for file in files}, services)
    behind = [file for versions in alive.values() for file in versions[:-1]]
    stale = _stale_replays(files, behind, services)
    own = {file.file_id for file in files}
    # Versions without rows are left out, so that the list does not grow with every version of a key.
    return sorted(stale.union(file.file_id for file in behind if file.file_id in own or file.rows.loaded))


def _alive(
    files: list[FileRecord], places: Iterable[tuple[str, str]], services: Services
) -> dict[tuple[str, str], list[FileRecord]]:
    """The versions of these keys that count, the oldest first: those with rows, and those of the batch."""
    found = services.ledger.loaded_versions(sorted(set(places)))
    alive: dict[tuple[str, str], list[FileRecord]] = {}
    for place, versions in found.items():
        known = {file.file_id: file for file in versions}
        known |= {file.file_id: file for file in files if file.place == place}
        alive[place] = sorted(known.values(), key=lambda file: file.order)
    return alive


def _stale_replays(files: list[FileRecord], behind: list[FileRecord], services: Services) -> set[str]:
    """Rows that came back from quarantine go with the version of the file that they were first in."""
    names = [(services.catalog.contract(origin.dataset), origin.bucket, name)
             for origin in behind for name in origin.replays]  # fmt: skip
    places = {(bucket, object_key(contract, name)) for contract, bucket, name in names}
    replays = _alive(files, places, services) if places else {}
    stale = {version.file_id for versions in replays.values() for version in versions}
    return stale | _late_replays(files, services)


def _late_replays(files: list[FileRecord], services: Services) -> set[str]:
    """The replays among the files, of rows whose file a newer version has replaced."""
    names = {file.file_id: replay_of(services.catalog.contract(file.dataset), file.key) for file in files}
    origins = {file_id: origin_of(name) for file_id, name in names.items() if name}
    known = services.ledger.known(origins.values()) if origins else {}
    alive = _alive(files, {origin.place for origin in known.values()}, services) if known else {}
    newest = {place: versions[-1].order for place, versions in alive.items() if versions}
    return {
        file_id for file_id, name in origins.items()
        if name in known and newest.get(known[name].place, ("", "")) > known[name].order
    }  # fmt: skip
