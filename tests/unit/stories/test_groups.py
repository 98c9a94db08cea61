"""Files that belong together by a marker or a manifest: loaded as one or not at all, in whatever order events come."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.contract import FileFormat
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import BACKFILL, LIVE, Arrival, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.packing import is_heavy, units
from headrace.transform import read_quarantine
from headrace.transform.erasure import Value
from headrace.usecases.ingest import gather, record_outcome
from headrace.usecases.recovery.backfill import backfill
from headrace.usecases.recovery.erase import erase
from headrace.usecases.recovery.replay import Wanted, replay
from headrace.usecases.recovery.requeue import MEMBER, of_no_living_group, reload, retry
from headrace_compiler.compile.snapshots import size_checks
from tests.support.fakes import contract, contracts_of, file
from tests.support.pipeline import Pipeline, meters

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


class World:
    """A dataset of groups whose objects land a second apart."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
        self.pipeline = Pipeline(meters(**{"primary_key": (), "marker": "_SUCCESS"} | given))
        self.at = START
        monkeypatch.setattr(record_outcome, "measure_outcome", lambda *_: None)
        monkeypatch.setattr(clock, "utc", lambda: self.at)

    def put(self, key: str, body: str | list[tuple[str, int]] = "", **_: Any) -> Arrival:
        """Land an object: a text, or rows of meter and value."""
        text = body if isinstance(body, str) else "\n".join(["meter,round,value", *(f"{m},1,{v}" for m, v in body), ""])
        self.at += timedelta(seconds=1)
        number = len(self.pipeline.landing.all_versions)
        return self.pipeline.put(key, f"v{number}", text.encode(), written(self.at), f"{number:04}")

    def delete(self, key: str) -> None:
        self.at += timedelta(seconds=1)
        self.pipeline.landing.deleted.add(f"readings/{key}")
        gone = Landed("landing", f"readings/{key}", "d", 0, "", written(self.at), latest=True, deleted=True)
        self.pipeline.landing.deletions.append(gone)

    def deliver(self, *sent: Arrival) -> None:
        for arrival in sent:
            self.pipeline.deliver(arrival)
        self.pipeline.run()

    def file(self, sent: Arrival) -> FileRecord:
        return self.pipeline.services.files.get(sent.file_id)

    def table(self) -> list[tuple[str, int]]:
        found = self.pipeline.warehouse.query("SELECT meter, value FROM public.readings")
        return sorted((str(meter), int(value)) for meter, value in found)

    def notices(self) -> list[str]:
        """The lines of all messages that are more than good news."""
        return [
            line for notice in self.pipeline.services.topic.notices for line in notice.lines if notice.level != "ok"
        ]

    def said(self, sent: Arrival) -> tuple[str, str]:
        file = self.file(sent)
        return str(file.status), str(file.reason)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def manifests(monkeypatch: pytest.MonkeyPatch, **given: Any) -> World:
    return World(monkeypatch, **{"marker": "", "manifest": "*.manifest"} | given)


def test_files_wait_for_their_marker_and_are_loaded_in_one_transaction(world: World) -> None:
    files = [world.put(f"dt=1/part-{n}.csv", [(f"m{n}", n)]) for n in range(3)]
    world.deliver(*files)
    assert world.table() == []
    assert {world.said(file) for file in files} == {("waiting", "it waits for its marker (_SUCCESS)")}
    marker = world.put("dt=1/_SUCCESS")
    world.deliver(marker)
    assert world.table() == [("m0", 0), ("m1", 1), ("m2", 2)]
    loaded = world.file(marker)
    assert (loaded.status, loaded.members, loaded.rows) == (FileStatus.LOADED, 3, RowCounts(read=3, loaded=3))
    assert loaded.size == sum(file.size for file in files)
    assert {world.said(file) for file in files} == {("grouped", "its rows are those of readings/dt=1/_SUCCESS")}
    assert {world.file(file).group for file in files} == {marker.file_id}
    numbers = world.pipeline.warehouse.query("SELECT _row_number FROM public.readings ORDER BY meter")
    assert numbers == [[1], [2], [3]]


