"""Each place on its own: what counts as landed, as a promised part of the lake, as a row of the warehouse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain.clock import written
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import LANES, LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.usecases import lake_paths
from headrace.usecases.recovery import reconcile as reconciling
from headrace.usecases.recovery import reconcile_landing as landing_module
from headrace.usecases.recovery import reconcile_warehouse as warehouse_module
from headrace.usecases.recovery.reconcile import Asked, reconcile
from headrace.usecases.recovery.reconcile_lake import LakeParts
from headrace.usecases.recovery.reconcile_landing import LandedObjects
from headrace.usecases.recovery.reconcile_report import Difference, Reconciliation, notice_of
from headrace.usecases.recovery.reconcile_warehouse import WarehouseRows
from tests.support.fakes import MemoryLanding, MemoryServices, MemoryWarehouse, contract, contracts_of, file

UNTIL = datetime(2026, 1, 2, tzinfo=UTC)
LOADED = file(status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(read=3, loaded=2, superseded=1))


# -- landing -------------------------------------------------------------------------------------------------------


def landed(services: MemoryServices, *keys: str, at: str = "2026-01-01T00:00:00Z") -> LandedObjects:
    bucket = MemoryLanding()
    for key in keys:
        bucket.put(f"readings/{key}", b"x")
    bucket.all_versions = [replace(item, at=at) for item in bucket.all_versions]
    return LandedObjects(contract(), bucket, services, UNTIL)


def names(pages: list[list[Difference]]) -> list[str]:
    return [item.what.split(" ", maxsplit=1)[0].removeprefix("readings/") for page in pages for item in page]


def test_what_has_landed_and_is_unknown_is_named_with_what_to_type() -> None:
    objects = landed(MemoryServices(), "a", "b")
    ((one, two),) = objects.all("")
    assert one == Difference(
        "unknown object", "readings", "readings/a has landed, the ledger does not know it",
        "`headrace backfill readings readings/a`",
    )  # fmt: skip
    assert (names([[two]]), objects.objects) == (["b"], 2)


@pytest.mark.parametrize(
    ("at", "since", "due"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True), ("2025-12-31T23:59:59Z", "2026-01-01", False),
        ("2026-01-02T00:00:00Z", "", True), ("2026-01-02T00:00:01Z", "", False),
    ],
)  # fmt: skip
def test_an_object_is_due_from_a_time_on_and_when_its_event_must_have_come(at: str, since: str, due: bool) -> None:
    assert names(list(landed(MemoryServices(), "a", at=at).all(since))) == (["a"] if due else [])


def test_what_was_replaced_or_is_known_or_is_another_datasets_is_no_difference() -> None:
    services = MemoryServices(contracts=contracts_of(contract(), contract("inner", prefix="readings/inner/")))
    objects = landed(services, "a", "a", "known", "inner/x", "deleted")
    bucket = objects.landing
    assert isinstance(bucket, MemoryLanding)
    bucket.deleted.add("readings/deleted")
    known = next(item for item in bucket.all_versions if item.key == "readings/known")
    services.ledger.given(file(file_id=known.file_id))
    assert names(list(objects.all(""))) == ["a"]
    assert objects.objects == 5


def test_a_file_whose_arrival_was_not_written_to_its_end_is_named_once_with_what_to_type() -> None:
    services = MemoryServices()
    objects = landed(services, "a", "b")
    bucket = objects.landing
    assert isinstance(bucket, MemoryLanding)
    lost, waits = (file(file_id=item.file_id, key=item.key) for item in bucket.all_versions)
    services.ledger.given(lost)
    services.ledger.given(waits)
    services.ledger.records.unlisted.add(lost.file_id)
    wanted = Difference(
        "unlisted file", "readings", "readings/a is pending, and no lane lists it", f"`headrace retry {lost.file_id}`"
    )
    assert list(objects.all("")) == [[wanted]]
    assert list(objects.all("")) == [[]]


def test_an_object_is_named_once_however_often_it_is_looked_at() -> None:
    objects = landed(MemoryServices(), "a", "b")
    assert names(list(objects.all(""))) == ["a", "b"]
    assert names(list(objects.all(""))) == []


@pytest.mark.parametrize(("size", "pages"), [(1, 3), (2, 2), (3, 1), (9, 1)])
def test_objects_come_in_pages(size: int, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_module, "OBJECTS_AT_ONCE", size)
    found = list(landed(MemoryServices(), "a", "b", "c").all(""))
    assert (len(found), names(found)) == (pages, ["a", "b", "c"])


def test_places_to_begin_at_are_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_module, "MOST_BEGINNINGS", 2)
    objects = landed(MemoryServices())
    objects.note(file(str(number)) for number in range(9))
    assert 2 <= len(objects._beginnings) <= 4


class Listed(MemoryLanding):
    """Notes from where it was listed, and how far."""

    def __init__(self, *keys: str, new: str = "2026-01-01T00:00:00Z") -> None:
        super().__init__()
        for key in keys:
            self.put(f"readings/{key}", b"x")
        self.all_versions = [replace(item, at=new) for item in self.all_versions]
        self.starts: list[str] = []

    def versions(self, prefix: str, after: str = "") -> Any:
        self.starts.append(after.removeprefix("readings/"))
        return super().versions(prefix, after)


def test_a_night_looks_behind_the_last_key_and_around_the_newest_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing goes on as long as there is something new in it; what it has passed is not listed again."""
    monkeypatch.setattr(landing_module, "OBJECTS_AT_ONCE", 2)
    bucket = Listed(*(f"k{number}" for number in range(10, 30)))
    services = MemoryServices()
    for number in (15, 16, 22):
        services.ledger.given(file(key=f"readings/k{number}", file_id=str(number), arrived_at="2026-01-01"))
    objects = LandedObjects(contract(), bucket, services, UNTIL)
    found = list(objects.near("2026-01-01T00:00:00Z", "readings/k28"))
    assert objects.highest == "readings/k29"
    assert sorted(set(names(found))) == sorted(names(found)), "each once"
    assert names(found)[0] == "k29"
    assert {"k16", "k23", "k29"} <= set(names(found))
    assert bucket.starts[0] == "k28"
    quiet = Listed(*(f"k{number}" for number in range(10, 30)), new="2025-01-01T00:00:00Z")
    objects = LandedObjects(contract(), quiet, services, UNTIL)
    assert names(list(objects.near("2026-01-01T00:00:00Z", "readings/k28"))) == []
    assert objects.objects < 14, "where nothing is new, one page is enough"


