"""Objects that the ledger does not know, through a lane of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.arrival import MAX_FILE_BYTES
from headrace.domain.ingest.ledger import BACKFILL, LIVE, FileStatus
from headrace.usecases.ingest import starter
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.backfill import backfill, came_before
from headrace.usecases.recovery.requeue import retry
from tests.support.fakes import MemoryLanding, MemoryServices, contract, contracts_of


def landed(*keys: str) -> MemoryLanding:
    landing = MemoryLanding()
    for number, key in enumerate(keys):
        landing.put(key, b"x" * (number + 1))
    return landing


def test_what_is_unknown_waits_in_a_lane_of_its_own() -> None:
    services, landing = MemoryServices(), landed("readings/a", "readings/b", "others/c")
    told = next(iter(landing.versions("readings/a")))
    starter.record(told.arrival("05"), services)
    found = backfill("readings", "readings/", landing, services)
    assert (found.taken, found.known, found.elsewhere) == (["readings/b"], 1, 0)
    assert services.workflow.executions == {("readings", BACKFILL, 1): "RUNNING"}
    recorded = record_batch("readings", BACKFILL, 1, "readings-backfill-1", services)
    assert recorded["batch"] == "readings-backfill-1"
    assert len(services.ledger.lanes.pending("readings", LIVE, 9)) == 1


def test_again_it_takes_nothing_but_wakes_what_waits() -> None:
    services, landing = MemoryServices(), landed("readings/a")
    backfill("readings", "readings/", landing, services)
    services.workflow.executions.clear()  # it was stopped before it woke the lane
    assert backfill("readings", "readings/", landing, services).taken == []
    assert ("readings", BACKFILL, 1) in services.workflow.executions


def test_where_nothing_waits_nothing_is_woken() -> None:
    services = MemoryServices()
    backfill("readings", "readings/", landed(), services)
    assert services.workflow.executions == {}
    backfill("readings", "readings/", landed("readings/a"), services)
    services.workflow.executions.clear()
    backfill("readings", "readings/", landed("readings/a"), services, dry_run=True)
    assert services.workflow.executions == {}


def test_versions_keep_their_order_among_those_that_came_by_event() -> None:
    services, landing = MemoryServices(), landed(*["readings/a"] * 5)
    versions = list(landing.versions("readings/a"))[::-1]
    starter.record(versions[1].arrival("0B"), services)
    starter.record(versions[3].arrival("0C"), services)
    backfill("readings", "readings/", landing, services)
    starter.record(versions[4].arrival("0D"), services)  # its event comes late: it is known by now
    known = services.ledger.contents.versions("landing", "readings/a")
    assert [file.version for file in known] == [version.version for version in versions]


def test_a_version_is_never_earlier_than_the_one_before_it() -> None:
    services, landing = MemoryServices(), landed(*["readings/a"] * 2)
    second, first = landing.versions("readings/a")
    starter.record(replace(first, at="2026-02-01T00:00:00.000000Z").arrival("0B"), services)
    backfill("readings", "readings/", landing, services)
    found = services.files.get(second.file_id)
    assert found.arrived_at == "2026-02-01T00:00:00.000000Z"
    assert found.arrival > services.files.get(first.file_id).arrival


def test_a_deleted_key_and_an_empty_object_are_not_loaded() -> None:
    services, landing = MemoryServices(), landed("readings/a", "readings/b")
    landing.put("readings/empty", b"")
    landing.deleted.add("readings/a")
    found = backfill("readings", "readings/", landing, services)
    assert (found.taken, found.refused, found.deleted) == (["readings/b"], ["readings/empty"], 1)


WRONG = (
    pytest.param((contract(files=("*.csv",)),), id="none of the files"),
    pytest.param((contract(ignore=("*.txt",)),), id="ignored"),
    pytest.param((contract(prefix="meters/"),), id="no dataset"),
)


def passed_over(wrong: tuple[Contract, ...], *keys: str) -> tuple[MemoryServices, MemoryLanding]:
    """Objects that came by event while the contract was wrong. It is corrected now."""
    services, landing = MemoryServices(contracts=contracts_of(*wrong)), landed(*keys)
    for number, item in enumerate(landing.all_versions):
        assert starter.record(item.arrival(f"{number:02}"), services).status is FileStatus.UNROUTABLE
    services.contracts = contracts_of(contract())
    return services, landing


@pytest.mark.parametrize("wrong", WRONG)
def test_what_was_passed_over_is_taken_once_the_contract_takes_it(wrong: tuple[Contract, ...]) -> None:
    services, landing = passed_over(wrong, "readings/a.txt")
    found = backfill("readings", "readings/", landing, services, dry_run=True)
    assert (found.taken, found.known, services.workflow.executions) == (["readings/a.txt"], 0, {})
    assert not services.lanes.pending("readings", BACKFILL, 9)
    found = backfill("readings", "readings/", landing, services)
    assert (found.taken, found.known, found.refused) == (["readings/a.txt"], 0, [])
    assert services.workflow.executions == {("readings", BACKFILL, 1): "RUNNING"}
    (waiting,) = services.lanes.pending("readings", BACKFILL, 9)
    assert (waiting.dataset, waiting.lane, waiting.status) == ("readings", BACKFILL, FileStatus.PENDING)
    assert (waiting.reason, waiting.sequencer, waiting) == (None, "00", services.files.get(waiting.file_id))
    assert "readings takes it now" in services.ledger.records.events[waiting.file_id][-1].detail["why"]
    again = backfill("readings", "readings/", landing, services)
    assert (again.taken, again.known) == ([], 1)


def test_what_was_passed_over_and_still_would_be_stays_known() -> None:
    services, landing = passed_over((contract(ignore=("*.txt",)),), "readings/a.txt")
    services.contracts = contracts_of(contract(files=("*.csv",)))
    before = dict(services.ledger.records.files)
    found = backfill("readings", "readings/", landing, services)
    assert (found.taken, found.known, found.refused, found.elsewhere) == ([], 1, [], 0)
    services.contracts = contracts_of(contract(), contract("inner", prefix="readings/a"))
    assert backfill("readings", "readings/", landing, services).known == 1, "it is another dataset's"
    assert services.ledger.records.files == before


def test_versions_passed_over_and_unknown_ones_keep_their_order() -> None:
    services, landing = passed_over((contract(ignore=("*.txt",)),), "readings/a.txt", "readings/a.txt")
    landing.put("readings/a.txt", b"newest")
    assert len(backfill("readings", "readings/", landing, services).taken) == 3
    versions = services.contents.versions("landing", "readings/a.txt")
    assert [file.version for file in versions] == ["v0", "v1", "v2"]
    assert len(services.lanes.pending("readings", BACKFILL, 9)) == 3


def test_what_another_command_took_in_the_meantime_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    services, landing = passed_over((contract(ignore=("*.txt",)),), "readings/a.txt")
    (was,) = services.ledger.records.files.values()
    assert retry([was], services)[0].done
    taken = services.files.get(was.file_id)
    monkeypatch.setattr(services.files, "known", lambda ids: dict.fromkeys(ids, was))  # it had looked before
    backfill("readings", "readings/", landing, services)
    assert services.files.get(was.file_id) == taken
    assert (taken.dataset, taken.lane) == ("readings", LIVE)


def test_a_dry_run_writes_nothing() -> None:
    services, landing = MemoryServices(), landed("readings/a")
    assert backfill("readings", "readings/", landing, services, dry_run=True).taken == ["readings/a"]
    assert not services.ledger.records.files
    assert not services.workflow.executions


def test_a_late_event_of_a_backfilled_file_finds_it() -> None:
    services, landing = MemoryServices(), landed("readings/a")
    backfill("readings", "readings/", landing, services)
    late = starter.record(next(iter(landing.versions("readings/"))).arrival("0F"), services)
    assert (late.status, late.lane, late.deliveries) == (FileStatus.PENDING, BACKFILL, 2)


def test_many_objects_are_taken_in_groups_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.usecases.recovery.backfill.KEYS_TOGETHER", 3)
    services, landing = MemoryServices(), landed(*[f"readings/{number:02}" for number in range(8)], "readings/00")
    told: list[tuple[int, int]] = []
    found = backfill(
        "readings", "readings/", landing, services, progress=lambda f: told.append((len(f.taken), f.known))
    )
    assert found.taken == ["readings/00", "readings/00", *[f"readings/{number:02}" for number in range(1, 8)]]
    assert told == [(3, 0), (6, 0), (9, 0), (9, 0)]
    assert backfill("readings", "readings/", landing, services).known == 9


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("spark", [True, False])
def test_a_file_that_is_too_large_for_a_function_is_taken_if_there_is_a_glue_job(*, spark: bool, dry_run: bool) -> None:
    services, landing = MemoryServices(spark=spark), landed("readings/a")
    landing.all_versions = [replace(each, size=MAX_FILE_BYTES + 1) for each in landing.all_versions]
    found = backfill("readings", "readings/", landing, services, dry_run=dry_run)
    assert (found.taken, found.refused) == ((["readings/a"], []) if spark else ([], ["readings/a"]))


def test_files_that_came_before_their_contract_are_counted_by_the_dataset_that_takes_them_now() -> None:
    services, landing = MemoryServices(contracts=contracts_of()), landed("readings/a", "readings/b", "others/c")
    for number, item in enumerate(landing.versions("")):
        starter.record(item.arrival(f"{number:02}"), services)
    assert came_before(services) == {}
    services.contracts = contracts_of(contract())
    assert came_before(services) == {"readings": 2}
    assert sum(came_before(services, most=1).values()) <= 1
    backfill("readings", "readings/", landing, services)
    assert came_before(services) == {}
