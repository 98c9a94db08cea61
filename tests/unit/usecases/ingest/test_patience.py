"""An error that hits everything fails no file: files wait, people hear of it once, and once that it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.ingest.failure import Treatment
from headrace.domain.ingest.lane import MAX_ATTEMPTS, Fate, LaneState, fate, is_patient, wait_seconds
from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.packing import APART
from headrace.domain.notice import Next
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.run_statements import LOAD_REFUSED
from headrace.usecases.ingest.trouble import report
from headrace.usecases.quality.hold import reject, release
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract, contracts_of, file

UNKNOWN = "a sentence that nobody has read yet"
PASSES = "ERROR: Query cancelled."
SYSTEMIC = "ERROR: relation x does not exist"
Fails = Callable[[BatchRecord], str | None]
"""Why a batch fails; None for one that loads."""


def landed(services: MemoryServices, *names: str) -> list[FileRecord]:
    return [services.ledger.files.record_arrival(file(name, arrived_at=clock.now())) for name in names]


def take(services: MemoryServices, generation: int) -> BatchRecord | None:
    name = record_batch("readings", LIVE, generation, f"readings-{generation}", services)["batch"]
    return services.ledger.batches.get(name) if name else None


def step(services: MemoryServices, fails: Fails) -> BatchRecord | None:
    """One execution of the lane."""
    generation = services.ledger.lanes.state("readings", LIVE).generation
    batch = take(services, generation)
    cause = fails(batch) if batch else None
    if batch and cause:
        record_failure(batch, LOAD_REFUSED, cause, services)
    elif batch:
        load(services, batch)
    hand_over("readings", LIVE, generation, services)
    return batch


def load(services: MemoryServices, batch: BatchRecord) -> None:
    files = services.ledger.files.get_all(batch.file_ids)
    loaded = [replace(f.cleared, status=FileStatus.LOADED, rows=RowCounts(1, 1)) for f in files]
    services.ledger.batches.settle(batch, loaded)
    services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED, rows=RowCounts(1, 1)))


def steps(services: MemoryServices, count: int, fails: Fails) -> None:
    for _ in range(count):
        step(services, fails)


def statuses(services: MemoryServices) -> set[FileStatus]:
    return {known.status for known in services.ledger.records.files.values()}


def titles(services: MemoryServices) -> list[str]:
    return [f"{notice.level}: {notice.title} {notice.lines[-1]}" for notice in services.topic.notices]


@pytest.mark.parametrize("cause", [UNKNOWN, PASSES, SYSTEMIC])
@pytest.mark.parametrize("names", ["a", "ab", "abcdefgh"])
def test_an_error_that_hits_everything_fails_nothing_and_all_is_loaded_when_it_is_over(names: str, cause: str) -> None:
    services = MemoryServices()
    landed(services, *names)
    steps(services, 40, lambda _: cause)
    landed(services, "later")
    steps(services, 40, lambda _: cause)
    assert statuses(services) <= {FileStatus.PENDING, FileStatus.RUNNING}
    steps(services, 6, lambda _: None)
    assert statuses(services) == {FileStatus.LOADED}
    assert all(not (f.suspects or f.failing_since or f.apart_since) for f in services.ledger.records.files.values())


def test_people_hear_once_of_what_hits_everything_and_once_that_it_is_over() -> None:
    services = MemoryServices()
    landed(services, *"abcd")
    steps(services, 60, lambda _: UNKNOWN)
    said = titles(services)
    assert [line.partition(":")[0] for line in said] == ["warning", "warning", "critical"]
    assert "Nothing else of its lane loads either" in said[2]
    landed(services, *"xyz")
    steps(services, 8, lambda _: None)
    over = titles(services)[3:]
    assert len(over) == 1
    assert over[0].startswith("ok: readings: files load again")
    assert services.ledger.lanes.state("readings", LIVE).notified == ()


@pytest.mark.parametrize("cause", [PASSES, SYSTEMIC])
def test_of_an_error_that_passes_people_hear_twice_of_the_beginning_and_of_the_end(cause: str) -> None:
    services = MemoryServices()
    landed(services, *"abcd")
    steps(services, 20, lambda _: cause)
    landed(services, *"wxyz")
    steps(services, 4, lambda _: None)
    said = titles(services)
    assert [line.partition(":")[0] for line in said] == ["warning", "ok"]
    assert "4 files that waited will be loaded now" in said[1]


def test_errors_that_take_turns_are_told_once_each() -> None:
    services = MemoryServices()
    landed(services, *"ab")
    for _ in range(10):
        step(services, lambda _: PASSES)
        step(services, lambda _: SYSTEMIC)
    assert len(services.topic.notices) == 2


@pytest.mark.parametrize("culprit", "abcdefgh")
def test_while_others_load_an_unknown_error_is_searched_down_to_its_file(culprit: str) -> None:
    services = MemoryServices()
    files = dict(zip("abcdefgh", landed(services, *"abcdefgh"), strict=True))
    steps(services, 40, lambda batch: UNKNOWN if files[culprit].file_id in batch.file_ids else None)
    for name, known in files.items():
        wanted = FileStatus.FAILED if name == culprit else FileStatus.LOADED
        assert services.ledger.files.get(known.file_id).status is wanted


def test_a_file_alone_that_fails_for_an_unknown_error_waits_until_another_has_loaded() -> None:
    services = MemoryServices()
    (bad,) = landed(services, "bad")
    fails: Fails = lambda batch: UNKNOWN if bad.file_id in batch.file_ids else None  # noqa: E731
    steps(services, 30, fails)
    assert services.ledger.files.get(bad.file_id).status in {FileStatus.PENDING, FileStatus.RUNNING}
    (good,) = landed(services, "good")
    assert step(services, fails).file_ids == (good.file_id,)  # type: ignore[union-attr]
    steps(services, 3, fails)
    assert services.ledger.files.get(good.file_id).status is FileStatus.LOADED
    assert services.ledger.files.get(bad.file_id).status is FileStatus.FAILED


def test_files_set_apart_that_fill_a_batch_do_not_hide_the_others() -> None:
    services = MemoryServices(contracts=contracts_of(contract(most_files=4)))
    bad = {found.file_id for found in landed(services, *"aceg")}
    fails: Fails = lambda batch: UNKNOWN if bad & {*batch.file_ids} else None  # noqa: E731
    steps(services, 20, fails)
    good = landed(services, *"xyz")
    steps(services, 1, fails)
    assert {services.ledger.files.get(each.file_id).status for each in good} == {FileStatus.LOADED}


def test_a_file_set_apart_is_tried_while_all_that_comes_brings_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a sender repeats a file that is loaded: duplicates show nothing, and there may be no end of them."""
    services, at = MemoryServices(), datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "utc", lambda: at)
    (apart,) = landed(services, "apart")
    steps(services, MAX_ATTEMPTS + 1, lambda _: UNKNOWN)
    for number in range(9):
        at += timedelta(minutes=10)
        landed(services, f"copy-{number}")
        batch = take(services, generation := services.ledger.lanes.state("readings", LIVE).generation)
        assert batch
        (only,) = services.ledger.files.get_all(batch.file_ids)
        if only.file_id == apart.file_id:
            break
        assert number < 6
        services.ledger.batches.settle(batch, [replace(only, status=FileStatus.DUPLICATE)])
        services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED))
        hand_over("readings", LIVE, generation, services)
    assert services.ledger.files.get(apart.file_id).status is FileStatus.RUNNING