def test_a_first_night_begins_behind_the_newest_key_or_at_the_beginning() -> None:
    bucket = Listed("a", "b", "c")
    objects = LandedObjects(contract(), bucket, MemoryServices(), UNTIL)
    list(objects.near("", ""))
    assert (bucket.starts, objects.highest) == ([""], "readings/c")
    services = MemoryServices()
    services.ledger.given(file(key="readings/b"))
    bucket.starts.clear()
    objects = LandedObjects(contract(), bucket, services, UNTIL)
    list(objects.near("", ""))
    assert bucket.starts[0] == "b"


def test_the_pass_goes_on_where_it_stopped_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_module, "OBJECTS_AT_ONCE", 2)
    objects = landed(MemoryServices(), "a", "b", "c", "d")
    begun = Coverage(began="2026-01-01", since="", upto="readings/a", objects=7)
    steps = list(objects.onward(begun, "2026-01-05"))
    assert [(step.upto, step.objects) for step, _ in steps] == [
        ("readings/c", 9), ("readings/d", 10), ("readings/d", 10),
    ]  # fmt: skip
    assert names([page for _, page in steps]) == ["b", "c", "d"]
    assert (steps[-1][0].began, steps[-1][0].ended, steps[-1][0].last_began) == ("", "2026-01-05", "2026-01-01")


# -- lake ----------------------------------------------------------------------------------------------------------


def lake(**sizes: int) -> MemoryServices:
    """Batch `readings-1` with these parts, as its manifest says."""
    services = MemoryServices()
    entries = []
    for name, size in sizes.items():
        key = lake_paths.part("readings", "readings-1", name)
        services.lake.objects[key] = bytes(size)
        entries.append({"url": f"s3://lake/{key}", "meta": {"content_length": size}})
    services.lake.write_json(lake_paths.manifest("readings-1"), {"entries": entries})
    services.ledger.batches.save(BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.LOADED, (), "t"))
    return services


