"""One batch from landed bytes to its outcome, with everything outside in memory."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Kind
from headrace.domain.ingest.failure import explain
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import Verdict
from headrace.errors import ContractChangedError, TransientError
from headrace.transform import Limits, QuarantinedRow, read_quarantine
from headrace.usecases import lake_paths
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.record_staged import BatchGivenUpError
from headrace.usecases.ingest.results import unit_results
from headrace.usecases.ingest.run_statements import LOAD_REFUSED
from headrace.usecases.quality.hold import reject_file, release_file
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, contract, contracts_of, file
from tests.support.ledger_fakes import MemoryContents, MemoryLedger

GOOD = b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\nm2,2026-01-01T00:00:00Z,2\n"
ONE_BAD = GOOD + b"m3,2026-01-01T00:00:00Z,-5\n"

UNKNOWN = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)


def land(services: MemoryServices, name: str, data: bytes, **changes: object) -> FileRecord:
    record = file(name, size=len(data), **changes)
    services.ledger.files.record_arrival(record)
    services.lake.land(record, data)
    return record


def transformed(services: MemoryServices) -> BatchRecord:
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    batch = services.ledger.batches.get(recorded["batch"])
    for unit in recorded["units"]:
        transform_unit(batch, unit, services)
    return batch


def outcome(services: MemoryServices, batch: BatchRecord) -> BatchRecord:
    results = [result for unit in unit_results(services.lake, batch) for result in unit.files]
    ended, notice = record_outcome(batch, results, services)
    services.topic.publish(notice)
    return ended


def test_good_rows_and_bad_rows_go_their_ways() -> None:
    services = MemoryServices()
    landed = land(services, "a.csv", ONE_BAD)
    batch = transformed(services)
    (part,) = unit_results(services.lake, batch)[0].parts
    assert pq.read_table(_buffer(services, part.key)).column("meter").to_pylist() == ["m1", "m2"]
    (bad,) = read_quarantine(services.lake.objects[lake_paths.quarantine("readings", "readings-1", "0001")])
    assert (bad.row_number, bad.raw, bad.file_id) == (3, b"m3,2026-01-01T00:00:00Z,-5", landed.file_id)
    services.warehouse.answers["etl.load_files"] = [[landed.file_id, batch.batch, 2, 2, 0]]
    assert outcome(services, batch).rows == RowCounts(read=3, loaded=2, quarantined=1)
    assert services.ledger.files.get(landed.file_id).status is FileStatus.LOADED
    (notice,) = services.topic.notices
    assert notice.level == "warning"
    assert "value: minimum" in notice.lines[0]


def test_a_contract_that_changes_between_transform_and_load_has_the_files_transformed_anew() -> None:
    services = MemoryServices()
    land(services, "a.csv", GOOD)
    batch = transformed(services)
    swapped = tuple(reversed(contract().columns))
    services.contracts = contracts_of(contract(columns=swapped, digest="1" * 64))
    with pytest.raises(ContractChangedError, match="contract of readings changed while"):
        prepare_load(batch, "default", services)

    assert record_failure(batch, "ContractChangedError", "the contract was changed", services)
    transform_unit(batch, 1, services)
    assert prepare_load(batch, "default", services)["rows"] == 2
    (part,) = unit_results(services.lake, batch)[0].parts
    assert pq.read_table(_buffer(services, part.key)).column_names[:3] == [column.name for column in swapped]


@pytest.mark.parametrize("hold_bytes", [1, 64 << 20])
@pytest.mark.parametrize(("other", "stays"), [(b"-7", []), (b"x", [b"m3,2026-01-01T00:00:00Z,x"])])
def test_bad_rows_that_a_changed_contract_lets_pass_do_not_stay_in_quarantine(
    other: bytes, stays: list[bytes], hold_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are loaded with the others, and a replay would bring them a second time."""
    monkeypatch.setattr("headrace.usecases.unit.parts.HOLD_BYTES", hold_bytes)
    services = MemoryServices()
    land(services, "a.csv", ONE_BAD)
    land(services, "b.csv", ONE_BAD.replace(b"-5", other))
    batch = transformed(services)
    assert len(quarantined(services)) == 2
    mended = tuple(replace(column, minimum=None) for column in contract().columns)
    services.contracts = contracts_of(contract(columns=mended, digest="1" * 64))
    monkeypatch.setattr("headrace.usecases.unit.parts.HOLD_BYTES", 64 << 20)
    transform_unit(batch, 1, services)
    assert [row.raw for row in quarantined(services)] == stays