@pytest.mark.parametrize("twice", [False, True])
def test_a_marker_whose_event_comes_first_has_all_files_that_were_there(world: World, twice: bool) -> None:
    files = [world.put(f"dt=1/part-{n}.csv", [(f"m{n}", n)]) for n in range(2)]
    marker = world.put("dt=1/_SUCCESS")
    world.deliver(marker, *([marker] if twice else []))
    world.deliver(*files, *([marker, *files] if twice else []))
    assert world.table() == [("m0", 0), ("m1", 1)]
    assert {world.said(file)[0] for file in files} == {"grouped"}


def test_a_file_that_comes_after_its_marker_waits_for_the_next(world: World) -> None:
    first = world.put("dt=1/part-0.csv", [("m0", 0)])
    marker = world.put("dt=1/_SUCCESS")
    late = world.put("dt=1/part-1.csv", [("m1", 1)])
    world.deliver(first, marker, late)
    assert (world.table(), world.said(late)[0]) == ([("m0", 0)], "waiting")
    again = world.put("dt=1/_SUCCESS")
    world.deliver(again)
    assert world.table() == [("m0", 0), ("m1", 1)]
    assert world.file(marker).rows == RowCounts(read=1, superseded=1)
    assert world.file(again).rows == RowCounts(read=2, loaded=2)


def test_a_job_that_overwrites_its_folder_replaces_what_was_in_it(world: World) -> None:
    old = world.put("dt=1/part-7af1.csv", [("m0", 0), ("m1", 1)])
    world.deliver(old, world.put("dt=1/_SUCCESS"))
    world.delete("dt=1/part-7af1.csv")
    new = world.put("dt=1/part-b2c9.csv", [("m0", 5)])
    world.deliver(new, world.put("dt=1/_SUCCESS"))
    assert world.table() == [("m0", 5)]


def test_versions_of_a_marker_that_load_late_or_in_the_wrong_order_leave_the_newest(world: World) -> None:
    world.put("dt=1/part-1.csv", [("m0", 0)])
    world.put("dt=1/_SUCCESS")
    world.delete("dt=1/part-1.csv")
    world.put("dt=1/part-2.csv", [("m0", 5)])
    newest = world.put("dt=1/_SUCCESS")
    world.deliver(newest)
    assert world.table() == [("m0", 5)]
    backfill("readings", "readings/", world.pipeline.landing, world.pipeline.services)
    world.pipeline.run(BACKFILL)
    assert world.table() == [("m0", 5)]


def test_a_marker_that_is_written_again_over_the_same_files_is_a_copy(world: World) -> None:
    world.deliver(world.put("dt=1/part-0.csv", [("m0", 0)]), world.put("dt=1/_SUCCESS"))
    again = world.put("dt=1/_SUCCESS")
    world.deliver(again)
    assert (world.said(again)[0], world.table()) == ("duplicate", [("m0", 0)])


def test_a_marker_without_files_fails_with_a_sentence(world: World) -> None:
    marker = world.put("dt=1/_SUCCESS")
    world.put("dt=1/part-0.csv", [("m0", 0)])
    world.deliver(marker)
    status, reason = world.said(marker)
    assert (status, world.table()) == ("failed", [])
    assert reason.startswith("no file of the dataset was in readings/dt=1/ when it was written: write the marker again")
    assert "failed: readings/dt=1/_SUCCESS" in "\n".join(world.notices())


def test_what_is_no_file_of_the_dataset_belongs_to_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, files=("*.csv",))
    world.put("schema.json", "{}")
    world.put("_temporary/0/part-9.csv", [("m9", 9)])
    empty = world.put("part-1.csv")
    world.deliver(world.put("part-0.csv", [("m0", 0)]), empty, world.put("_SUCCESS"))
    assert (world.table(), world.said(empty)[0]) == ([("m0", 0)], "grouped")


def test_two_markers_in_one_folder_load_each_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, marker="*.ready")
    world.deliver(world.put("a.csv", [("m0", 0)]), world.put("1.ready"))
    world.deliver(world.put("b.csv", [("m1", 1)]), second := world.put("2.ready"))
    assert (world.table(), world.file(second).members) == ([("m0", 0), ("m1", 1)], 1)


def test_a_marker_whose_files_another_one_has_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, marker="*.ready")
    world.deliver(world.put("a.csv", [("m0", 0)]), world.put("1.ready"), second := world.put("2.ready"))
    reason = "the files that were in readings/ were loaded by themselves, or with another marker"
    assert (world.said(second), world.table()) == (("failed", reason), [("m0", 0)])


