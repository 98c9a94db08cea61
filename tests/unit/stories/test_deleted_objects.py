"""Rows go with their object, where the contract says so, in whatever order events come and loads happen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from headrace.domain.contract import Contract
from headrace.domain.ingest.deletion import Deletion, deletion_of
from headrace.domain.ingest.ledger import BACKFILL, Arrival, FileStatus, RowCounts
from headrace.domain.notice import batch_notice
from headrace.usecases.ingest import record_outcome, starter
from headrace.usecases.quality.hold import release_file
from headrace.usecases.recovery.backfill import backfill
from headrace.usecases.recovery.reconcile import Asked, reconcile
from headrace.usecases.recovery.requeue import reload
from tests.support.interleaving import examples
from tests.support.load_stories import EVENTS, LANES, LoadStory, search
from tests.support.pipeline import Pipeline, changes, meters

REMOVES: dict[str, Any] = {"load_copies": True, "remove_deleted": True}
MONDAY, TUESDAY, FRIDAY = (f"2026-01-0{day}T08:00:00.000000Z" for day in (5, 6, 9))


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of loads print none."""
    monkeypatch.setattr(record_outcome, "measure_outcome", lambda *_: None)


def appending(**given: Any) -> Contract:
    return meters(**{"primary_key": (), "most_files": 2, **REMOVES} | given)


def values(pipeline: Pipeline) -> list[int]:
    return sorted(int(value) for (value,) in pipeline.warehouse.query("SELECT value FROM public.readings"))


def load(pipeline: Pipeline, key: str, version: str, rows: list[tuple[str, int, int]], at: str, place: str) -> str:
    record = pipeline.deliver(pipeline.land(key, version, rows, at, place))
    pipeline.run()
    return record.file_id


def event(key: str = "readings/a.csv", **changes: Any) -> dict[str, Any]:
    """As S3 sends it to EventBridge (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html)."""
    detail = {
        "bucket": {"name": "landing"},
        "object": {"key": key, "version-id": "marker-7", "sequencer": "0B"},
        "reason": "DeleteObject",
        "deletion-type": "Delete Marker Created",
    }
    return {"detail-type": "Object Deleted", "time": "2026-01-09T08:00:00Z", "detail": detail | changes}


def test_the_rows_of_a_deleted_object_go_and_are_accounted_for() -> None:
    pipeline = Pipeline(appending())
    old = load(pipeline, "a.csv", "v1", [("m1", 1, 1), ("m2", 1, 2)], MONDAY, "0A")
    load(pipeline, "b.csv", "v1", [("m1", 1, 3)], MONDAY, "0A")
    gone = pipeline.deliver_deletion(pipeline.delete("a.csv", FRIDAY, "0B"))
    pipeline.run()
    assert gone is not None
    assert values(pipeline) == [3]
    assert pipeline.services.files.get(old).rows == RowCounts(read=2, superseded=2)
    assert pipeline.services.files.get(gone.file_id).status is FileStatus.LOADED