def days_ago(days: float) -> str:
    return written(datetime.now(UTC) - timedelta(days=days))


@pytest.mark.parametrize("cause", [UNKNOWN, PASSES, SYSTEMIC])
@pytest.mark.parametrize("names", ["a", "abc"])
def test_what_has_not_passed_in_days_is_held_for_a_person_and_loads_when_he_says_so(names: str, cause: str) -> None:
    services = MemoryServices()
    files = landed(services, *names)
    since = days_ago(8)
    services.ledger.records.waiting = {
        place: replace(known, suspects=APART, failing_since=since, apart_since=since)
        for place, known in services.ledger.records.waiting.items()
    }
    services.ledger.records.files = {known.file_id: known for known in services.ledger.records.waiting.values()}
    batch = take(services, 1)
    assert batch is not None
    assert batch.failed_at == since
    steps(services, MAX_ATTEMPTS, lambda _: cause)
    assert statuses(services) == {FileStatus.HELD}
    assert services.ledger.lanes.state("readings", LIVE).held == (batch.batch,)
    assert f"headrace release {batch.batch}" in titles(services)[-1]
    assert release(services.ledger.batches.get(batch.batch), "me", services).done
    assert {f.released for f in services.ledger.records.files.values()} == {None}  # no check has ever seen them
    step(services, lambda _: None)
    assert {services.ledger.files.get(f.file_id).status for f in files} == {FileStatus.LOADED}