def test_one_marker_for_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, marker="{name}.done")
    a, b = world.put("a.csv", [("m0", 0)]), world.put("b.csv", [("m1", 1)])
    world.deliver(a, b, world.put("a.csv.done"))
    assert (world.table(), world.said(b)[0]) == ([("m0", 0)], "waiting")
    world.deliver(world.put("b.csv.done"))
    assert world.table() == [("m0", 0), ("m1", 1)]
    changed = world.put("a.csv", [("m0", 7)])
    world.deliver(changed)
    assert world.table() == [("m0", 0), ("m1", 1)]
    world.deliver(world.put("a.csv.done"))
    assert world.table() == [("m0", 7), ("m1", 1)]


def test_a_marker_waits_for_its_file_and_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, marker="{name}.done")
    marker = world.put("a.csv.done")
    world.deliver(marker, world.put("b.csv", [("m1", 1)]), world.put("b.csv.done"))
    assert world.table() == [("m1", 1)]
    reason = "it waits: 1 of its 1 files is not there: readings/a.csv"
    assert world.said(marker) == ("pending", reason)
    assert world.notices() == []
    world.deliver(world.put("a.csv", [("m0", 0)]))
    assert world.table() == [("m0", 0), ("m1", 1)]


def listing(world: World, *entries: Any) -> str:
    return json.dumps({"entries": [{"url": entry} if isinstance(entry, str) else entry for entry in entries]})


def test_a_manifest_loads_what_it_lists_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch)
    files = [world.put(f"in/{n}.csv", [(f"m{n}", n)]) for n in range(3)]
    entries = [{"url": f"s3://landing/{file.key}", "meta": {"content_length": file.size}} for file in files[:2]]
    manifest = world.put("1.manifest", listing(world, *entries, entries[0]))
    world.deliver(*files, manifest)
    assert world.table() == [("m0", 0), ("m1", 1)]
    assert [world.said(file)[0] for file in files] == ["grouped", "grouped", "waiting"]


def test_a_manifest_waits_for_all_of_its_files_then_fails_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch, patience_seconds=3600)
    there = world.put("a.csv", [("m0", 0)])
    manifest = world.put("1.manifest", "a.csv\nb.csv\n")
    world.deliver(there, manifest)
    assert world.said(manifest) == ("pending", "it waits: 1 of its 2 files is not there: readings/b.csv")
    world.at += timedelta(minutes=59)
    world.pipeline.run()
    assert (world.table(), world.notices()) == ([], [])
    world.at += timedelta(minutes=2)
    world.pipeline.run()
    reason = "1 of its 2 files is not there: readings/b.csv after 60 minutes"
    assert (world.said(manifest), world.said(there)[0]) == (("failed", reason), "waiting")
    assert world.notices() == [f"failed: readings/1.manifest: {reason}"]
    world.put("b.csv", [("m1", 1)])
    retry([world.file(manifest)], world.pipeline.services)
    world.pipeline.run()
    assert world.table() == [("m0", 0), ("m1", 1)]
    assert len(world.notices()) == 1


def test_an_entry_that_is_not_mandatory_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch)
    entries = ["s3://landing/readings/a.csv", {"url": "s3://landing/readings/b.csv", "mandatory": False}]
    world.deliver(world.put("a.csv", [("m0", 0)]), world.put("1.manifest", listing(world, *entries)))
    assert world.table() == [("m0", 0)]