def quarantined(services: MemoryServices) -> list[QuarantinedRow]:
    objects = [services.lake.objects[key] for key, _ in services.lake.listing("quarantine/readings/")]
    return [row for data in objects for row in read_quarantine(data)]


def test_bad_rows_of_another_unit_stay() -> None:
    services = MemoryServices()
    other = lake_paths.quarantine("readings", "readings-1", "00011")
    services.lake.objects[other] = b"as it was"
    land(services, "a.csv", GOOD)
    transformed(services)
    assert services.lake.objects[other] == b"as it was"


def test_trouble_with_the_ledger_is_not_the_files_fault() -> None:
    class Throttled(MemoryContents):
        def claim(self, *_: object) -> str:
            raise RuntimeError("Rate exceeded")

    services = MemoryServices(ledger=MemoryLedger(contents=Throttled))
    landed = land(services, "a.csv", GOOD)
    with pytest.raises(RuntimeError, match="Rate exceeded"):
        transformed(services)
    assert services.ledger.files.get(landed.file_id).status is FileStatus.RUNNING


def test_a_broken_file_does_not_harm_its_neighbour() -> None:
    services = MemoryServices()
    broken = land(services, "a.csv.gz", gzip.compress(GOOD)[:-9])
    good = land(services, "b.csv", GOOD)
    batch = transformed(services)
    services.warehouse.answers["etl.load_files"] = [[good.file_id, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    assert services.ledger.files.get(broken.file_id).status is FileStatus.FAILED
    assert services.ledger.files.get(broken.file_id).reason
    assert services.ledger.files.get(good.file_id).rows.loaded == 2


def test_twins_in_one_batch_are_loaded_once() -> None:
    services = MemoryServices()
    first, second = land(services, "a.csv", GOOD), land(services, "b.csv", GOOD)
    batch = transformed(services)
    (part,) = unit_results(services.lake, batch)[0].parts
    assert part.rows == 2
    services.warehouse.answers["etl.load_files"] = [[first.file_id, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    twin = services.ledger.files.get(second.file_id)
    assert (twin.status, twin.duplicate_of, twin.rows) == (
        FileStatus.DUPLICATE,
        first.file_id,
        RowCounts(read=2, duplicate=2),
    )


def test_a_contract_may_load_the_same_bytes_under_another_key_but_not_twice_under_one() -> None:
    services = MemoryServices(contracts=contracts_of(contract(load_copies=True)))
    first = land(services, "dt=2024-03-01/part-0.csv", GOOD, file_id="1" * 24)
    second = land(services, "dt=2024-03-02/part-0.csv", GOOD, file_id="2" * 24)
    again = land(services, "dt=2024-03-02/part-0.csv", GOOD, file_id="3" * 24, version="v2", sequencer="02")
    batch = transformed(services)
    results = {result.file_id: result for unit in unit_results(services.lake, batch) for result in unit.files}
    assert results[first.file_id].verdict is Verdict.GOOD
    assert results[second.file_id].verdict is Verdict.GOOD
    assert results[again.file_id].duplicate_of == second.file_id


def test_a_newer_version_replaces_the_older_ones_rows() -> None:
    services = MemoryServices()
    old = file("a.csv", file_id="1" * 24, status=FileStatus.LOADED, rows=RowCounts(read=2, loaded=2))
    services.ledger.given(old)
    new = land(services, "a.csv", ONE_BAD, file_id="2" * 24, version="v2", sequencer="02")
    batch = transformed(services)
    ready = prepare_load(batch, "default", services)
    assert ready["replaced"] == [old.file_id]
    services.warehouse.answers["etl.load_files"] = [
        [new.file_id, batch.batch, 2, 2, 0],
        [old.file_id, "readings-0", 2, 0, 2],
    ]
    outcome(services, batch)
    assert services.ledger.files.get(old.file_id).rows == RowCounts(read=2, superseded=2)


def test_of_a_copy_of_replaced_rows_people_are_told() -> None:
    services = MemoryServices()
    held = land(services, "a.csv", GOOD, file_id="1" * 24)
    copy = land(services, "b.csv", GOOD, file_id="2" * 24)
    batch = transformed(services)
    services.warehouse.answers["etl.load_files"] = [[held.file_id, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    assert services.ledger.files.get(copy.file_id).status is FileStatus.DUPLICATE
    new = land(services, "a.csv", ONE_BAD, file_id="3" * 24, version="v2", sequencer="02")
    hand_over("readings", LIVE, 1, services)
    record_batch("readings", LIVE, 2, "readings-2", services)
    second = services.ledger.batches.get("readings-2")
    transform_unit(second, 1, services)
    services.warehouse.answers["etl.load_files"] = [
        [new.file_id, second.batch, 2, 2, 0],
        [held.file_id, batch.batch, 2, 0, 2],
    ]
    outcome(services, second)
    notice = services.topic.notices[-1]
    assert [line for line in notice.lines if "b.csv is a duplicate of a file that was just replaced" in line]
    assert notice.level == "warning"
    assert services.ledger.files.get(copy.file_id).status is FileStatus.DUPLICATE
    assert services.ledger.lanes.pending("readings", LIVE, 9) == []


def test_an_older_version_that_comes_late_replaces_nothing() -> None:
    services = MemoryServices()
    services.ledger.given(file("a.csv", file_id="2" * 24, sequencer="02", status=FileStatus.LOADED))
    late = land(services, "a.csv", GOOD, file_id="1" * 24, sequencer="01")
    assert prepare_load(transformed(services), "default", services)["replaced"] == [late.file_id]


def test_a_batch_of_failed_files_does_not_wake_the_warehouse() -> None:
    services = MemoryServices()
    land(services, "a.csv", b"nothing,like,it\n1,2,3\n")
    batch = transformed(services)
    assert prepare_load(batch, "default", services)["statements"] == []
    assert outcome(services, batch).status is BatchStatus.LOADED


def test_rows_that_do_not_balance_are_an_alarm() -> None:
    services = MemoryServices()
    landed = land(services, "a.csv", GOOD)
    batch = transformed(services)
    services.warehouse.answers["etl.load_files"] = [[landed.file_id, batch.batch, 2, 1, 0]]
    outcome(services, batch)
    assert services.topic.notices[0].level == "error"
    assert "do not balance" in str(services.ledger.files.get(landed.file_id).reason)


def test_a_deleted_object_fails_alone() -> None:
    services = MemoryServices()
    gone = file("gone.csv")
    services.ledger.files.record_arrival(gone)
    transformed(services)
    result = unit_results(services.lake, services.ledger.batches.get("readings-1"))[0].files[0]
    assert "deleted before it could be read" in str(result.reason)


def test_trouble_with_storage_fails_the_unit_not_the_file() -> None:
    services = MemoryServices()
    land(services, "a.csv", GOOD)

    def unreachable(*_: str) -> None:
        raise TransientError("S3 is slow")

    services.lake.open = unreachable  # type: ignore[method-assign, assignment]
    with pytest.raises(TransientError):
        transformed(services)


def test_transforming_again_writes_the_same() -> None:
    services = MemoryServices()
    land(services, "a.csv", ONE_BAD)
    batch = transformed(services)
    before = dict(services.lake.objects)
    transform_unit(batch, 1, services)
    assert services.lake.objects == before


def test_a_refused_load_is_given_up_at_once_and_other_failures_are_tried_again() -> None:
    services = MemoryServices()
    landed = land(services, "a.csv", GOOD)
    batch = transformed(services)
    assert record_failure(batch, "Sandbox.Timedout", "it took too long", services)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.RUNNING
    assert not record_failure(batch, LOAD_REFUSED, "ERROR: String length exceeds DDL length", services)
    assert services.ledger.files.get(landed.file_id).status is FileStatus.FAILED
    assert "String length exceeds" in str(services.ledger.files.get(landed.file_id).reason)


def test_a_load_that_committed_after_all_is_recorded_not_given_up() -> None:
    services = MemoryServices()
    landed = land(services, "a.csv", GOOD)
    batch = replace(transformed(services), attempts=3)
    services.warehouse.answers = {"etl.loads": [["loaded"]], "etl.load_files": [[landed.file_id, batch.batch, 2, 2, 0]]}
    record_failure(batch, "Runtime.ExitError", "", services)
    assert services.ledger.files.get(landed.file_id).status is FileStatus.LOADED


def test_the_outcome_of_a_batch_that_was_given_up_is_not_recorded() -> None:
    services = MemoryServices()
    landed = land(services, "a.csv", GOOD)
    batch = transformed(services)
    record_failure(batch, LOAD_REFUSED, "ERROR: division by zero", services)
    with pytest.raises(BatchGivenUpError):
        outcome(services, services.ledger.batches.get(batch.batch))
    assert services.ledger.files.get(landed.file_id).status is FileStatus.FAILED


def test_a_lambdas_error_is_told_in_its_own_words() -> None:
    cause = json.dumps({"errorMessage": "no such\nthing", "errorType": "KeyError", "stackTrace": []})
    assert explain("KeyError", cause) == "KeyError: no such thing"


def test_drift_is_told_once_per_batch_and_written_down() -> None:
    services = MemoryServices(contracts_of(contract(columns=(*contract().columns, UNKNOWN))))
    first = land(services, "a.csv", GOOD.replace(b"value\n", b"value,unit\n").replace(b"Z,", b"Z,7,"))
    second = land(services, "b.csv", GOOD.replace(b"value\n", b"value,unit,site\n").replace(b"Z,", b"Z,7,a,"))
    batch = transformed(services)
    services.warehouse.answers["etl.load_files"] = [[f.file_id, batch.batch, 2, 2, 0] for f in (first, second)]
    outcome(services, batch)
    (notice,) = services.topic.notices
    assert notice.level == "warning"
    assert [line for line in notice.lines if "drift in 2 files" in line and "unit (VARCHAR(16)), site (BIGINT)" in line]
    drift = services.ledger.files.get(first.file_id).detected["drift"]
    assert drift["columns"] == [{"name": "unit", "type": "BIGINT"}]
    assert "- name: unit" in drift["yaml"]


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_bad_rows": 0}, "held back: 1 of its first 3 rows are bad, the contract allows 0 ("),
        ({"max_bad_share": 0.3}, "held back: 1 of 3 rows are bad, the contract allows 30% ("),
    ],
)
@pytest.mark.parametrize("hold_bytes", [1, 64 << 20])
def test_a_file_over_the_bad_row_limit_is_held_back_whole(
    limit: dict[str, Any], said: str, hold_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.usecases.unit.parts.HOLD_BYTES", hold_bytes)
    services = MemoryServices(contracts_of(contract(**limit)))
    held = land(services, "a.csv", ONE_BAD)
    batch = transformed(services)
    assert unit_results(services.lake, batch)[0].parts == []
    (bad,) = [
        row for key, data in services.lake.objects.items() if "quarantine" in key for row in read_quarantine(data)
    ]
    assert (bad.row_number, bad.file_id) == (3, held.file_id)
    assert prepare_load(batch, "default", services)["statements"] == []
    outcome(services, batch)
    record = services.ledger.files.get(held.file_id)
    assert (record.status, record.rows) == (FileStatus.FAILED, RowCounts(read=3, quarantined=1, withheld=2))
    assert str(record.reason).startswith(said)
    assert "value: minimum x1" in str(record.reason)


@pytest.mark.parametrize("limit", [{"max_bad_rows": 1}, {"max_bad_share": 0.34}])
def test_a_file_within_the_limit_is_loaded(limit: dict[str, Any]) -> None:
    services = MemoryServices(contracts_of(contract(**limit)))
    land(services, "a.csv", ONE_BAD)
    assert unit_results(services.lake, transformed(services))[0].files[0].reason is None


def versions(good: int, **changes: Any) -> tuple[MemoryServices, FileRecord, BatchRecord]:
    """A loaded version of 10 rows, and a newer one with so many, in a batch with another file."""
    services = MemoryServices(contracts_of(contract(max_shrink=0.2)))
    old = file("a.csv", file_id="1" * 24, status=FileStatus.LOADED, rows=RowCounts(read=10, loaded=9, superseded=1))
    services.ledger.given(old)
    rows = b"".join(b"m%d,2026-01-01T00:00:00Z,2\n" % number for number in range(good))
    data = b"meter,read_at,value\n" + rows
    new = land(services, "a.csv", data, **{"file_id": "2" * 24, "version": "v2", "sequencer": "02"} | changes)
    land(services, "b.csv", GOOD, file_id="3" * 24)
    return services, new, transformed(services)


def test_half_a_file_under_an_old_name_waits_for_a_person_and_its_neighbours_do_not() -> None:
    services, new, batch = versions(5)
    ready = prepare_load(batch, "default", services)
    assert (ready["replaced"], ready["rows"]) == ([], 2)
    services.warehouse.answers["etl.load_files"] = [["3" * 24, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    held = services.ledger.files.get(new.file_id)
    assert (held.status, held.rows) == (FileStatus.HELD, RowCounts(read=5, withheld=5))
    assert str(held.reason).startswith(
        "it has 5 good rows, its previous version had 10: more than the 20% fewer that the contract allows"
        f" (shrinkLimit): `headrace release {new.file_id}` or"
    )
    assert services.ledger.files.get("3" * 24).status is FileStatus.LOADED
    (notice,) = services.topic.notices
    assert (notice.level, notice.lines[0]) == ("error", f"held: readings/a.csv: {held.reason}")


def test_what_a_person_releases_replaces_the_rows_after_all() -> None:
    services, new, batch = versions(5)
    services.warehouse.answers["etl.load_files"] = [["3" * 24, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    held = services.ledger.files.get(new.file_id)
    assert release_file(held, "ann", services, dry_run=True).done
    assert services.ledger.files.get(new.file_id) == held
    assert release_file(held, "ann", services).done
    services.ledger.records.lanes["readings", LIVE] = LaneState(generation=2)
    recorded = record_batch("readings", LIVE, 2, "readings-2", services)
    again = services.ledger.batches.get(recorded["batch"])
    transform_unit(again, 1, services)
    (result,) = unit_results(services.lake, again)[0].files
    assert (result.verdict, prepare_load(again, "default", services)["replaced"]) == (Verdict.GOOD, ["1" * 24])


def test_what_a_person_rejects_has_failed_with_its_counts() -> None:
    services, new, batch = versions(5)
    services.warehouse.answers["etl.load_files"] = [["3" * 24, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    assert reject_file(services.ledger.files.get(new.file_id), "ann", "half of it", services).done
    failed = services.ledger.files.get(new.file_id)
    assert (failed.status, failed.rows) == (FileStatus.FAILED, RowCounts(read=5, withheld=5))
    assert str(failed.reason).startswith("it was held and rejected (half of it): it has 5 good rows")
    assert release_file(failed, "ann", services).why == "it is failed, not held: there is nothing to decide"


@pytest.mark.parametrize(
    ("good", "changes"), [(8, {}), (5, {"reload": True}), (5, {"released": "readings-0"}), (5, {"sequencer": "00"})]
)
def test_versions_that_are_nearly_whole_asked_for_or_older_are_not_held(good: int, changes: dict[str, Any]) -> None:
    services, new, batch = versions(good, **changes)
    results = {result.file_id: result for result in unit_results(services.lake, batch)[0].files}
    assert results[new.file_id].verdict is Verdict.GOOD


def _buffer(services: MemoryServices, key: str) -> object:
    import io

    return io.BytesIO(services.lake.objects[key])


MANY_BAD = b"meter,read_at,value\n" + b"m1,2026-01-01T00:00:00Z,-1\n" * 300_000


def test_reading_stops_when_more_rows_are_bad_than_may_be() -> None:
    services = MemoryServices(contracts_of(contract(max_bad_rows=1000)))
    land(services, "a.csv", MANY_BAD)
    (result,) = unit_results(services.lake, transformed(services))[0].files
    assert result.rows_read == result.rows_bad == 1001
    assert "held back: 1,001 of its first 1,001 rows are bad, the contract allows 1,000" in str(result.reason)
    kept = [row for key, data in services.lake.objects.items() if "quarantine" in key for row in read_quarantine(data)]
    assert len(kept) == 1001


def test_no_file_may_have_bad_rows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.domain.ingest.row_limits.MOST_BAD_ROWS", 150_000)
    services = MemoryServices()
    land(services, "a.csv", MANY_BAD)
    (result,) = unit_results(services.lake, transformed(services))[0].files
    assert result.verdict == "failed"
    assert "150,001 of its first 150,001 rows are bad, no file may have more than 150,000" in str(result.reason)


def test_of_a_fault_of_ours_the_place_is_told_and_no_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("jane.doe@example.com")

    monkeypatch.setattr("headrace.transform.delimited.rows.RowMaker.rows", broken)
    services = MemoryServices()
    land(services, "a.csv", GOOD)
    (result,) = unit_results(services.lake, transformed(services))[0].files
    assert "a fault of Headrace: KeyError at test_batch.py:" in str(result.reason)
    said = [str(record.__dict__) for record in caplog.records]
    assert "a file could not be transformed" in said[0]
    assert "jane.doe" not in "".join(said) + json.dumps(result.to_json())


def test_a_file_whose_parquet_does_not_fit_on_the_disk_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.usecases.unit.parts.HOLD_BYTES", 1)
    monkeypatch.setattr("headrace.transform.output.parts.ROW_GROUP", 1)
    monkeypatch.setattr("headrace.usecases.unit.parts.Limits", lambda: Limits(parquet=10))
    services = MemoryServices()
    land(services, "a.csv", GOOD)
    (result,) = unit_results(services.lake, transformed(services))[0].files
    assert "take more than 10 bytes as Parquet" in str(result.reason)


def test_a_file_that_is_loaded_and_still_marked_as_waiting_is_not_loaded_again() -> None:
    services = MemoryServices()
    good, marked = land(services, "a.csv", GOOD), land(services, "b.csv", GOOD.replace(b"m1", b"m7"))
    services.ledger.given(replace(marked, status=FileStatus.LOADED, batch="readings-0", rows=RowCounts(2, 2)))
    batch = transformed(services)
    assert batch.file_ids == (good.file_id,)
    (unit,) = unit_results(services.lake, batch)
    assert [result.file_id for result in unit.files] == [good.file_id]
    services.warehouse.answers["etl.load_files"] = [[good.file_id, batch.batch, 2, 2, 0]]
    assert outcome(services, batch).rows == RowCounts(2, 2)
    assert services.ledger.files.get(marked.file_id).batch == "readings-0"


def test_the_run_that_transformed_a_file_is_in_its_record_with_what_it_cost() -> None:
    services = MemoryServices()
    landed = land(services, "a.csv", GOOD)
    batch = transformed(services)
    run = {"unit": 1, "run": "jr_1", "dpu_seconds": 240.4}
    prepare_load(batch, "default", services, [run | {"at_most": True}])
    (result,) = unit_results(services.lake, batch)[0].files
    assert result.detected["glue"] == {"run": "jr_1", "dpu_seconds": 240, "at_most": True}
    prepare_load(batch, "default", services, [run])  # the state is tried again
    services.warehouse.answers["etl.load_files"] = [[landed.file_id, batch.batch, 2, 2, 0]]
    outcome(services, batch)
    assert services.ledger.files.get(landed.file_id).detected["glue"] == {"run": "jr_1", "dpu_seconds": 240}
    ready = [event.detail for event in services.events.of_batch(batch.batch) if event.step == "Ready to load"]
    assert (ready[-1]["glue_runs"], ready[-1]["dpu_seconds"]) == (1, 240)
