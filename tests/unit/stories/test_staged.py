"""A staged dataset: what a batch leaves for the merge, what the merge makes of it, what late functions cannot undo."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.lane import LIMITS, wait_seconds
from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.usecases import lake_paths
from headrace.usecases.ingest.bisect_batch import give_up
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.record_staged import BatchGivenUpError
from headrace.usecases.ingest.results import UnitResult, file_results
from headrace.usecases.migrate import MigrationError, migrate
from headrace.usecases.recovery.reconcile import reconcile
from headrace.usecases.recovery.requeue import reload, retry
from tests.support.fakes import MemoryLanding, MemoryServices, contract, contracts_of, file

ROLE = "default"


def services_with(*names: str) -> MemoryServices:
    services = MemoryServices(contracts=contracts_of(contract(staged=True, merge_seconds=900)))
    for name in names:
        services.ledger.files.record_arrival(file(name))
    return services


def start(services: MemoryServices, lane: str, generation: int = 1) -> BatchRecord:
    recorded = record_batch("readings", lane, generation, f"{lane}-{generation}", services)
    return services.ledger.batches.get(recorded["batch"])


def transformed(services: MemoryServices, batch: BatchRecord) -> list[FileResult]:
    results = [FileResult(one, Verdict.GOOD, rows_read=3, rows_good=2, rows_bad=1) for one in batch.file_ids]
    services.lake.write_json(lake_paths.result(batch.batch, 1), UnitResult(1, contract().digest, [], results).to_json())
    return results


def staged(services: MemoryServices, generation: int = 1) -> BatchRecord:
    """A batch whose rows are in the stage table."""
    batch = start(services, LIVE, generation)
    results = transformed(services, batch)
    services.warehouse.answers["etl.staged_readings"] = [[one, 2] for one in batch.file_ids]
    ended, _ = record_outcome(batch, results, services)
    hand_over("readings", LIVE, generation, services)
    return ended


def merged(services: MemoryServices, batch: BatchRecord) -> None:
    services.warehouse.answers["etl.load_files"] = [[one, batch.batch, 2, 2, 0] for one in batch.file_ids]
    record_outcome(batch, file_results(batch, services), services)


def only(services: MemoryServices) -> FileRecord:
    (one,) = services.ledger.records.files.values()
    return one


def test_a_batch_leaves_its_files_staged_and_wakes_the_merge_lane() -> None:
    services = services_with("a.csv")
    batch = staged(services)
    assert batch.status is BatchStatus.STAGED
    assert only(services).status is FileStatus.STAGED
    assert only(services).rows == RowCounts(read=3, quarantined=1, staged=2)
    assert only(services).rows.balanced
    assert services.workflow.executions["readings", MERGE, 1] == "RUNNING"
    assert 0 < services.workflow.waits[-1] <= 900


def test_a_merge_takes_what_is_staged_without_a_transform_and_accounts_for_it() -> None:
    services = services_with("a.csv", "b.csv")
    staged(services)
    recorded = record_batch("readings", MERGE, 1, "m", services)
    assert (recorded["batch"], recorded["files"], recorded["units"]) == ("readings-merge-1", 2, [])
    batch = services.ledger.batches.get("readings-merge-1")
    prepared = prepare_load(batch, ROLE, services)
    text = "\n".join(prepared["statements"])
    assert prepared["manifest"] is None
    assert "COPY" not in text
    assert all(one in text for one in batch.file_ids)
    merged(services, batch)
    for one in services.ledger.records.files.values():
        assert (one.status, one.batch, one.merge) == (FileStatus.LOADED, "readings-1", "readings-merge-1")
        assert one.rows == RowCounts(read=3, loaded=2, quarantined=1)
    assert services.ledger.lanes.state("readings", MERGE).open_batch is None


def test_staging_takes_nothing_out_of_the_target() -> None:
    services = services_with()
    old = file(
        "old", version="v0", sequencer="00", status=FileStatus.LOADED, rows=RowCounts(2, 2), key="readings/a.csv"
    )
    services.ledger.records.files[old.file_id] = old
    services.ledger.files.record_arrival(file("a.csv"))
    batch = start(services, LIVE)
    transformed(services, batch)
    assert prepare_load(batch, ROLE, services)["replaced"] == []
    services.warehouse.answers["etl.staged_readings"] = [[batch.file_ids[0], 2]]
    record_outcome(batch, file_results(batch, services), services)
    merge = start(services, MERGE)
    assert prepare_load(merge, ROLE, services)["replaced"] == [old.file_id]


def test_a_late_outcome_of_the_batch_takes_no_file_back_from_its_merge() -> None:
    services = services_with("a.csv")
    early = start(services, LIVE)
    results = transformed(services, early)
    services.warehouse.answers["etl.staged_readings"] = [[early.file_ids[0], 2]]
    record_outcome(early, results, services)
    merge = start(services, MERGE)
    record_outcome(early, results, services)
    assert only(services).status is FileStatus.MERGING
    merged(services, merge)
    services.warehouse.answers["etl.staged_readings"] = []
    record_outcome(early, results, services)
    assert only(services).status is FileStatus.LOADED


def test_rows_that_never_came_to_the_stage_mean_a_tombstone() -> None:
    services = services_with("a.csv")
    batch = start(services, LIVE)
    with pytest.raises(BatchGivenUpError):
        record_outcome(batch, transformed(services, batch), services)


def test_a_merge_that_is_refused_is_split_and_its_culprit_leaves_the_stage() -> None:
    services = services_with("a.csv", "b.csv")
    staged(services)
    give_up(start(services, MERGE), "ERROR: value too long for type character varying(6)", services)
    assert {one.status for one in services.ledger.records.files.values()} == {FileStatus.STAGED}
    hand_over("readings", MERGE, 1, services)
    assert services.workflow.waits[-1] == 0  # the search does not wait for the clock
    alone = start(services, MERGE, 2)
    assert len(alone.file_ids) == 1
    give_up(alone, "ERROR: value too long for type character varying(6)", services)
    failed = services.ledger.files.get(alone.file_ids[0])
    assert (failed.status, failed.rows) == (FileStatus.FAILED, RowCounts())
    assert f"DELETE FROM etl.staged_readings WHERE _file_id = '{failed.file_id}'" in services.warehouse.ran
    (answer,) = retry([failed], services)
    assert (answer.done, answer.file.merge) == (True, None)


def test_a_file_that_is_staged_again_keeps_the_rows_it_has_meanwhile() -> None:
    services = services_with("a.csv")
    staged(services)
    merged(services, start(services, MERGE))
    hand_over("readings", MERGE, 1, services)
    reload([only(services)], services)
    staged(services, generation=2)
    assert only(services).status is FileStatus.STAGED
    assert only(services).rows == RowCounts(read=3, loaded=2, quarantined=1)
    again = start(services, MERGE, services.ledger.lanes.state("readings", MERGE).generation)
    text = "\n".join(prepare_load(again, ROLE, services)["statements"])
    assert "DELETE FROM public.readings" in text


@pytest.mark.parametrize(("at", "wait"), [(0.0, 900), (1.5, 899), (899.0, 1), (1799.9, 1)])
def test_merges_run_at_whole_multiples_of_the_interval(at: float, wait: int) -> None:
    assert wait_seconds(contract(staged=True, merge_seconds=900), MERGE, None, at) == wait


def test_more_than_a_merge_takes_is_merged_at_once() -> None:
    services = services_with()
    for number in range(LIMITS[MERGE].files + 1):
        one = file(f"{number:05}", status=FileStatus.RUNNING, batch="readings-1")
        services.ledger.records.files[one.file_id] = one
        services.ledger.files.requeue(replace(one, status=FileStatus.STAGED), one)
    assert len(start(services, MERGE).file_ids) == LIMITS[MERGE].files
    services.ledger.records.lanes["readings", MERGE] = replace(
        services.ledger.records.lanes["readings", MERGE], open_batch=None
    )
    for number in range(LIMITS[MERGE].files):
        one = file(f"more{number:05}", status=FileStatus.RUNNING, batch="readings-2")
        services.ledger.records.files[one.file_id] = one
        services.ledger.files.requeue(replace(one, status=FileStatus.STAGED), one)
    hand_over("readings", MERGE, 1, services)
    assert services.workflow.waits[-1] == 0


def test_reconcile_knows_the_stage_table() -> None:
    services = services_with("a.csv")
    staged(services)
    stray = [["f" * 24, 4]]
    services.warehouse.answers = {"FROM etl.staged_readings": stray}
    landing = MemoryLanding()
    said = [item.what for item in reconcile(["readings"], landing, services).differences]
    assert any("staged_readings has 4 rows of a file ffffffffffffffffffffffff that the ledger" in text for text in said)
    assert any("0 rows staged, 2 by the ledger" in text for text in said)


COLUMNS: list[list[Any]] = [
    ["meter", "character varying", 16, None, None, "NO"],
    ["read_at", "timestamp without time zone", None, None, None, "NO"],
    ["value", "bigint", None, None, None, "YES"],
]


def test_a_contract_that_stops_to_be_staged_waits_for_its_merge() -> None:
    services = MemoryServices(contracts=contracts_of(contract()))
    services.warehouse.answers = {
        "svv_tables": [["staged_readings"], ["guard_readings"]],
        "svv_columns": COLUMNS,
        "COUNT(*) FROM etl.staged_readings": [[7]],
    }
    with pytest.raises(MigrationError, match="7 rows wait in etl"):
        migrate(services, "headrace")


def test_a_late_failure_does_not_bring_a_condemned_batch_back() -> None:
    services = services_with("a.csv")
    early = start(services, LIVE)
    services.ledger.batches.save(replace(early, condemned=True, reason="refused"))
    record_failure(early, "Boom", "late", services)
    assert services.ledger.batches.get(early.batch).condemned
    assert services.ledger.batches.get(early.batch).reason == "refused"


def test_of_a_staged_batch_only_files_that_have_ended_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """What is staged is measured when its merge loads it."""
    services = MemoryServices(contracts=contracts_of(contract(staged=True, merge_seconds=60)))
    files = [services.ledger.files.record_arrival(file(name)) for name in ("good", "bad", "none")]
    batch = services.ledger.batches.get(record_batch("readings", LIVE, 1, "readings-1", services)["batch"])
    services.warehouse.answers["COUNT(*) FROM etl.loads"] = [[files[0].file_id, 2]]
    verdicts = (Verdict.GOOD, Verdict.FAILED, Verdict.GOOD)
    results = [
        FileResult(one.file_id, verdict, 3, good, 3 - good, reason="odd")
        for one, verdict, good in zip(files, verdicts, (2, 0, 0), strict=True)
    ]
    record_outcome(batch, results, services)
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (line["FilesFailed"], line["RowsLoaded"], line["RowsQuarantined"]) == ([1.0], [0.0], [3.0])
    staged = {one.file_id: services.ledger.records.events[one.file_id][-1] for one in (files[0], files[2])}
    assert [(line.step, line.detail) for line in staged.values()] == [("Staged", {"rows": 2}), ("Staged", {"rows": 0})]