BODY = "meter,round,value\nm0,1,0\n"
SHA, MD5 = hashlib.sha256(BODY.encode()).hexdigest(), hashlib.md5(BODY.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps([{"name": "a.csv", "size": 9}]), "readings/a.csv has 25 bytes, its manifest says 9"),
        (f"{'0' * 64}  a.csv", f"readings/a.csv: its SHA-256 is {SHA}, its manifest says {'0' * 64}"),
        (json.dumps({"files": [{"path": "a.csv", "md5": "0" * 32}]}), f"readings/a.csv: its MD5 is {MD5}, "),
        ("b/../../other/a.csv", "which is not the name of a file"),
        ("s3://elsewhere/readings/a.csv", "which is outside of readings/"),
        ("s3://landing/other/a.csv", "which is outside of readings/"),
        ("2.manifest", "which the contract does not take as a file of the dataset"),
        ("_a.csv", "which the contract does not take as a file of the dataset"),
        ("{", "it begins as JSON does, and is none"),
        ("[" * 100_000, "it begins as JSON does, and is none"),
        ('["a.csv", 7]', "its entry 2 is neither a name nor an object"),
        ('{"entries": [{"meta": {}}]}', "its entry 1 has no url, key"),
        ('{"entries": {}}', "it has no list called entries or files"),
        ('[{"key": "a.csv", "size": -1}]', "its entry 1 has a size"),
        ('[{"key": "a.csv", "size": 1e999}]', "its entry 1 has a size"),
        ('[{"key": "a.csv", "sha256": "zz"}]', "its entry 1 has a sha256"),
        (f'[{"9" * 5000}]', "it begins as JSON does, and is none"),
        ('["a.csv", {"key": "a.csv", "size": 25}]', "it lists readings/a.csv twice"),
        ("\n \n", "it lists no file"),
        ("\n".join(f"{n}.csv" for n in range(10_001)), "it lists more than 10,000 files"),
        ("x" * ((16 << 20) + 1), "it has more than 16,777,216 bytes"),
        ('[{"key": "b.csv", "mandatory": false}]', "none of the files that it lists is there"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_used_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    world = manifests(monkeypatch)
    world.deliver(world.put("a.csv", BODY), manifest := world.put("1.manifest", text))
    status, reason = world.said(manifest)
    assert (status, world.table()) == ("failed", [])
    assert said in reason
    assert len(reason) < 600


@pytest.mark.parametrize("text", [f"{SHA}  a.csv\n", f"{MD5} *./a.csv", '["readings/a.csv"]', "\ufeffa.csv\r\n"])
def test_each_form_of_a_manifest(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    world = manifests(monkeypatch)
    world.deliver(world.put("a.csv", BODY), world.put("1.manifest", text))
    assert world.table() == [("m0", 0)]


def test_a_file_of_two_manifests_is_loaded_once_and_the_later_one_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch)
    world.deliver(world.put("a.csv", BODY), world.put("1.manifest", "a.csv"))
    world.deliver(world.put("b.csv", [("m1", 1)]), second := world.put("2.manifest", "a.csv\nb.csv"))
    assert world.table() == [("m0", 0)]
    reason = "it lists readings/a.csv, which belongs to readings/1.manifest already"
    assert world.said(second) == ("failed", reason)


def test_a_file_that_was_loaded_by_itself_is_not_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch)
    alone = world.put("a.csv", BODY)
    world.deliver(alone)
    world.pipeline.services.ledger.given(replace(world.file(alone), status=FileStatus.LOADED))
    world.deliver(manifest := world.put("1.manifest", "a.csv"))
    assert world.said(manifest) == ("failed", "it lists readings/a.csv, which was loaded by itself")


def test_a_manifest_of_10_000_files_is_one_file_in_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch)
    names = [f"{n:05}.csv" for n in range(10_000)]
    histories = {}
    for name in names:
        sent = world.pipeline.put(name, "v1", f"meter,round,value\nm{name[:5]},1,1\n".encode(), written(START), "00")
        histories[sent.key] = [world.pipeline.landing.all_versions[-1]]
    known = world.pipeline.landing.histories
    monkeypatch.setattr(
        world.pipeline.landing,
        "histories",
        lambda keys: {key: histories[key] if key in histories else known([key])[key] for key in keys},
    )
    manifest = world.put("1.manifest", "\n".join(names))
    world.pipeline.deliver(manifest)
    assert world.pipeline.begin()
    assert sum(map(len, world.pipeline.loading[LIVE].statements)) < 10_000
    world.pipeline.finish()
    assert world.file(manifest).rows == RowCounts(read=10_000, loaded=10_000)