def test_parts_that_are_missing_or_of_another_size_are_named() -> None:
    services = lake(one=1000, two=5, three=7)
    keys = [lake_paths.part("readings", "readings-1", name) for name in ("one", "two")]
    services.lake.objects[keys[0]] = bytes(1001)
    del services.lake.objects[keys[1]]
    parts = LakeParts("readings", services)
    found = list(parts.of([LOADED]))
    assert [item.what for item in found] == [
        f"{keys[0]} of readings-1 has 1,001 bytes, not 1,000", f"{keys[1]} of readings-1 is missing",
    ]  # fmt: skip
    assert {item.kind for item in found} == {"lake part"}
    assert (parts.parts, list(parts.of([LOADED]))) == (2, [])
    assert parts.parts == 2, "a batch is looked at once"


@pytest.mark.parametrize("status", list(FileStatus))
def test_files_that_brought_rows_have_parts(status: FileStatus) -> None:
    services = lake(one=1)
    services.lake.objects.pop(lake_paths.part("readings", "readings-1", "one"))
    found = list(LakeParts("readings", services).of([replace(LOADED, status=status)]))
    assert bool(found) is (status in {FileStatus.LOADED, FileStatus.STAGED, FileStatus.MERGING})
    assert list(LakeParts("readings", services).of([replace(LOADED, batch=None)])) == []


def test_a_batch_whose_manifest_has_expired_promises_nothing() -> None:
    services = lake(one=1)
    del services.lake.objects[lake_paths.manifest("readings-1")]
    assert list(LakeParts("readings", services).of([LOADED])) == []


def test_parts_of_a_batch_that_nobody_knows_are_strays() -> None:
    services = lake(one=1, two=2)
    stray = lake_paths.part("readings", "readings-9", "one")
    known = lake_paths.part("readings", "readings-8", "one")
    services.lake.objects |= {known: b"", stray: b""}
    services.ledger.batches.save(BatchRecord("readings-8", "readings", LIVE, 8, BatchStatus.FAILED, (), "t"))
    parts = LakeParts("readings", services)
    list(parts.of([LOADED]))
    assert [(item.kind, item.what) for item in parts.strays()] == [
        ("stray part", f"{stray} is of a batch that the ledger does not know")
    ]
    assert parts.parts == 4


# -- warehouse -----------------------------------------------------------------------------------------------------


