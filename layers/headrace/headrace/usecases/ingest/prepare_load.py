"""Between transform and load: the manifest of the batch's parts, and the statements of its one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headrace.domain.contract import PARTITION, Contract, Kind
from headrace.domain.files.key_values import partition_of
from headrace.domain.ingest.ledger import MERGE, BatchRecord, FileRecord
from headrace.domain.ingest.load import Part, load_statements, manifest, measure_statements, named_files
from headrace.domain.ingest.load_plan import (
    MOST_RETURNS,
    History,
    LoadPlan,
    accepted,
    first_files,
    load_plan,
    origins_of,
    replaces,
    replay_places,
)
from headrace.domain.sql_text import MOST_BYTES, SqlText, size_of
from headrace.errors import ContractChangedError, LoadTooLargeError
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult, file_results, note_run, unit_results
from headrace.usecases.ports import (
    Files,
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasSql,
    Lake,
    SqlTexts,
)

MOST_CARRIED = 250_000
"""Bytes of the answer. Step Functions passes on 256 KiB, and adds what it says of the call itself."""


class Services(HasBatches, HasContents, HasContracts, HasEvents, HasFiles, HasLake, HasSql, Protocol):
    """The ports used here."""


def prepare_load(
    batch: BatchRecord, iam_role: str, services: Services, runs: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Write the manifest, render the SQL. Returns `{"manifest", "rows", "replaced", "statements", "measure", "views"}`.

    `statements` is empty when the batch brings no file that the warehouse has to know of, `measure` when the contract
    has no checks of the third tier or there are no rows to measure, `views` are to be refreshed after the load.
    `runs` are the Glue runs of units: `{"unit", "run", "dpu_seconds", "at_most"?}` each.

    Raises ContractChangedError where a part was written by another contract than the statements are made from,
    LoadTooLargeError where the services would not take the SQL or the answer: Step Functions' own
    States.DataLimitExceeded is caught by no Catch
    (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
    """
    for run in runs:
        note_run(services.lake, batch.batch, run)
    plan = _plan(batch, services)
    url = _write_manifest(services.lake, batch.batch, plan.parts)
    answer = {
        "manifest": url,
        "rows": plan.rows,
        "replaced": plan.replaced,
        "statements": _load(batch, plan, url, iam_role, services.sql),
        "measure": _measure(batch, plan, url, iam_role, services.sql),
        "views": plan.views,
    }
    _check_size(answer, batch)
    story = {"parts": len(plan.parts), "rows": plan.rows, "replaced_files": len(plan.replaced)}
    if runs:
        story |= {"glue_runs": len(runs), "dpu_seconds": round(sum(run["dpu_seconds"] for run in runs))}
    services.events.note_batch(batch.batch, "Ready to load", story)
    return answer


def _plan(batch: BatchRecord, services: Services) -> LoadPlan:
    """Read everything that decides, and decide."""
    contract = services.contracts.get(batch.dataset)
    units = [] if batch.lane == MERGE else unit_results(services.lake, batch)
    _check_contract(batch, contract, units)
    results = file_results(batch, services) if batch.lane == MERGE else [file for unit in units for file in unit.files]
    files = services.files.get_all(batch.file_ids)
    history = _history(batch, accepted(files, results), contract, services)
    parts = [part for unit in units for part in unit.parts]
    return load_plan(batch, contract, files, results=results, parts=parts, history=history)


def _history(batch: BatchRecord, files: list[FileRecord], contract: Contract, services: Services) -> History:
    """What is known of the files' keys, of the files whose rows they bring back, and of what came back from them."""
    replays = origins_of(files, contract)
    origins = known_origins(set(replays.values()), contract, services.files)
    scopes = _scopes(files, origins, contract) if contract.snapshot == PARTITION else None
    if not replaces(batch, contract):
        return History(origins=origins, scopes=scopes)
    first = [origins[origin] for origin in replays.values() if origin in origins]
    versions = services.contents.loaded_versions(sorted({file.place for file in [*files, *first]}))
    came_back = replay_places(files, versions, contract)
    versions |= services.contents.loaded_versions(sorted(came_back)) if came_back else {}
    return History(versions, origins, scopes)


def _scopes(files: list[FileRecord], origins: dict[str, FileRecord], contract: Contract) -> dict[str, str]:
    """The partition of which each file is a snapshot."""
    firsts = first_files(files, origins, contract)
    numbers = {column.source for column in contract.columns if column.kind is Kind.INTEGER}
    below = {file_id: first.key.removeprefix(contract.prefix) for file_id, first in firsts.items()}
    return {file_id: partition_of(contract.folder_templates, key, numbers) for file_id, key in below.items()}


def known_origins(wanted: set[str], contract: Contract, files: Files) -> dict[str, FileRecord]:
    """The files by id, and those that their rows were in before, if they came back from quarantine themselves."""
    found: dict[str, FileRecord] = {}
    for _ in range(MOST_RETURNS):
        known = files.known(wanted) if wanted else {}
        found |= known
        wanted = set(origins_of(known.values(), contract).values()).difference(found)
    return found


def _load(batch: BatchRecord, plan: LoadPlan, url: str | None, iam_role: str, sql: SqlTexts) -> list[str]:
    if not plan.needed:
        return []
    text = SqlText.MERGE if batch.lane == MERGE else SqlText.LOAD
    return load_statements(
        sql.text(batch.dataset, text),
        batch=batch.batch,
        manifest=url,
        iam_role=iam_role,
        arrived=plan.arrived,
        objects=plan.objects,
        replaced=plan.replaced,
        reloaded=plan.reloaded,
        scopes=plan.scopes,
    )


def _measure(batch: BatchRecord, plan: LoadPlan, url: str | None, iam_role: str, sql: SqlTexts) -> list[str]:
    if plan.scope is None:
        return []
    template = sql.text(batch.dataset, SqlText.MEASURE_BATCH)
    files = named_files(plan.arrived, plan.objects, set(), set(), plan.scopes)
    return measure_statements(
        template, batch=batch.batch, scope=plan.scope, manifest=url, iam_role=iam_role, files=files
    )


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
        what = f"the contract of {batch.dataset} changed while the batch was being processed"
        raise ContractChangedError(f"{what}: its files are transformed again")


def _write_manifest(lake: Lake, batch: str, parts: list[Part]) -> str | None:
    if not parts:
        return None
    key = lake_paths.manifest(batch)
    lake.write_json(key, manifest(lake.bucket, parts))
    return f"s3://{lake.bucket}/{key}"