def test_bad_rows_are_in_quarantine_under_the_key_of_their_file(world: World) -> None:
    world.put("part-0.csv", [("m0", 0)])
    world.put("part-1.csv", [("m1", 1), ("m2", -1)])
    world.deliver(marker := world.put("_SUCCESS"))
    ((key, _),) = world.pipeline.services.lake.listing("quarantine/")
    (row,) = read_quarantine(world.pipeline.services.lake.read(key))
    assert (row.key, row.file_id, row.row_number) == ("readings/part-1.csv", marker.file_id, 3)
    assert world.file(marker).rows == RowCounts(read=3, loaded=2, quarantined=1)


def test_one_file_that_cannot_be_read_keeps_the_whole_group_out(world: World) -> None:
    world.put("part-0.csv", [("m0", 0)])
    world.put("part-1.csv", "no,header\n1,2\n")
    world.deliver(marker := world.put("_SUCCESS"))
    status, reason = world.said(marker)
    assert (status, world.table()) == ("failed", [])
    assert reason.startswith("readings/part-1.csv: ")


@pytest.mark.parametrize("committed", [False, True])
def test_an_execution_that_dies_loads_the_group_once(world: World, committed: bool) -> None:
    world.pipeline.deliver(world.put("part-0.csv", [("m0", 0)]))
    world.pipeline.deliver(marker := world.put("_SUCCESS"))
    assert world.pipeline.begin()
    world.pipeline.crash(committed=committed)
    world.put("part-0.csv", [("m0", 9), ("m1", 9)])  # what comes meanwhile is of the next marker
    world.pipeline.run()
    assert world.table() == [("m0", 0)]
    assert world.file(marker).rows == RowCounts(read=1, loaded=1)


def test_a_group_that_is_loaded_again_replaces_itself(world: World) -> None:
    world.deliver(world.put("part-0.csv", [("m0", 0)]), marker := world.put("_SUCCESS"))
    reload([world.file(marker)], world.pipeline.services)
    world.pipeline.run()
    assert (world.table(), world.file(marker).rows) == ([("m0", 0)], RowCounts(read=1, loaded=1))


def test_a_group_is_one_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, snapshot="table")
    for run in (1, 2):
        for part in range(2):
            world.pipeline.deliver(world.put(f"run={run}/{part}.csv", [(f"m{part}", run), (f"n{run}{part}", run)]))
        world.deliver(world.put(f"run={run}/_SUCCESS"))
    assert world.table() == [("m0", 2), ("m1", 2), ("n20", 2), ("n21", 2)]


def test_what_a_snapshot_still_has_may_be_listed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch, snapshot="table")
    world.put("a.csv", BODY)
    world.deliver(world.put("b.csv", [("m1", 1)]), world.put("1.manifest", "a.csv\nb.csv"))
    world.deliver(world.put("c.csv", [("m2", 2)]), world.put("2.manifest", "a.csv\nc.csv"))
    assert world.table() == [("m0", 0), ("m2", 2)]


def test_a_zip_or_gzip_as_a_manifest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch)
    sent = world.pipeline.put("1.manifest", "v1", b"\x1f\x8b\x08\x00" + b"\xff" * 20, written(world.at), "01")
    world.deliver(sent)
    assert world.said(sent) == ("failed", "it is no text in UTF-8, and cannot be compressed")


def test_files_of_a_group_have_the_values_of_their_own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = meters().columns
    meter = replace(columns[0], origin="folders")
    world = World(monkeypatch, columns=(meter, *columns[1:]), folder_templates=("meter={meter}",), format=FileFormat())
    world.put("meter=m1/part-0.csv", "round,value\n1,5\n")
    world.put("meter=m2/part-0.csv", "round,value\n1,5\n")
    world.deliver(world.put("_SUCCESS"))
    assert world.table() == [("m1", 5), ("m2", 5)]


def test_half_a_group_is_held_as_half_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, snapshot="table", checks=size_checks("table", 0.5))
    for number in range(5):
        world.put(f"1/part-{number}.csv", [(f"m{number}", 1)])
    world.deliver(world.put("1/_SUCCESS"))
    world.put("2/part-0.csv", [("m0", 2), ("m1", 2)])
    world.pipeline.deliver(half := world.put("2/_SUCCESS"))
    assert world.pipeline.begin()
    assert not world.pipeline.judge()
    assert (world.said(half)[0], len(world.table())) == ("held", 5)
    (notice,) = [notice for notice in world.pipeline.services.topic.notices if notice.level == "error"]
    assert notice.title == "readings: batch readings-2 is held, nothing of it is loaded"