class Counted(MemoryWarehouse):
    """Answers by the beginning of a statement, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def query(self, sql: str) -> list[list[Any]]:
        self.asked.append(sql)
        return super().query(sql)


def staged(**answers: list[list[Any]]) -> tuple[WarehouseRows, MemoryServices]:
    """A staged dataset: `stage` is what its stage table has."""
    services = MemoryServices(contracts=contracts_of(contract(staged=True)))
    services.warehouse = Counted()
    services.warehouse.answers = {contract(staged=True).stage: answers.get("stage", [])}
    return WarehouseRows(contract(staged=True), services, "2026-01-10"), services


WAITS = file("waits", status=FileStatus.STAGED, batch="readings-1", rows=RowCounts(read=2000, staged=2000))


@pytest.mark.parametrize("status", [FileStatus.STAGED, FileStatus.MERGING])
def test_the_stage_table_has_the_rows_of_what_waits_for_a_merge(status: FileStatus) -> None:
    rows, services = staged(stage=[[WAITS.file_id, 2000]])
    services.ledger.given(replace(WAITS, status=status))
    list(rows.of([replace(WAITS, status=status)]))
    assert list(rows.of_all()) == []


@pytest.mark.parametrize(
    ("there", "reload", "what"),
    [
        ([[WAITS.file_id, 1999]], False, "readings/waits has 1,999 rows staged, 2,000 by the ledger"),
        ([], False, "readings/waits has 0 rows staged, 2,000 by the ledger"),
        ([[WAITS.file_id, 1999]], True, ""),
    ],
)
def test_other_rows_in_the_stage_table_are_named(there: list[list[Any]], reload: bool, what: str) -> None:
    rows, services = staged(stage=there)
    services.ledger.given(replace(WAITS, reload=reload))
    list(rows.of([replace(WAITS, reload=reload)]))
    assert [(item.kind, item.what) for item in rows.of_all()] == ([("staged rows", what)] if what else [])


def test_rows_in_the_stage_table_that_nothing_merges_are_named() -> None:
    rows, services = staged(stage=[[LOADED.file_id, 1234], ["f" * 24, 5]])
    services.ledger.given(LOADED)
    stage = contract(staged=True).stage
    assert [(item.kind, item.what) for item in rows.of_all()] == [
        ("stray rows", f"{stage} has 1,234 rows of readings/a.csv, which waits for no merge"),
        (
            "stray rows",
            f"{stage} has 5 rows of a file {'f' * 24} that the ledger does not know, which waits for no merge",
        ),
    ]


def test_loads_are_asked_for_from_the_day_before_the_files_arrived() -> None:
    rows, services = staged()
    list(rows.of_all())
    assert isinstance(services.warehouse, Counted)
    assert "loaded_at >= '2026-01-09 00:00:00'" in services.warehouse.asked[0]
    plain = WarehouseRows(contract(), services, "")
    services.warehouse.asked.clear()
    list(plain.of_all())
    assert "loaded_at >= '1970-01-01 00:00:00'" in services.warehouse.asked[0]
    assert not any(contract(staged=True).stage in sql for sql in services.warehouse.asked)


def of_batches(
    files: list[FileRecord], rows: list[list[Any]], accounts: list[list[Any]]
) -> tuple[list[Difference], Counted, int]:
    services = MemoryServices()
    warehouse = services.warehouse = Counted()
    warehouse.answers = {"etl.file_rows": accounts, "GROUP BY": rows}
    for record in files:
        services.ledger.given(record)
    compared = WarehouseRows(contract(), services, "")
    return list(compared.of(files)), warehouse, compared.rows


def test_files_are_counted_by_batch_and_asked_for_one_by_one_only_where_they_seem_to_differ() -> None:
    found, warehouse, rows = of_batches([LOADED], [[LOADED.file_id, 2]], [[LOADED.file_id, 2, 1]])
    assert (found, rows, len(warehouse.asked)) == ([], 2, 2)
    found, warehouse, rows = of_batches([LOADED], [[LOADED.file_id, 1000]], [[LOADED.file_id, 2, 1]])
    assert [item.what for item in found] == ["readings/a.csv has 1,000 rows in the table, 2 by the ledger"]
    assert (rows, len(warehouse.asked)) == (1000, 4)


def test_a_file_whose_rows_are_right_and_whose_account_is_not_is_named() -> None:
    found, *_ = of_batches([LOADED], [[LOADED.file_id, 2]], [[LOADED.file_id, 2, 1000]])
    assert [(item.kind, item.what) for item in found] == [
        ("account", "readings/a.csv has 2 rows and lost 1 by the ledger, by etl.file_rows (2, 1000)")
    ]


def test_a_file_of_no_batch_has_no_rows() -> None:
    waiting = file("waiting")
    found, warehouse, _ = of_batches([waiting], [], [])
    assert (found, warehouse.asked) == ([], [])


def test_of_very_many_that_differ_some_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse_module, "IDS_AT_ONCE", 2)
    files = [replace(LOADED, file_id=f"{number:024}", key=f"readings/{number}") for number in range(5)]
    found, warehouse, _ = of_batches(files, [], [])
    assert (len(found), len(warehouse.asked)) == (5, 2 + 3 * 2)


@pytest.mark.parametrize(
    ("rows", "replayed", "status", "brought"),
    [
        (RowCounts(loaded=1), 0, FileStatus.LOADED, True), (RowCounts(superseded=1), 0, FileStatus.LOADED, True),
        (RowCounts(superseded=2), 2, FileStatus.LOADED, False), (RowCounts(), 0, FileStatus.LOADED, False),
        (RowCounts(loaded=1), 0, FileStatus.PENDING, False),
    ],
)  # fmt: skip
def test_a_load_that_brought_rows_is_known_to_the_warehouse(
    rows: RowCounts, replayed: int, status: FileStatus, brought: bool
) -> None:
    services = MemoryServices()
    record = replace(LOADED, rows=rows, replayed=replayed, status=status)
    services.ledger.given(record)
    compared = WarehouseRows(contract(), services, "")
    list(compared.of([record]))
    loads = [item for item in compared.of_all() if item.kind == "load"]
    assert [item.what for item in loads] == (
        ["readings-1 is loaded by the ledger, unknown in etl.loads"] if brought else []
    )


@pytest.mark.parametrize(
    ("status", "recorded", "named"),
    [("loaded", BatchStatus.RUNNING, True), ("loaded", BatchStatus.LOADED, False), ("loaded", None, True),
     ("given up", BatchStatus.RUNNING, False)],
)  # fmt: skip
def test_a_load_of_the_warehouse_is_recorded(status: str, recorded: BatchStatus | None, named: bool) -> None:
    services = MemoryServices()
    services.warehouse.answers = {"SELECT batch_id, status": [["readings-2", status]]}
    if recorded:
        services.ledger.batches.save(BatchRecord("readings-2", "readings", LIVE, 2, recorded, (), "t"))
    found = list(WarehouseRows(contract(), services, "").of_all())
    assert [(item.kind, item.what) for item in found] == (
        [("outcome", "readings-2 is loaded in the warehouse, the ledger has not recorded that")] if named else []
    )


# -- all together --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "minutes", "moved", "stuck"),
    [
        (FileStatus.PENDING, 61, None, True), (FileStatus.RUNNING, 61, None, True), (FileStatus.STAGED, 61, None, True),
        (FileStatus.MERGING, 61, None, True), (FileStatus.PENDING, 59, None, False), (FileStatus.HELD, 99, None, False),
        (FileStatus.FAILED, 99, None, False), (FileStatus.PENDING, 99, 5, False), (FileStatus.PENDING, 99, 70, True),
    ],
)  # fmt: skip
def test_a_file_that_waits_for_an_hour_stands_still(
    status: FileStatus, minutes: float, moved: float | None, stuck: bool
) -> None:
    services = MemoryServices()
    moments = {
        name: written(datetime.now(UTC) - timedelta(minutes=at)) for name, at in (("a", minutes), ("u", moved or 0))
    }
    record = file(status=status, arrived_at=moments["a"], updated_at=moments["u"] if moved else None)
    services.ledger.given(record)
    found = reconcile(["readings"], MemoryLanding(), services).differences
    assert [item.kind for item in found] == (["standing still"] if stuck else [])


@pytest.mark.parametrize(("minutes", "stuck"), [(60 + 1 + 14, False), (60 + 1 + 16, True)])
def test_groups_and_merges_may_take_their_time(minutes: float, stuck: bool) -> None:
    services = MemoryServices(contracts=contracts_of(contract(staged=True, wait_seconds=60, merge_seconds=15 * 60)))
    services.ledger.given(file(arrived_at=written(datetime.now(UTC) - timedelta(minutes=minutes))))
    found = reconcile(["readings"], MemoryLanding(), services).differences
    assert [item.kind for item in found] == (["standing still"] if stuck else [])


@pytest.mark.parametrize("lane", LANES)
def test_while_any_lane_has_an_open_batch_the_warehouse_does_not_count(lane: str) -> None:
    services = lake()
    services.ledger.given(LOADED)
    assert [item.kind for item in reconcile(["readings"], MemoryLanding(), services).differences] == ["rows", "load"]
    services.ledger.records.lanes["readings", lane] = replace(
        services.ledger.lanes.state("readings", lane), open_batch="x"
    )
    found = reconcile(["readings"], MemoryLanding(), services)
    assert (found.differences, found.busy) == ([], ["readings"])


@pytest.mark.parametrize(("since", "strays"), [("", 1), ("2020-01-01", 0)])
def test_strays_in_the_lake_are_looked_for_when_all_files_are(since: str, strays: int) -> None:
    services = lake(one=1)
    services.lake.objects[lake_paths.part("readings", "readings-9", "one")] = b""
    found = reconcile(["readings"], MemoryLanding(), services, Asked(since=since))
    assert [item.kind for item in found.differences] == ["stray part"] * strays


def test_everything_that_was_looked_at_is_counted_once() -> None:
    services = lake(one=1, two=2)
    services.ledger.given(LOADED)
    services.warehouse.answers = {
        "SELECT batch_id, status": [["readings-1", "loaded"]], "etl.file_rows": [[LOADED.file_id, 2, 1]],
        "IS NULL": [], "GROUP BY": [[LOADED.file_id, 2]],
    }  # fmt: skip
    landing = MemoryLanding()
    landing.put("readings/b.csv", b"x")
    told: list[tuple[int, int]] = []
    asked = Asked(progress=lambda found: told.append((found.files, found.objects)))
    found = reconcile(["readings", "readings"], landing, services, asked)
    assert (found.files, found.parts, found.rows, found.objects) == (2, 4, 4, 2)
    assert told == [(1, 0), (1, 1), (2, 1), (2, 2)]


def test_time_is_shared_among_the_datasets_and_a_rest_is_kept() -> None:
    services = MemoryServices(contracts=contracts_of(contract("one"), contract("two")))
    services.ledger.given(file(dataset="one"))
    services.ledger.given(file("b", dataset="two"))
    seconds = iter([300.0, 209.9, 209.9, 119.9])
    found = reconcile(["one", "two"], MemoryLanding(), services, Asked(left=lambda: next(seconds)))
    assert found.uncompared == dict.fromkeys(
        ("one", "two"), "time was over before the files that arrived from 2026-01-01T00:00:00Z on"
    )
    exactly = iter([300.0, 210.0, 210.0, 120.0])
    found = reconcile(["one", "two"], MemoryLanding(), services, Asked(left=lambda: next(exactly, 1000.0)))
    assert found.uncompared == {}


def test_objects_of_which_there_is_no_time_left_are_named() -> None:
    landing = MemoryLanding()
    landing.put("readings/a", b"x")
    seconds = iter([900.0, 100.0])
    found = reconcile(["readings"], landing, MemoryServices(), Asked(left=lambda: next(seconds)))
    assert found.uncompared == {"readings": "time was over before the last objects in landing"}
    assert len(found.differences) == 1


def test_differences_end_at_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "MOST_DIFFERENCES", 2)
    landing = MemoryLanding()
    for key in "abc":
        landing.put(f"readings/{key}", b"x")
    found = reconcile(["readings"], landing, MemoryServices())
    assert (len(found.differences), found.uncompared) == (2, {"readings": "it has more than 2 differences"})


# -- what people read ----------------------------------------------------------------------------------------------


def differences(number: int) -> list[Difference]:
    return [Difference("rows", "readings", f"file {place} differs", "reload it") for place in range(number)]


@pytest.mark.parametrize(("number", "rest"), [(1, []), (10, []), (11, ["and 1 more: `headrace reconcile` lists them"])])
def test_the_first_differences_are_listed_and_the_others_counted(number: int, rest: list[str]) -> None:
    told = notice_of(Reconciliation(differences(number)))
    assert told is not None
    assert told.title == f"landing, ledger, lake and warehouse differ in {number:,} places"
    assert list(told.lines) == [f"readings: file {n} differs: reload it" for n in range(min(number, 10))] + rest


def test_how_far_a_night_has_come_is_said_if_the_pass_goes_on() -> None:
    on, over = Coverage("2026-01-01", objects=3, upto="k"), Coverage(ended="2026-01-02", last_began="2026-01-01")
    told = notice_of(Reconciliation(differences(1), coverage={"one": on, "two": over}))
    assert told is not None
    assert told.lines[1:] == (
        "one: compared were 3 objects, up to 'k', in a pass that began at 2026-01-01",
    )  # fmt: skip
    assert str(over) == "all 0 objects, in a pass from 2026-01-01 to 2026-01-02"


def test_an_object_has_the_identity_of_its_version() -> None:
    one = Landed("landing", "k", "v1", 1, "e", "t", latest=True)
    assert one.file_id == replace(one, size=2, latest=False).file_id != replace(one, version="v2").file_id
