"""A change log whose files come twice and in any order, while loads crash, gives the table of its oracle."""

from __future__ import annotations

import io
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import FileFormat
from headrace.domain.files.formats import FORMATS
from headrace.domain.ingest.ledger import BACKFILL, BatchStatus, FileStatus
from headrace.usecases.recovery.backfill import backfill
from headrace.usecases.recovery.replay import Wanted, replay
from headrace.usecases.recovery.requeue import reload
from tests.support.change_log import Size, change_log, check, load, oracle
from tests.support.fakes import MemoryLanding
from tests.support.pipeline import Pipeline, Row, changes


@pytest.mark.parametrize("ordering", [("round",), ()], ids=["ordered", "by arrival"])
@pytest.mark.parametrize("marked", [False, True], ids=["deleted", "marked"])
def test_a_change_log_gives_the_table_of_its_oracle(ordering: tuple[str, ...], *, marked: bool) -> None:
    files = change_log(Size(3000, 300, 20), seed=7)
    wanted = oracle(files, ordered=bool(ordering))
    pipeline = load(changes(marked=marked, ordering=ordering, most_files=5), files, seed=7)
    assert len(wanted) > 100
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == wanted
    if not marked:
        check(pipeline, wanted)


@pytest.mark.parametrize("order", ["together", "one by one", "backwards", "delete again"])
def test_a_marked_row_has_the_values_of_its_delete_whatever_was_loaded_when(order: str) -> None:
    pipeline = Pipeline(changes(marked=True, ordering=("round",)))
    rows: list[list[Row]] = [[("m1", 1, 5, "I")], [("m1", 2, "", "D")]]
    files = [rows[0] + rows[1]] if order == "together" else rows[::-1] if order == "backwards" else rows
    for number, each in enumerate(files):
        sent = pipeline.land(f"{number}.csv", "v1", each, f"2026-01-0{1 + number}T08:00:00.000000Z", "0A")
        pipeline.deliver(sent)
        pipeline.run()
    if order == "delete again":
        reload([pipeline.services.files.get(sent.file_id)], pipeline.services)
        pipeline.run()
    state = "SELECT meter, round, value, op, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END FROM public.readings"
    assert pipeline.warehouse.query(state) == [["m1", 2, None, "D", 1]]


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("csv", b"meter,round,value\nm1,2,\n", "the header lacks the required column op"),
        ("csv", b"meter,round,value,operation\nm1,2,,D\n", "the header lacks the required column op"),
        ("jsonl", b'{"meter": "m1", "round": 2}\n', "no object of the file has a value for 'op', its operation"),
        ("jsonl", b'{"meter": "m1", "round": 2, "Op": "D"}\n', "no object of the file has a value for 'op'"),
    ],
)
def test_a_file_without_the_operation_fails_unless_the_contract_takes_it_for_inserts(
    kind: str, body: bytes, reason: str
) -> None:
    written = FileFormat(kind, null_tokens=FORMATS[kind].null_tokens)
    for optional in (False, True):
        pipeline = Pipeline(changes(ordering=("round",), format=written, operation_optional=optional))
        record = pipeline.deliver(pipeline.put("a", "v1", body, "2026-01-01T08:00:00.000000Z", "0A"))
        pipeline.run()
        found = pipeline.services.files.get(record.file_id)
        assert found.status is (FileStatus.LOADED if optional else FileStatus.FAILED)
        assert optional or reason in str(found.reason)
        assert pipeline.warehouse.query("SELECT COUNT(*) FROM public.readings") == [[int(optional)]]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_row_without_an_operation_is_an_insert_beside_others(kind: str) -> None:
    written = FileFormat(kind, null_tokens=FORMATS[kind].null_tokens)
    body = {
        "csv": b"meter,round,value,op\nm1,1,5,\nm2,1,6,I\n",
        "jsonl": b'{"meter": "m1", "round": 1, "value": 5}\n{"meter": "m2", "round": 1, "value": 6, "op": "I"}\n',
    }[kind]
    pipeline = Pipeline(changes(ordering=("round",), format=written))
    pipeline.deliver(pipeline.put("a", "v1", body, "2026-01-01T08:00:00.000000Z", "0A"))
    pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 5, "m2": 6}


@pytest.mark.parametrize("ordering", [("round",), ()], ids=["ordered", "by arrival"])
def test_rows_come_back_from_quarantine_only_where_their_place_is_known(ordering: tuple[str, ...]) -> None:
    pipeline = Pipeline(changes(ordering=ordering))
    sent = pipeline.land(
        "a.csv", "v1", [("m1", 1, 1, "I"), ("m1", 2, -5, "U"), ("m1", 3, "", "D")], "2026-01-01T08:00:00.000000Z", "0A"
    )
    pipeline.deliver(sent)
    pipeline.run()
    today = replace(pipeline.contract, columns=tuple(replace(c, minimum=None) for c in pipeline.contract.columns))
    (answer,) = replay(today, Wanted(), MemoryLanding(), pipeline.services)
    assert answer.good == int(bool(ordering))
    assert bool(ordering) or f"`headrace reload {sent.file_id}`" in answer.why


def broken_rules(pipeline: Pipeline) -> list[tuple[int, list[str]]]:
    """Each row in quarantine, with the rules that it breaks."""
    lake = pipeline.services.lake
    tables = [pq.read_table(io.BytesIO(lake.read(key))) for key in lake.objects if key.startswith("quarantine/")]
    return [
        (row["row_number"], [error["rule"] for error in row["errors"]]) for table in tables for row in table.to_pylist()
    ]