def test_a_new_version_of_a_folder_with_far_fewer_rows_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, max_shrink=0.2)
    for number in range(5):
        world.put(f"part-{number}.csv", [(f"m{number}", 1)])
    world.deliver(world.put("_SUCCESS"))
    for number in range(4):
        world.delete(f"part-{number}.csv")
    world.deliver(again := world.put("_SUCCESS"))
    assert (world.said(again)[0], len(world.table())) == ("held", 5)


def test_a_snapshot_of_a_partition_is_in_its_folder_with_all_of_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"snapshot": "partition", "folder_templates": ("dt={dt}",), "manifest": "*.manifest", "marker": ""}
    world = World(monkeypatch, **given)
    world.put("dt=1/a.csv", [("m0", 0)])
    world.put("dt=2/a.csv", [("m0", 0)])
    outside = world.put("1.manifest", "dt=1/a.csv")
    both = world.put("dt=1/1.manifest", "a.csv\nreadings/dt=2/a.csv")
    world.deliver(outside, both, whole := world.put("dt=1/2.manifest", "a.csv"))
    assert world.said(outside)[1].startswith("it must be in the folder of its partition")
    assert world.said(both)[1] == "readings/dt=2/a.csv is not in the partition of which the group is the snapshot"
    assert (world.said(whole)[0], world.table()) == ("loaded", [("m0", 0)])


def test_members_are_not_sent_through_alone(world: World) -> None:
    part = world.put("part-0.csv", [("m0", 0)])
    late = world.put("late/part-0.csv", [("m1", 1)])
    world.deliver(part, marker := world.put("_SUCCESS"))
    again = world.put("late/part-1.csv", [("m2", 2)])
    world.deliver(again)
    for sent in (part, again):
        for send in (retry, reload):
            (answer,) = send([world.file(sent)], world.pipeline.services)
            assert (answer.done, answer.why) == (False, MEMBER)
    assert world.file(late).group == marker.file_id  # a marker stands for the folders below, too


def test_bad_rows_of_a_group_come_back_with_all_of_it(world: World) -> None:
    world.put("part-0.csv", [("m0", 0), ("m1", -1)])
    world.deliver(marker := world.put("_SUCCESS"))
    easier = meters(primary_key=(), marker="_SUCCESS", columns=tuple(
        replace(column, minimum=None) for column in meters().columns
    ))  # fmt: skip
    (answer,) = replay(easier, Wanted(), world.pipeline.landing, world.pipeline.services)
    assert answer.why == "its rows stand in several files: `headrace reload readings/_SUCCESS` loads all of them again"
    world.pipeline.services.contracts = contracts_of(easier)
    reload([world.file(marker)], world.pipeline.services)
    world.pipeline.run()
    assert world.table() == [("m0", 0), ("m1", -1)]


def test_a_person_is_erased_from_the_files_of_a_group_that_name_them(world: World) -> None:
    named, other = world.put("part-0.csv", [("m0", 0)]), world.put("part-1.csv", [("m1", 1)])
    zipped = world.pipeline.put(
        "part-2.csv", "vz", gzip.compress(b"meter,round,value\nm2,1,2\n"), written(world.at), "9"
    )
    world.deliver(named, other, zipped, world.put("_SUCCESS"))
    report = erase(
        world.pipeline.contract, Value("meter", "m0"), world.pipeline.landing, world.pipeline.services, print
    )
    assert report.landed == [named.key, zipped.key]  # what cannot be looked into goes with them
    assert (report.table_rows, report.unread, world.table()) == (1, [], [("m1", 1), ("m2", 2)])


def test_groups_are_packed_by_their_files_and_never_go_to_spark() -> None:
    small, large = file("a", members=60, size=9), file("b", members=101, size=9)
    assert units([small, small, large, small]) == [[small], [small], [large], [small]]
    assert units([file("c"), small]) == [[file("c"), small]]
    grouped = contract(marker="_SUCCESS", engine="auto")
    assert not is_heavy([file("a", members=3, size=10**12)], grouped, 1)


