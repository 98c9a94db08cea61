"""Partitions: what stands in a file's folders is in its rows, and tells files of the same bytes apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.files.key_values import FOLDERS, NAME
from headrace.domain.ingest.ledger import Arrival, FileStatus, RowCounts
from headrace.usecases.recovery.replay import Wanted, replay
from tests.support.fakes import contracts_of
from tests.support.pipeline import Pipeline, meters

MONDAY, TUESDAY = "2026-03-02T08:00:00.000000Z", "2026-03-03T08:00:00.000000Z"


def partitioned(**changes: Any) -> Contract:
    """Rows of meters, appended, each with the day and the name of its file."""
    more = (
        Column("dt", "dt", Kind.DATE, "DATE", required=True, origin=FOLDERS),
        Column("file_name", "file_name", Kind.STRING, "VARCHAR(40)", max_bytes=40, origin=NAME),
    )
    columns = (*meters().columns, *more)
    return meters(**{"columns": columns, "primary_key": (), "folder_templates": ("dt={dt}",)} | changes)


def table(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    found = pipeline.warehouse.query("SELECT meter, dt, file_name FROM public.readings ORDER BY dt, meter, _file_id")
    return [(str(meter), str(day), str(name)) for meter, day, name in found]


@pytest.mark.parametrize("by_name", [False, True])
def test_the_same_bytes_in_two_partitions_are_two_files(by_name: bool) -> None:
    pipeline = Pipeline(partitioned())
    for day, at in (("02", MONDAY), ("03", TUESDAY)):
        pipeline.deliver(pipeline.land(f"dt=2026-03-{day}/part-0.csv", "v1", [("m1", 1, 1)], at, "0A"))
        if by_name:
            pipeline.run()
    pipeline.run()
    assert table(pipeline) == [("m1", "2026-03-02", "part-0.csv"), ("m1", "2026-03-03", "part-0.csv")]


def test_the_same_bytes_in_one_partition_are_a_copy_unless_the_name_is_a_column() -> None:
    for columns, status in ((4, FileStatus.DUPLICATE), (5, FileStatus.LOADED)):
        spec = partitioned()
        pipeline = Pipeline(partitioned(columns=spec.columns[:columns]))
        sent = [
            pipeline.land(f"dt=2026-03-02/part-{number}.csv", "v1", [("m1", 1, 1)], MONDAY, "0A") for number in (0, 1)
        ]
        for arrival in sent:
            pipeline.deliver(arrival)
            pipeline.run()
        assert pipeline.services.files.get(sent[1].file_id).status is status


def test_the_same_bytes_under_the_same_key_stay_a_copy_when_columns_are_taken_from_it() -> None:
    after = partitioned(replace_versions=False)
    before = replace(after, columns=tuple(replace(c, origin="", required=False) for c in after.columns))
    pipeline = Pipeline(replace(before, folder_templates=()))
    body = b"meter,round,value\nm1,1,1\n"
    pipeline.deliver(pipeline.put("dt=2026-03-02/part-0.csv", "v1", body, MONDAY, "0A"))
    pipeline.run()
    pipeline.services.contracts = contracts_of(after)
    again = pipeline.deliver(pipeline.put("dt=2026-03-02/part-0.csv", "v2", body, TUESDAY, "0B"))
    pipeline.run()
    assert pipeline.services.files.get(again.file_id).status is FileStatus.DUPLICATE
    assert pipeline.warehouse.query("SELECT COUNT(*) FROM public.readings") == [[1]]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("part-0.csv", "is not in readings/dt={dt}/"),
        ("dt=2026-02-30/part-0.csv", "dt: '2026-02-30' is not a date"),
        ("dt=__HIVE_DEFAULT_PARTITION__/part-0.csv", "dt: it has no value (required)"),
    ],
)
def test_a_file_outside_of_the_partitions_fails_alone(key: str, reason: str) -> None:
    pipeline = Pipeline(partitioned())
    stray = pipeline.land(key, "v1", [("m1", 1, 1)], MONDAY, "0A")
    for arrival in (stray, pipeline.land("dt=2026-03-02/a.csv", "v1", [("m2", 1, 1)], MONDAY, "0B")):
        pipeline.deliver(arrival)
    pipeline.run()
    failed = pipeline.services.files.get(stray.file_id)
    assert failed.status is FileStatus.FAILED
    assert reason in str(failed.reason)
    assert [meter for meter, *_ in table(pipeline)] == ["m2"]


def test_rows_that_come_back_from_quarantine_are_in_their_partition() -> None:
    pipeline = Pipeline(partitioned())
    sent = pipeline.land("dt=2026-03-02/a.csv", "v1", [("m1", 1, 1), ("m2", 1, -1)], MONDAY, "0A")
    pipeline.deliver(sent)
    pipeline.run()
    assert pipeline.services.files.get(sent.file_id).rows == RowCounts(read=2, loaded=1, quarantined=1)
    columns = tuple(
        Column("value", "value", Kind.INTEGER, "BIGINT", required=True) if column.name == "value" else column
        for column in pipeline.contract.columns
    )
    pipeline.services.contracts = contracts_of(partitioned(columns=columns))
    (replayed,) = replay(partitioned(columns=columns), Wanted(), pipeline.landing, pipeline.services)
    key = str(replayed.landed_as)
    body = pipeline.landing.bodies[key]
    pipeline.services.lake.landed["landing", key, "v9"] = body
    again = Arrival("landing", key, "v9", len(body), "e", "0A", TUESDAY)
    pipeline.deliver(again)
    pipeline.run()
    assert table(pipeline) == [("m1", "2026-03-02", "a.csv"), ("m2", "2026-03-02", "a.csv")]
    assert pipeline.services.files.get(again.file_id).rows == RowCounts(read=1, loaded=1)
