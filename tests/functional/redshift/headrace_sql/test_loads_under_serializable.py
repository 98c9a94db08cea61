"""Our own loads in a SERIALIZABLE database: what disturbs them ends in 1023, is tried again, and nothing is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.domain.contract import Contract, View
from headrace.domain.ingest.failure import Treatment, classify, explain
from headrace.domain.ingest.load import load_statements, measure_statements
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Scope
from headrace.usecases.migrate import MigrationError, migrate
from headrace_compiler.sql.load import load_sql
from headrace_compiler.sql.metrics import measure_sql
from tests.functional.redshift.client import Client
from tests.functional.redshift.headrace_sql.test_migrations import services_on
from tests.functional.redshift.loading.test_concurrency import Gate, gate
from tests.functional.redshift.loading.test_isolation import alter, serializable
from tests.support.fakes import contract

__all__ = ["gate", "serializable"]

ASL = Path(__file__).parents[4] / "statemachine" / "ingest.asl.json"
VIEW = View("public.by_meter", "SELECT meter, COUNT(*) AS readings FROM public.readings GROUP BY meter", None, ())
FIRST = contract(views=(VIEW,), checks=(Check(Metric.ROW_COUNT, lowest=1.0),))
SECOND = contract("others")
ROWS = 30


class InHeadrace(Client):
    """A client of the database `headrace`, not `dev`."""

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return super().call(operation, **(request | ({"Database": "headrace"} if "Database" in request else {})))


def tries_of_a_load() -> int:
    """How often the workflow submits a load whose look says `conflict`."""
    conditions = [
        choice["Condition"] for state in json.loads(ASL.read_text())["States"].values()
        for choice in state.get("Choices", []) if "$loadTry <" in choice.get("Condition", "")
    ]  # fmt: skip
    (most,) = {int(most) for each in conditions for most in re.findall(r"\$loadTry < (\d+)", each)}
    assert all("conflict" in each for each in conditions)
    return most


TRIES = tries_of_a_load()


@pytest.fixture
def database(client: Client, gate: Gate) -> Client:
    """Two datasets' tables, in a database that was altered to SERIALIZABLE afterwards."""
    migrate(services_on(client, [FIRST, SECOND]), "headrace")
    assert alter(client, "SERIALIZABLE")["Status"] == "FINISHED"
    return client


def put(client: Client, batch: str, *, manifest: str) -> None:
    table = pa.table(
        {
            "meter": pa.array([f"{batch[-11:]}-{number}" for number in range(ROWS)]),
            "read_at": pa.array([0] * ROWS, pa.timestamp("us")),
            "value": pa.array(range(ROWS), pa.int64()),
            "_file_id": pa.array([file_of(batch)] * ROWS),
            "_row_number": pa.array(range(1, ROWS + 1), pa.int64()),
            "_batch_id": pa.array([batch] * ROWS),
        }
    )
    client.manifest(client.parquet(f"s3://lake/{batch}.parquet", table), url=manifest)


def file_of(batch: str) -> str:
    return batch.encode().hex().ljust(24, "0")[:24]


def load(client: Client, of: Contract, batch: str, manifest: str) -> list[str]:
    put(client, batch, manifest=manifest)
    known: dict[str, Any] = {"arrived": {file_of(batch): "2026-"}, "objects": {file_of(batch): file_of(batch)[-16:]}}
    known |= {"replaced": [], "reloaded": []}
    return load_statements(load_sql(of), batch=batch, manifest=manifest, iam_role="default", **known)


def ended_well(client: Client, statements: list[str], statement: str) -> int:
    """How often a batch had to be tried again, as the workflow does; `statement` is its first try."""
    for tries in range(TRIES):
        ended = client.ended(statement)
        if ended["Status"] == "FINISHED":
            return tries
        assert classify(explain("LoadRefused", ended["Error"])).treatment is Treatment.AGAIN, ended["Error"]
        statement = client.start(*statements)
    raise AssertionError(f"tried {TRIES} times")


def load_of_the_other_dataset(client: Client) -> None:
    statements = load(client, SECOND, "others-1", "s3://lake/other.json")
    assert ended_well(client, statements, client.start(*statements)) == 0