def test_what_is_held_for_an_error_can_be_rejected() -> None:
    services = MemoryServices()
    (only,) = landed(services, "a")
    batch = take(services, 1)
    assert batch is not None
    record_failure(replace(batch, failed_at=days_ago(8)), LOAD_REFUSED, SYSTEMIC, services)
    steps(services, 3, lambda _: SYSTEMIC)
    held = services.ledger.batches.get(batch.batch)
    assert held.status is BatchStatus.HELD
    assert reject(held, "me", "", services).done
    assert services.ledger.files.get(only.file_id).status is FileStatus.FAILED


def test_patience_counts_from_the_first_failure_and_not_from_the_start() -> None:
    services = MemoryServices()
    landed(services, "a")
    batch = take(services, 1)
    assert batch is not None
    late = replace(batch, started_at=days_ago(30), attempts=MAX_ATTEMPTS)
    services.ledger.batches.save(late)
    assert record_failure(late, LOAD_REFUSED, PASSES, services)
    noted = services.ledger.batches.get(batch.batch)
    assert noted.failed_at is not None
    assert is_patient(noted, Treatment.WAIT, clock.seconds())
    assert not is_patient(replace(noted, failed_at=days_ago(0.3)), Treatment.WAIT, clock.seconds())
    assert is_patient(replace(noted, failed_at=days_ago(0.3)), Treatment.HOLD, clock.seconds())


def test_halves_of_a_batch_go_on_with_its_patience() -> None:
    services = MemoryServices()
    landed(services, *"ab")
    steps(services, MAX_ATTEMPTS, lambda _: UNKNOWN)
    first = services.ledger.batches.get("readings-1")
    half = take(services, MAX_ATTEMPTS + 1)
    assert half is not None
    assert first.failed_at == half.failed_at is not None


def test_where_all_that_waits_has_been_failing_the_next_try_waits_longer_each_time() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    waits = [
        wait_seconds(contract(), LIVE, None, at.timestamp(), written(at - timedelta(seconds=ago)))
        for ago in (0, 20, 200, 5000)
    ]
    assert waits == [4, 10, 100, 300]


def test_the_next_try_of_what_has_been_failing_is_not_at_once_but_a_search_is() -> None:
    services = MemoryServices()
    landed(services, "a")
    steps(services, MAX_ATTEMPTS + 4, lambda _: UNKNOWN)
    assert min(services.workflow.waits) >= 4


def test_a_condemned_batch_that_cannot_be_buried_is_told_once() -> None:
    services = MemoryServices()
    landed(services, "a")

    class Away(MemoryWarehouse):
        def run(self, statements: list[str]) -> None:
            raise ConnectionError("the warehouse does not answer")

    def closed(cause: str) -> None:
        generation = services.ledger.lanes.state("readings", LIVE).generation
        try:
            batch = take(services, generation)
        except ConnectionError:
            batch = None
        batch = batch or services.ledger.batches.get("readings-1")
        with pytest.raises(ConnectionError):
            record_failure(batch, LOAD_REFUSED, cause, services)
        hand_over("readings", LIVE, generation, services)

    services.warehouse = Away()
    for _ in range(12):
        closed("ERROR: value too long for type character varying(6)")
    assert len(services.topic.notices) == 1
    assert "headrace unblock readings-1" in services.topic.notices[0].lines[-1]


BATCH = BatchRecord("b", "d", LIVE, 1, BatchStatus.RUNNING, ("1", "2"), "t", failed_at=days_ago(0))
ONE = replace(BATCH, file_ids=("1",))
OLD = replace(ONE, failed_at=days_ago(8))