WRITTEN = {
    "csv": b"op,meter,round,value\nI,m1,1,1\nI,m2,4,2\nT,,3,\nU,,5,5\n,,5,5\nX,m4,5,5\n",
    "jsonl": b'{"op":"I","meter":"m1","round":1,"value":1}\n{"op":"I","meter":"m2","round":4,"value":2}\n'
    b'{"op":"T","round":3}\n{"op":"U","round":5,"value":5}\n{"round":5}\n{"op":"X","meter":"m4","round":5}\n',
}


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("marked", [False, True], ids=["deleted", "marked"])
def test_a_truncate_needs_no_key_and_all_other_rows_need_one(kind: str, *, marked: bool) -> None:
    written = FileFormat(kind, null_tokens=FORMATS[kind].null_tokens)
    pipeline = Pipeline(changes(marked=marked, ordering=("round",), truncates=("T",), format=written))
    sent = pipeline.deliver(pipeline.put("a", "v1", WRITTEN[kind], "2026-01-01T08:00:00.000000Z", "0A"))
    pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m2": 2}
    rows = pipeline.services.files.get(sent.file_id).rows
    assert (rows.read, rows.loaded, rows.superseded, rows.quarantined) == (6, 1 + marked, 2 - marked, 3)
    assert broken_rules(pipeline) == [(4, ["required"]), (5, ["required"]), (6, ["enum"])]


def test_a_file_of_a_truncate_alone_empties_the_table_and_one_more_changes_nothing() -> None:
    pipeline = Pipeline(changes(ordering=("round",), truncates=("T",)))
    files: list[list[Row]] = [[("", 1, "", "T")], [("m1", 2, 1, "I"), ("m2", 2, 1, "D")], [("", 3, "", "T")]]
    for number, rows in enumerate(files):
        sent = pipeline.land(f"{number}.csv", "v1", rows, f"2026-01-0{1 + number}T08:00:00.000000Z", "0A")
        pipeline.deliver(sent)
        pipeline.run()
    assert pipeline.rows() == {}
    assert pipeline.warehouse.query("SELECT COUNT(*) FROM etl.deleted_readings") == [[0]]
    assert [file.rows.superseded for file in pipeline.services.files.records.files.values()] == [1, 2, 1]
    late = pipeline.land("late.csv", "v1", [("m1", 2, 9, "I"), ("m2", 4, 9, "I")], "2026-01-01T07:00:00.000000Z", "0A")
    pipeline.deliver(late)
    pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m2": 9}


def test_what_a_truncate_took_does_not_come_back_when_its_file_is_loaded_again() -> None:
    pipeline = Pipeline(changes(truncates=("T",)))
    files: list[list[Row]] = [[("m1", 1, 1, "I")], [("", 2, "", "T"), ("m2", 2, 2, "I")]]
    records = []
    for number, rows in enumerate(files):
        sent = pipeline.land(f"{number}.csv", "v1", rows, f"2026-01-0{1 + number}T08:00:00.000000Z", "0A")
        records.append(pipeline.deliver(sent))
        pipeline.run()
    for record in (*records, records[0]):
        reload([pipeline.services.files.get(record.file_id)], pipeline.services)
        pipeline.run()
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m2": 2}
    assert all(file.rows.balanced for file in pipeline.services.files.records.files.values())


@pytest.mark.parametrize("ordering", [("round",), ()], ids=["ordered, tied", "by arrival"])
@pytest.mark.parametrize("marked", [False, True], ids=["deleted", "marked"])
@pytest.mark.parametrize("between", [False, True], ids=["alone", "another lane loads in between"])
def test_a_truncate_whose_load_committed_and_died_takes_nothing_the_second_time(
    ordering: tuple[str, ...], *, marked: bool, between: bool
) -> None:
    pipeline = Pipeline(changes(marked=marked, ordering=ordering, truncates=("T",)))
    files: list[list[Row]] = [[("m1", 1, 1, "I")], [("", 1, "", "T")], [("m2", 1, 2, "I")], [("m3", 1, 3, "I")]]
    sent = [
        pipeline.land(f"{number}.csv", "v1", rows, f"2026-01-0{1 + number}T08:00:00.000000Z", "0A")
        for number, rows in enumerate(files)
    ]
    for each in sent[:3]:
        pipeline.deliver(each)
    assert pipeline.begin()
    batch = pipeline.crash(committed=True)
    if between:
        backfill("readings", "readings/", pipeline.landing, pipeline.services)
        pipeline.run(BACKFILL)
    pipeline.run()
    wanted = {"m2": 2} | ({"m3": 3} if between else {})
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == wanted
    assert pipeline.services.batches.get(batch).status is BatchStatus.LOADED
    assert all(file.rows.balanced for file in pipeline.services.files.records.files.values())


def test_an_unknown_operation_goes_to_quarantine_and_a_delete_of_nothing_is_harmless() -> None:
    pipeline = load(changes(), [[("m1", 1, 1, "I"), ("m2", 1, 2, "X"), ("m3", 1, 3, "D")]], seed=1)
    (loaded,) = [file for file in pipeline.services.files.records.files.values() if file.rows.loaded]
    assert (loaded.rows.read, loaded.rows.loaded, loaded.rows.superseded, loaded.rows.quarantined) == (3, 1, 1, 1)
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == {"m1": 1}