def measurement_of_the_next_batch(client: Client) -> None:
    put(client, "readings-2", manifest="s3://lake/next.json")
    template = measure_sql(FIRST, Scope.BATCH)
    given = {"scope": Scope.BATCH, "manifest": "s3://lake/next.json", "iam_role": "default"}
    statements = measure_statements(template, batch="readings-2", **given)
    assert ended_well(client, statements, client.start(*statements)) == 0


def refresh_of_the_view(client: Client) -> None:
    assert client.execute("REFRESH MATERIALIZED VIEW public.by_meter").get("Error") is None


def look_at_the_accounts(client: Client) -> None:
    client.run("SELECT * FROM etl.file_rows", "SELECT COUNT(*) FROM public.readings")


@pytest.mark.parametrize(
    ("beside", "tries"),
    [
        (load_of_the_other_dataset, 1),
        (measurement_of_the_next_batch, 0),
        (refresh_of_the_view, 0),
        (look_at_the_accounts, 0),
    ],
)
def test_a_load_ends_right_whatever_ran_beside_it(
    database: Client, gate: Gate, beside: Callable[[Client], None], tries: int
) -> None:
    statements = load(database, FIRST, "readings-1", "s3://lake/gate")
    first = database.start(*statements)
    assert gate.reached.wait(20)
    beside(database)
    gate.opened.set()

    assert ended_well(database, statements, first) == tries
    assert database.rows("SELECT staged, loaded FROM etl.load_files WHERE batch_id = 'readings-1'") == [[ROWS, ROWS]]
    assert database.value("COUNT(*) FROM public.readings") == ROWS
    refresh_of_the_view(database)
    assert database.value("SUM(readings) FROM public.by_meter") == str(ROWS)
    if beside is load_of_the_other_dataset:
        assert database.value("COUNT(*) FROM public.others") == ROWS


def test_two_lanes_of_a_dataset_load_side_by_side_and_the_one_that_is_disturbed_is_tried_again(
    database: Client, gate: Gate
) -> None:
    """The live lane is in its COPY while the backfill lane waits for the dataset's lock and another dataset commits."""
    live, backfill = (
        load(database, FIRST, batch, manifest)
        for batch, manifest in (("readings-1", "s3://lake/gate"), ("readings-backfill-1", "s3://lake/backfill.json"))
    )
    first = database.start(*live)
    assert gate.reached.wait(20)
    second = database.start(*backfill)
    load_of_the_other_dataset(database)
    gate.opened.set()

    assert ended_well(database, live, first) == 1
    ended_well(database, backfill, second)
    assert database.rows("SELECT batch_id, status FROM etl.loads WHERE dataset = 'readings' ORDER BY 1") == [
        ["readings-1", "loaded"],
        ["readings-backfill-1", "loaded"],
    ]
    assert database.value("COUNT(*) FROM public.readings") == 2 * ROWS
    assert database.value("COUNT(DISTINCT meter) FROM public.readings") == 2 * ROWS
    assert database.value("SUM(loaded) FROM etl.file_rows") == str(3 * ROWS)  # and the other dataset's


def test_many_loads_at_once_are_each_loaded_once(database: Client) -> None:
    batches = [(of, f"{of.dataset}-{number}") for number in range(3) for of in (FIRST, SECOND)]
    loads = {batch: load(database, of, batch, f"s3://lake/{batch}.json") for of, batch in batches}
    started = {batch: database.start(*statements) for batch, statements in loads.items()}
    for batch, statements in loads.items():
        ended_well(database, statements, started[batch])
    for of in (FIRST, SECOND):
        assert database.value(f"COUNT(*) FROM {of.target}") == 3 * ROWS
    assert database.value("COUNT(DISTINCT batch_id) FROM etl.loads") == len(batches)
    assert database.value("SUM(loaded) FROM etl.file_rows") == str(2 * 3 * ROWS)


def test_a_deployment_says_so_first(database: Client) -> None:
    with pytest.raises(MigrationError, match="ALTER DATABASE headrace ISOLATION LEVEL SNAPSHOT"):
        migrate(services_on(InHeadrace(database.redshift, database.s3), [replace(FIRST, version="2.0.0")]), "headrace")