@pytest.mark.parametrize(
    ("batch", "treatment", "suspects", "others_load", "wanted"),
    [
        (BATCH, Treatment.FILE, False, None, Fate.SPLIT),
        (BATCH, Treatment.FILE, True, None, Fate.SPLIT),
        (ONE, Treatment.FILE, True, None, Fate.FAILED),
        (ONE, Treatment.BATCH, False, False, Fate.FAILED),
        (BATCH, Treatment.ISOLATE, False, None, Fate.SPLIT),
        (BATCH, Treatment.ISOLATE, False, False, Fate.APART),
        (BATCH, Treatment.ISOLATE, True, None, Fate.APART),
        (BATCH, Treatment.ISOLATE, True, True, Fate.SPLIT),
        (ONE, Treatment.ISOLATE, False, None, Fate.APART),
        (ONE, Treatment.ISOLATE, True, True, Fate.FAILED),
        (ONE, Treatment.WAIT, True, True, Fate.HELD),
        (ONE, Treatment.WAIT, True, None, Fate.APART),
        (BATCH, Treatment.WAIT, False, None, Fate.SPLIT),
        (OLD, Treatment.WAIT, True, None, Fate.HELD),
        (OLD, Treatment.ISOLATE, True, None, Fate.HELD),
        (replace(OLD, lane=MERGE), Treatment.ISOLATE, True, None, Fate.APART),
        (BATCH, Treatment.PERSON, False, None, Fate.HELD),
        (replace(BATCH, lane=MERGE), Treatment.HOLD, False, None, Fate.APART),
    ],
)
def test_the_fate_of_a_batch(
    batch: BatchRecord, treatment: Treatment, suspects: bool, others_load: bool | None, wanted: Fate
) -> None:
    assert fate(batch, treatment, clock.seconds(), suspects=suspects, others_load=others_load) is wanted


def test_what_loaded_before_says_nothing() -> None:
    state = LaneState(loaded_at="2026-01-02", failing_since="2026-01-03")
    assert not state.recovered
    assert replace(state, loaded_at="2026-01-04").recovered
    assert not LaneState(loaded_at="2026-01-02").loaded_since(None)


def test_while_people_know_that_nothing_loads_a_group_is_not_split() -> None:
    """Splitting a batch of hundreds file by file finds nothing where no file can load."""
    services = MemoryServices()
    landed(services, *"abcd")
    steps(services, 60, lambda _: UNKNOWN)
    assert any(matter.startswith("KEPT") for matter in services.ledger.lanes.state("readings", LIVE).notified)
    landed(services, *"wxyz")
    sizes = set()
    for _ in range(60):
        batch = step(services, lambda _: UNKNOWN)
        if batch and batch.file_ids[0] in {file(name).file_id for name in "wxyz"}:
            sizes.add(len(batch.file_ids))
    assert sizes == {4}


def test_people_hear_that_nothing_loads_only_when_a_file_has_been_tried_alone_and_again() -> None:
    services = MemoryServices()
    landed(services, "a")
    steps(services, MAX_ATTEMPTS, lambda _: UNKNOWN)
    assert {f.suspects for f in services.ledger.records.files.values()} == {APART}
    assert [notice.level for notice in services.topic.notices] == ["warning"], "it is tried again"
    steps(services, 1, lambda _: UNKNOWN)
    assert [notice.level for notice in services.topic.notices] == ["warning", "critical"]
    assert "Nothing else of its lane loads either" in services.topic.notices[1].lines[-1]


@pytest.mark.parametrize(
    ("given", "since"),
    [
        ([{"suspects": "x-a", "failing_since": "2026-01-02"}, {"suspects": "x-a", "failing_since": "2026-01-01"}],
         "2026-01-01"),
        ([{"failing_since": "2026-01-01"}], None),
        ([{"suspects": "x-a"}], None),
    ],
)  # fmt: skip
def test_a_batch_has_the_patience_of_the_files_that_were_set_apart_and_of_no_others(
    given: list[dict[str, str]], since: str | None
) -> None:
    services = MemoryServices()
    for name, changes in zip("ab", given, strict=False):
        services.ledger.files.record_arrival(file(name, **changes))
    batch = take(services, 1)
    assert batch
    assert batch.failed_at == since


@pytest.mark.parametrize(
    ("then", "cause", "waits"),
    [
        (Next.AGAIN, PASSES, True),
        (Next.AGAIN, UNKNOWN, False),
        (Next.KEPT, UNKNOWN, True),
        (Next.STUCK, UNKNOWN, True),
        (Next.SPLIT, PASSES, False),
        (Next.GIVEN_UP, UNKNOWN, False),
    ],
)
def test_people_want_to_know_the_end_of_what_keeps_a_lane_waiting(then: Next, cause: str, waits: bool) -> None:
    services = MemoryServices()
    batch = replace(BATCH, dataset="readings")
    report(batch, f"{LOAD_REFUSED}: {cause}", then, services)
    state = services.ledger.lanes.state("readings", LIVE)
    assert (state.failing_since is not None, len(state.notified)) == (waits, 1)
    report(batch, f"{LOAD_REFUSED}: {cause}", then, services)
    assert len(services.topic.notices) == 1