def test_a_partition_that_is_written_again_under_other_names_is_right() -> None:
    """Also where the new part has the bytes of the old one."""
    pipeline = Pipeline(appending())
    load(pipeline, "dt=1/part-7af1.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    load(pipeline, "dt=1/part-b2c9.csv", "v1", [("m1", 1, 1)], TUESDAY, "0A")
    pipeline.deliver_deletion(pipeline.delete("dt=1/part-7af1.csv", TUESDAY, "0B"))
    pipeline.run()
    assert values(pipeline) == [1]


@pytest.mark.parametrize("contract", [meters(), appending(remove_deleted=False), appending()], ids=str)
@pytest.mark.parametrize("reason", ["DeleteObject", "Lifecycle Expiration"])
def test_nothing_happens_unless_the_contract_says_so(contract: Contract, reason: str) -> None:
    pipeline = Pipeline(contract)
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    announced = starter.read(json.dumps(event(reason=reason)), pytest.fail)  # type: ignore[arg-type]
    recorded = starter.note(announced, pipeline.services)
    pipeline.run()
    removed = contract.remove_deleted and reason == "DeleteObject"
    assert (values(pipeline) == [], recorded is not None) == (removed, removed)


@pytest.mark.parametrize(
    "changes",
    [
        {"object": {}},
        {"object": {"key": 7}},
        {"object": {"key": ""}},
        {"object": {"key": "a", "sequencer": ["0"]}},
        {"object": {"key": "a", "version-id": {}}, "deletion-type": "Permanently Deleted"},
        {"bucket": None},
    ],
)
def test_an_event_that_is_not_as_expected_is_kept_for_people(changes: dict[str, Any]) -> None:
    kept: list[str] = []

    class Letters:
        keep = staticmethod(kept.append)

    body = json.dumps(event(**changes))
    assert starter.read(body, Letters()) is None
    assert kept == [body]


def test_expired_objects_lose_their_rows_where_that_is_wanted() -> None:
    pipeline = Pipeline(appending(remove_deleted=False, remove_expired=True))
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    assert starter.note(deletion_of(event()), pipeline.services) is None
    assert starter.note(deletion_of(event(reason="Lifecycle Expiration")), pipeline.services)
    pipeline.run()
    assert values(pipeline) == []


@pytest.mark.parametrize("key", ["elsewhere/a.csv", "readings/_temporary/a.csv", "readings/never.csv", "readings/"])
def test_a_deletion_of_nothing_is_harmless(key: str) -> None:
    pipeline = Pipeline(appending())
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    starter.note(deletion_of(event(key)), pipeline.services)
    pipeline.run()
    assert values(pipeline) == [1]


def forever(version: str, at: str = FRIDAY) -> Deletion:
    return Deletion("landing", "readings/a.csv", version, "0F", at, expired=False)


def test_a_version_that_is_deleted_for_good_takes_its_rows_along_if_it_is_the_newest() -> None:
    pipeline = Pipeline(appending())
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    late = pipeline.land("a.csv", "v2", [("m1", 1, 2)], TUESDAY, "0B")
    assert pipeline.deliver_deletion(forever("unknown")) is None
    assert pipeline.deliver_deletion(forever("v1")) is not None
    pipeline.run()
    assert values(pipeline) == []
    pipeline.deliver(late)  # the newer version was on its way
    pipeline.run()
    assert values(pipeline) == [2]
    assert pipeline.deliver_deletion(forever("v1")) is None
    pipeline.run()
    assert values(pipeline) == [2]


def test_the_same_bytes_under_the_same_key_are_a_version_like_any_other() -> None:
    pipeline = Pipeline(appending())
    first = load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    again = load(pipeline, "a.csv", "v2", [("m1", 1, 1)], TUESDAY, "0B")
    assert pipeline.deliver_deletion(forever("v1")) is None
    pipeline.run()
    assert values(pipeline) == [1]
    rows = [pipeline.services.files.get(file_id).rows for file_id in (first, again)]
    assert rows == [RowCounts(read=1, superseded=1), RowCounts(read=1, loaded=1)]
    assert pipeline.deliver_deletion(forever("v2")) is not None
    pipeline.run()
    assert values(pipeline) == []


@pytest.mark.parametrize("removes", ["remove_deleted", "remove_expired"])
def test_bytes_that_are_written_again_before_their_deletion_is_reported_stay(removes: str) -> None:
    pipeline = Pipeline(appending(**{"remove_deleted": False, removes: True}))
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    late = replace(pipeline.delete("a.csv", TUESDAY, "0B"), expired=removes == "remove_expired")
    load(pipeline, "a.csv", "v3", [("m1", 1, 1)], FRIDAY, "0C")
    assert pipeline.deliver_deletion(late) is not None
    pipeline.run()
    assert values(pipeline) == [1]


def failed(pipeline: Pipeline) -> str:
    file_id = pipeline.deliver(pipeline.put("a.csv", "v2", b"nothing,known\n1,2\n", TUESDAY, "0B")).file_id
    pipeline.run()
    assert pipeline.services.files.get(file_id).status is FileStatus.FAILED
    return file_id


def held(pipeline: Pipeline) -> str:
    file_id = load(pipeline, "a.csv", "v2", [("m1", 1, 1)], TUESDAY, "0B")
    assert pipeline.services.files.get(file_id).status is FileStatus.HELD
    return file_id


def waiting(pipeline: Pipeline) -> str:
    return pipeline.deliver(pipeline.land("a.csv", "v2", [("m9", 1, n) for n in range(9)], TUESDAY, "0B")).file_id


@pytest.mark.parametrize("newest", [failed, held, waiting])
def test_a_version_whose_rows_never_came_takes_none_along_when_it_is_deleted_for_good(
    newest: Callable[[Pipeline], str],
) -> None:
    """The version before it is the object again."""
    pipeline = Pipeline(appending(max_shrink=0.2))
    load(pipeline, "a.csv", "v1", [("m1", 1, number) for number in range(9)], MONDAY, "0A")
    file_id = newest(pipeline)
    del pipeline.services.lake.landed["landing", "readings/a.csv", "v2"]
    assert pipeline.deliver_deletion(forever("v2")) is None
    pipeline.run()
    assert values(pipeline) == list(range(9))
    assert pipeline.services.files.get(file_id).status in {FileStatus.FAILED, FileStatus.HELD}


def test_a_held_version_that_is_deleted_for_good_fails_when_it_is_released() -> None:
    pipeline = Pipeline(appending(max_shrink=0.2))
    load(pipeline, "a.csv", "v1", [("m1", 1, number) for number in range(9)], MONDAY, "0A")
    file_id = held(pipeline)
    del pipeline.services.lake.landed["landing", "readings/a.csv", "v2"]
    assert pipeline.deliver_deletion(forever("v2")) is None
    assert release_file(pipeline.services.files.get(file_id), "ann", pipeline.services).done
    pipeline.run()
    assert pipeline.services.files.get(file_id).status is FileStatus.FAILED
    assert values(pipeline) == list(range(9))


def test_a_version_that_is_loaded_again_takes_its_rows_along_when_it_is_deleted_for_good() -> None:
    pipeline = Pipeline(appending())
    file_id = load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    reload([pipeline.services.files.get(file_id)], pipeline.services)
    assert pipeline.deliver_deletion(forever("v1")) is not None
    pipeline.run()
    assert values(pipeline) == []


def test_an_event_without_a_sequencer_counts_after_what_came_before_it() -> None:
    pipeline = Pipeline(appending())
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    load(pipeline, "b.csv", "v1", [("m1", 1, 3)], FRIDAY, "0A")
    for key in ("a.csv", "b.csv"):
        pipeline.deliver_deletion(Deletion("landing", f"readings/{key}", "", "", TUESDAY, expired=False))
    pipeline.run()
    assert values(pipeline) == [3]


def test_what_erasing_deletes_does_not_take_other_rows_along() -> None:
    pipeline = Pipeline(appending())
    file_id = load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    pipeline.services.events.note_file(file_id, "Erased", {"from": "landing"})
    assert pipeline.deliver_deletion(forever("v1")) is None


def test_an_object_that_comes_back_is_loaded_again() -> None:
    pipeline = Pipeline(appending())
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    pipeline.deliver_deletion(pipeline.delete("a.csv", TUESDAY, "0B"))
    load(pipeline, "a.csv", "v2", [("m1", 1, 1)], FRIDAY, "0C")
    assert values(pipeline) == [1]


def test_a_reload_of_a_deleted_object_brings_nothing_back() -> None:
    pipeline = Pipeline(appending())
    old = load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    pipeline.deliver_deletion(pipeline.delete("a.csv", TUESDAY, "0B"))
    pipeline.run()
    reload([pipeline.services.files.get(old)], pipeline.services)
    pipeline.run()
    assert values(pipeline) == []
    assert pipeline.services.files.get(old).rows.balanced


def test_a_deleted_file_takes_its_keys_along_from_a_table_with_a_key_and_from_its_history() -> None:
    pipeline = Pipeline(changes(ordering=("round",), history=True, **REMOVES))
    pipeline.deliver(pipeline.land("a.csv", "v1", [("m1", 1, 1, "I")], MONDAY, "0A"))
    pipeline.deliver(pipeline.land("b.csv", "v1", [("m1", 2, 2, "U"), ("m2", 1, 1, "I")], TUESDAY, "0A"))
    pipeline.run()
    pipeline.deliver_deletion(pipeline.delete("b.csv", FRIDAY, "0B"))
    pipeline.run()
    assert pipeline.rows() == {}
    history = "SELECT meter, value, valid_from, is_current FROM public.readings_history"
    assert pipeline.warehouse.query(history) == [["m1", 1, 1, True]]


def test_people_read_that_rows_were_removed() -> None:
    pipeline = Pipeline(appending())
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    gone = pipeline.deliver_deletion(pipeline.delete("a.csv", FRIDAY, "0B"))
    pipeline.run()
    assert gone is not None
    ended = pipeline.services.files.get(gone.file_id)
    batch = pipeline.services.batches.get(str(ended.batch))
    notice = batch_notice(batch, [ended], [], None)
    assert notice.lines == ("readings/a.csv was deleted from landing: its rows are removed",)


def test_reconcile_names_rows_whose_object_is_gone_and_backfill_removes_them() -> None:
    pipeline = Pipeline(appending())
    load(pipeline, "a.csv", "v1", [("m1", 1, 1)], MONDAY, "0A")
    load(pipeline, "b.csv", "v1", [("m1", 1, 2)], MONDAY, "0A")
    pipeline.delete("a.csv", TUESDAY, "0B")  # its event is lost

    def differences() -> list[str]:
        found = reconcile(["readings"], pipeline.landing, pipeline.services, Asked())
        return [f"{each.what}: {each.advice}" for each in found.differences if each.kind == "deleted object"]

    assert differences() == [
        "readings/a.csv is gone from landing, its rows are in the table: `headrace backfill readings readings/a.csv`"
    ]
    assert backfill("readings", "readings/", pipeline.landing, pipeline.services, dry_run=True).taken == [
        "readings/a.csv"
    ]
    backfill("readings", "readings/", pipeline.landing, pipeline.services)
    pipeline.run(BACKFILL)
    assert values(pipeline) == [2]
    assert differences() == []
    assert backfill("readings", "readings/", pipeline.landing, pipeline.services).taken == []


@dataclass(frozen=True)
class Plan:
    """What happens to keys in this order, rows that are put or None for a deletion; then a verb and a number each.

    0 rows stand for the bytes of `SAME`, which may come again.
    """

    steps: tuple[tuple[str, int | None], ...]
    events: tuple[tuple[str, int], ...]
    same_second: bool = False


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([2, 1, 0, None])), min_size=2, max_size=6)
SAME = 7
"""The value of files that are all alike."""


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return Plan(tuple(draw(STEPS)), tuple(draw(EVENTS)))


