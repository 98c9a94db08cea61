"""The load of a batch as one transaction: stage, COPY, one row per key, MERGE, a record of the batch."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from tests.functional.redshift.client import Client

TABLES = (
    "CREATE SCHEMA IF NOT EXISTS etl",
    "CREATE TABLE IF NOT EXISTS etl.loads (batch_id VARCHAR(160) NOT NULL, files INTEGER NOT NULL, at TIMESTAMP)",
    "CREATE TABLE IF NOT EXISTS etl.guard_visits (batch_id VARCHAR(160))",
    """CREATE TABLE IF NOT EXISTS public.visits (visit_id VARCHAR(64) NOT NULL ENCODE ZSTD,
       seen_at TIMESTAMP NOT NULL ENCODE RAW, seconds BIGINT, payload SUPER, _file_id VARCHAR(32) NOT NULL,
       _row_number BIGINT NOT NULL, _batch_id VARCHAR(160) NOT NULL, PRIMARY KEY (visit_id))
       DISTSTYLE KEY DISTKEY (visit_id) COMPOUND SORTKEY (seen_at)""",
)
LOAD = """
LOCK TABLE etl.guard_visits;

CREATE TEMP TABLE stage (visit_id VARCHAR(64), seen_at TIMESTAMP, seconds BIGINT, payload VARCHAR(65535),
  _file_id VARCHAR(32), _row_number BIGINT, _batch_id VARCHAR(160)) DISTKEY (visit_id);

COPY stage FROM 's3://lake/batches/{batch}/manifest.json' IAM_ROLE default FORMAT AS PARQUET MANIFEST;

DELETE FROM stage USING etl.loads WHERE stage._batch_id = etl.loads.batch_id;

CREATE TEMP TABLE winners AS
  SELECT visit_id, seen_at, seconds, JSON_PARSE(payload) AS payload, _file_id, _row_number, _batch_id
  FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY visit_id
          ORDER BY seen_at DESC, _file_id DESC, _row_number DESC) AS _rank FROM stage) ranked
  WHERE _rank = 1;

DELETE FROM winners USING public.visits
  WHERE winners.visit_id = public.visits.visit_id AND public.visits.seen_at > winners.seen_at;

MERGE INTO public.visits USING winners ON public.visits.visit_id = winners.visit_id
  WHEN MATCHED THEN UPDATE SET seen_at = winners.seen_at, seconds = winners.seconds, payload = winners.payload,
    _file_id = winners._file_id, _row_number = winners._row_number, _batch_id = winners._batch_id
  WHEN NOT MATCHED THEN INSERT (visit_id, seen_at, seconds, payload, _file_id, _row_number, _batch_id)
    VALUES (winners.visit_id, winners.seen_at, winners.seconds, winners.payload, winners._file_id,
            winners._row_number, winners._batch_id);

INSERT INTO etl.loads (batch_id, files, at)
  SELECT '{batch}', 1, GETDATE() WHERE NOT EXISTS (SELECT 1 FROM etl.loads WHERE batch_id = '{batch}');

DROP TABLE winners;

DROP TABLE stage
"""


def load(batch: str) -> list[str]:
    """The statements of one load."""
    return LOAD.replace("{batch}", batch).split(";\n\n")


def put_batch(client: Client, batch: str, visits: list[tuple[str, int, str | None]]) -> None:
    """Put the Parquet file and the manifest of a batch of (visit, day of January, payload)."""
    rows = pa.table(
        {
            "visit_id": pa.array([visit for visit, _, _ in visits]),
            "seen_at": pa.array(
                [dt.datetime.fromisoformat(f"2024-01-{day:02}") for _, day, _ in visits], pa.timestamp("us")
            ),
            "seconds": pa.array([day for _, day, _ in visits], pa.int64()),
            "payload": pa.array([payload for _, _, payload in visits], pa.string()),
            "_file_id": pa.array([f"file-{batch}"] * len(visits)),
            "_row_number": pa.array(range(1, len(visits) + 1), pa.int64()),
            "_batch_id": pa.array([batch] * len(visits)),
        }
    )
    entry = client.parquet(f"s3://lake/visits/{batch}/part-0001.parquet", rows)
    client.manifest(entry, url=f"s3://lake/batches/{batch}/manifest.json")


@pytest.fixture
def visits(client: Client) -> Client:
    client.run(*TABLES)
    put_batch(client, "visits-1", [("a", 1, '{"page": "home"}'), ("b", 2, None), ("a", 3, '{"page": "cart"}')])
    return client


def test_the_newest_row_of_each_key_is_loaded(visits: Client) -> None:
    visits.run(*load("visits-1"))

    loaded = visits.rows("SELECT visit_id, seconds, payload.page, _row_number FROM visits ORDER BY visit_id")
    assert loaded == [["a", 3, '"cart"', 3], ["b", 2, None, 2]]


def test_the_same_batch_again_changes_nothing(visits: Client) -> None:
    visits.run(*load("visits-1"))
    visits.run(*load("visits-1"))

    assert visits.value("COUNT(*) FROM visits") == 2
    assert visits.value("COUNT(*) FROM etl.loads") == 1


def test_a_later_batch_replaces_older_rows_and_leaves_newer_ones(visits: Client) -> None:
    visits.run(*load("visits-1"))
    put_batch(visits, "visits-2", [("a", 2, None), ("b", 5, None), ("c", 1, None)])
    visits.run(*load("visits-2"))

    assert visits.rows("SELECT visit_id, seconds FROM visits ORDER BY 1") == [["a", 3], ["b", 5], ["c", 1]]


def test_a_failure_anywhere_undoes_all_of_it(visits: Client) -> None:
    statements = load("visits-1")
    failing = [*statements[:-2], "INSERT INTO etl.nowhere VALUES (1)"]

    description = visits.batch(*failing)

    assert description["Status"] == "FAILED"
    assert description["Error"] == f'Query #{len(failing)} failed with ERROR: relation "etl.nowhere" does not exist'
    assert visits.value("COUNT(*) FROM visits") == 0
    assert visits.value("COUNT(*) FROM etl.loads") == 0


def test_temp_tables_end_with_their_batch(visits: Client) -> None:
    visits.run("CREATE TEMP TABLE mine (a INT)")

    assert visits.error("SELECT * FROM mine") == 'ERROR: relation "mine" does not exist'


def test_a_temp_table_hides_a_permanent_one(client: Client) -> None:
    client.run("CREATE TABLE stage (a INT)", "INSERT INTO stage VALUES (1), (2)")

    description = client.batch("CREATE TEMP TABLE stage (a INT)", "DELETE FROM stage", "SELECT COUNT(*) FROM stage")

    assert [sub["ResultRows"] for sub in description["SubStatements"]] == [-1, 0, 1]
    assert client.value("COUNT(*) FROM stage") == 2