@pytest.mark.parametrize(("files", "advice"), [(1, "smaller files"), (2, "more groups")])
def test_a_group_that_is_too_large_for_a_function_says_that_glue_reads_none(
    monkeypatch: pytest.MonkeyPatch, files: int, advice: str
) -> None:
    monkeypatch.setattr(gather, "MAX_FILE_BYTES", 10)
    world = World(monkeypatch, engine="glue")
    for number in range(files):
        world.put(f"{number}.csv", BODY)
    world.deliver(marker := world.put("_SUCCESS"))
    status, reason = world.said(marker)
    assert (status, world.table()) == ("failed", [])
    assert reason.endswith(f"do not fit in one function's time, and Glue reads no groups: make {advice}")


def test_files_of_one_batch_are_not_more_than_it_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_OF_BATCH", 3)
    world = World(monkeypatch)
    for folder in "abc":
        for number in range(2):
            world.put(f"{folder}/{number}.csv", [(f"{folder}{number}", 1)])
        world.pipeline.deliver(world.put(f"{folder}/_SUCCESS"))
    world.pipeline.run()
    assert len(world.table()) == 6
    assert world.pipeline.services.lanes.state("readings", LIVE).generation == 4


@pytest.mark.parametrize(
    ("most", "said"), [("MOST_LISTED", "too many to look through"), ("MOST_MEMBERS", "of at most")]
)
def test_a_folder_has_a_bound(monkeypatch: pytest.MonkeyPatch, most: str, said: str) -> None:
    monkeypatch.setattr(gather, most, 2)
    world = World(monkeypatch)
    for number in range(3):
        world.put(f"{number}.csv", [("m", number)])
    world.deliver(marker := world.put("_SUCCESS"))
    assert world.said(marker)[0] == "failed"
    assert said in world.said(marker)[1]


def test_a_marker_of_what_is_no_file_of_the_dataset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, marker="{name}.done", files=("*.csv",))
    world.put("a.txt", [("m0", 0)])
    world.deliver(marker := world.put("a.txt.done"))
    reason = "it is the marker of readings/a.txt, which the contract does not take as a file"
    assert (world.said(marker), world.table()) == (("failed", reason), [])


def test_files_that_waited_are_loaded_once_their_contract_names_no_marker(world: World) -> None:
    part = world.put("part-0.csv", [("m0", 0)])
    world.deliver(part)
    world.pipeline.services.contracts = contracts_of(meters(primary_key=()))
    (answer,) = retry([world.file(part)], world.pipeline.services)
    world.pipeline.run()
    assert (answer.done, world.said(part)[0], world.table()) == (True, "loaded", [("m0", 0)])


def failed_group(world: World) -> tuple[Arrival, Arrival, Arrival]:
    """A group that failed for one of its two files, whose contract names no marker any more."""
    good, bad = world.put("part-0.csv", [("m0", 0)]), world.put("part-1.csv", "no,header\n1,2\n")
    world.deliver(good, bad, marker := world.put("_SUCCESS"))
    world.pipeline.services.contracts = contracts_of(meters(primary_key=()))
    return good, bad, marker


def test_files_of_a_failed_group_are_loaded_once_their_contract_names_no_marker(world: World) -> None:
    good, bad, marker = failed_group(world)
    answers = retry([world.file(sent) for sent in (good, bad, marker)], world.pipeline.services)
    world.pipeline.run()
    assert [answer.done for answer in answers] == [True, True, False]
    assert answers[2].why.endswith("`headrace retry readings` loads its 2 files by themselves")
    assert ([world.said(sent)[0] for sent in (good, bad)], world.table()) == (["loaded", "failed"], [("m0", 0)])


def test_rows_that_an_earlier_version_of_a_failed_group_has_are_not_loaded_twice(world: World) -> None:
    world.deliver(part := world.put("part-0.csv", [("m0", 0)]), marker := world.put("_SUCCESS"))
    world.deliver(world.put("part-1.csv", "no,header\n1,2\n"), again := world.put("_SUCCESS"))
    assert (world.said(marker)[0], world.said(again)[0]) == ("loaded", "failed")
    world.pipeline.services.contracts = contracts_of(meters(primary_key=()))
    (answer,) = retry([world.file(part)], world.pipeline.services)
    world.pipeline.run()
    assert (answer.done, world.table()) == (False, [("m0", 0)])
    assert "is loaded in another version, which may have its rows" in answer.why