class Story(LoadStory[Plan]):
    """A plan as it happens, and the rows that must be there in the end: those of objects that are there."""

    def land(self) -> list[Arrival]:
        self.deletions: list[Deletion] = []
        return [sent for number, step in enumerate(self.plan.steps) if (sent := self._step(number, *step))]

    def _step(self, number: int, key: str, rows: int | None) -> Arrival | None:
        if rows is not None:
            return self.landed(number, f"{key}.csv", [("m1", 1, value) for value in self._values(number, rows)])
        at = f"2026-01-01T00:00:0{0 if self.plan.same_second else number}.000000Z"
        self.deletions.append(self.pipeline.delete(f"{key}.csv", at, f"00{number:02}" + "F" * (number % 3)))
        return None

    def _event(self, verb: str, number: int) -> None:
        both = len(self.sent) + len(self.deletions)
        if verb == "deliver" and number % both >= len(self.sent):
            self.pipeline.deliver_deletion(self.deletions[number % both - len(self.sent)])
        elif self.sent or verb not in {"deliver", "reload"}:
            super()._event(verb, number % both)

    def happens(self) -> None:
        super().happens()
        for deletion in self.deletions:
            self.pipeline.deliver_deletion(deletion)
        self.pipeline.run(*LANES)

    def check(self) -> None:
        files = [file for sent in self.sent if (file := self.pipeline.services.files.records.files.get(sent.file_id))]
        assert all(file.rows.balanced for file in files), files
        last = {key: (number, rows) for number, (key, rows) in enumerate(self.plan.steps)}
        there = [self._values(number, rows) for number, rows in last.values() if rows is not None]
        assert values(self.pipeline) == sorted(value for each in there for value in each)

    @staticmethod
    def _values(number: int, rows: int) -> list[int]:
        return [10 * number + at for at in range(rows)] or [SAME]


CONTRACTS = {"appended": appending(), "staged": appending(staged=True, merge_seconds=900)}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_any_order_of_events_ends_with_the_rows_of_the_objects_that_are_there(kind: str) -> None:
    search(Story, plans(), CONTRACTS[kind], examples(20))


def by_time(deletion: Deletion, versions: Any) -> Arrival | None:
    """A deletion as it would be if it came after all that the ledger knows."""
    last = max((version.sequencer for version in versions), default="")
    return Arrival(deletion.bucket, deletion.key, f"deleted {deletion.sequencer}", 0, "", f"{last}-000000", deletion.at)


def never(deletion: Deletion, _: Any) -> Arrival | None:
    return None


@pytest.mark.parametrize("fault", [by_time, never])
def test_a_fault_is_found(fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "as_version", fault)
    with pytest.raises(AssertionError):
        search(Story, plans(), CONTRACTS["appended"], 300, [Phase.generate])