def test_files_of_a_group_that_is_loaded_stay_its_own_when_the_contract_names_no_marker(world: World) -> None:
    world.deliver(part := world.put("part-0.csv", [("m0", 0)]), world.put("_SUCCESS"))
    world.pipeline.services.contracts = contracts_of(meters(primary_key=()))
    (answer,) = retry([world.file(part)], world.pipeline.services)
    assert (answer.done, answer.why) == (False, "its group readings/_SUCCESS is loaded: its rows are that one's")
    assert not of_no_living_group(world.pipeline.services)(world.file(part))


def test_files_that_were_loaded_before_the_contract_had_a_marker_stay_as_they_are(world: World) -> None:
    grouped = world.pipeline.services.contracts
    world.pipeline.services.contracts = contracts_of(meters(primary_key=()))
    world.deliver(old := world.put("old.csv", [("m0", 0)]))
    world.pipeline.services.contracts = grouped
    world.deliver(new := world.put("new.csv", [("m1", 1)]), marker := world.put("_SUCCESS"))
    assert (world.table(), world.file(marker).members) == ([("m0", 0), ("m1", 1)], 1)
    assert (world.said(old)[0], world.said(new)[0]) == ("loaded", "grouped")


def test_groups_that_lack_files_keep_no_other_waiting_however_many_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    world = manifests(monkeypatch, most_files=2)
    lacking = [world.put(f"{number}.manifest", f"{number}.csv") for number in range(5)]
    world.deliver(*lacking, world.put("a.csv", BODY), world.put("whole.manifest", "a.csv"))
    for _ in range(3):  # executions that find nothing to load
        world.pipeline.run()
    assert world.table() == [("m0", 0)]
    world.put("4.csv", [("m4", 4)])
    for _ in range(3):  # two at a time, the one that was looked at first is the next
        world.at += timedelta(minutes=5)
        world.pipeline.run()
    assert world.table() == [("m0", 0), ("m4", 4)]
    assert {world.said(sent)[0] for sent in lacking[:4]} == {"pending"}


def busy(world: World, hours: int, *, late: bool = False) -> None:
    """Another pair of marker and file comes before each execution, one every half hour; or its file is late."""
    for number in range(2 * hours):
        world.at += timedelta(minutes=30)
        marker = world.put(f"{number}.csv.done") if late else None
        pair = None if late else world.put(f"{number}.csv", [(f"n{number}", 1)])
        world.pipeline.deliver(marker or world.put(f"{number}.csv.done"))
        began = world.pipeline.begin()
        if pair is None:
            world.put(f"{number}.csv", [(f"n{number}", 1)])
        if began:
            world.pipeline.finish()


@pytest.mark.parametrize("late", [False, True])
def test_a_group_that_lacked_files_is_loaded_however_many_others_keep_coming(
    monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    world = World(monkeypatch, marker="{name}.done", patience_seconds=100 * 3600)
    world.pipeline.deliver(marker := world.put("x.csv.done"))
    world.pipeline.begin()
    world.put("x.csv", [("m0", 0)])
    busy(world, 2, late=late)
    assert (world.said(marker)[0], ("m0", 0) in world.table()) == ("loaded", True)
    assert len(world.table()) >= 4 - late


def test_a_group_whose_files_never_come_fails_in_time_however_many_others_keep_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, marker="{name}.done", patience_seconds=3600)
    world.pipeline.deliver(marker := world.put("x.csv.done"))
    world.pipeline.begin()
    busy(world, 2)
    reason = "1 of its 1 files is not there: readings/x.csv after 60 minutes"
    assert (world.said(marker), len(world.table())) == (("failed", reason), 4)


def test_many_groups_that_lack_files_and_are_looked_at_again_keep_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = manifests(monkeypatch, most_files=2)
    world.deliver(*(world.put(f"{number}.manifest", f"{number}.csv") for number in range(20)))
    for _ in range(10):
        world.pipeline.run()
    world.at += timedelta(hours=1)
    world.pipeline.deliver(world.put("a.csv", BODY))
    world.pipeline.deliver(world.put("whole.manifest", "a.csv"))
    assert world.pipeline.begin()
    world.pipeline.finish()
    assert world.table() == [("m0", 0)]
