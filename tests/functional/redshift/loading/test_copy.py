"""COPY from a manifest of Parquet files: what loads, and what is refused with which words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.functional.redshift.client import Client

NEW_YEAR = dt.datetime.fromisoformat("2024-01-01")
TABLE = "CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR(5), price DECIMAL(12,2), seen TIMESTAMP)"
ROWS = pa.table(
    {
        "anything": pa.array([1, 2], pa.int64()),
        "in": pa.array(["a", None]),
        "this": pa.array([Decimal("1.50"), None], pa.decimal128(12, 2)),
        "order": pa.array([NEW_YEAR, None], pa.timestamp("us")),
    }
)
URL = "s3://lake/part-0001.parquet"


@pytest.fixture
def loader(client: Client) -> Client:
    client.run(TABLE)
    return client


def copy(loader: Client, rows: pa.Table = ROWS, **options: Any) -> str:
    return "COPY t " + loader.manifest(loader.parquet(URL, rows, **options))


def changed(position: int, values: list[Any], kind: pa.DataType) -> pa.Table:
    return ROWS.set_column(position, ROWS.column_names[position], pa.array(values, kind))


def test_columns_are_taken_by_position(loader: Client) -> None:
    description = loader.execute(copy(loader))

    assert description["ResultRows"] == 2
    assert loader.rows("SELECT * FROM t ORDER BY id") == [
        [1, "a", "1.50", "2024-01-01 00:00:00"],
        [2, None, None, None],
    ]


def test_a_second_copy_loads_the_rows_again(loader: Client) -> None:
    loader.run(copy(loader), copy(loader))

    assert loader.value("COUNT(*) FROM t") == 4


def test_a_column_list_leaves_the_others_to_their_defaults(client: Client) -> None:
    client.run("CREATE TABLE t (id BIGINT, name VARCHAR(5) DEFAULT 'none', seen TIMESTAMP)")
    entry = client.parquet(URL, pa.table({"x": pa.array([NEW_YEAR], pa.timestamp("ms")), "y": [7]}))
    client.run(f"COPY t (seen, id) {client.manifest(entry)}")

    assert client.rows("SELECT * FROM t") == [[7, "none", "2024-01-01 00:00:00"]]


def test_int96_timestamps_load(loader: Client) -> None:
    loader.run(copy(loader, use_deprecated_int96_timestamps=True))

    assert loader.value("MAX(seen) FROM t") == "2024-01-01 00:00:00"


def test_fillrecord_fills_missing_columns_at_the_end(loader: Client) -> None:
    loader.run(f"{copy(loader, ROWS.select([0, 1]))} FILLRECORD")

    assert loader.value("COUNT(*) FROM t WHERE price IS NULL AND seen IS NULL") == 2


def test_serializetojson_loads_structures_into_super(client: Client) -> None:
    client.run("CREATE TABLE s (payload SUPER)")
    entry = client.parquet(URL, pa.table({"x": pa.array([{"a": [1, 2]}])}))
    client.run(f"COPY s {client.manifest(entry)} SERIALIZETOJSON")

    assert client.rows("SELECT payload.a[1] FROM s") == [["2"]]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS.select([0, 1, 2]), "15007"),
        (ROWS.select([0, 1, 2]), "Unmatched number of columns between table and file"),
        (changed(0, [1, 2], pa.int32()), "has an incompatible Parquet schema for column 'id'"),
        (changed(2, [1, 2], pa.decimal128(18, 2)), "has an incompatible Parquet schema for column 'price'"),
        (changed(2, [1, 2], pa.decimal128(12, 3)), "has an incompatible Parquet schema for column 'price'"),
        (changed(3, [1, 2], pa.timestamp("ns")), "has an incompatible Parquet schema for column 'seen'"),
        (changed(3, [1, 2], pa.timestamp("us", "UTC")), "has an incompatible Parquet schema for column 'seen'"),
        (changed(1, [1, 2], pa.int64()), "has an incompatible Parquet schema for column 'name'"),
        (changed(1, ["äöü", "a"], pa.string()), "String length exceeds DDL length"),
        (changed(0, [1, None], pa.int64()), "Missing data for not-null field"),
    ],
)
def test_a_file_of_another_shape_is_refused(loader: Client, rows: pa.Table, words: str) -> None:
    assert words in loader.error(copy(loader, rows))
    assert loader.value("COUNT(*) FROM t") == 0


def test_a_string_does_not_become_super(client: Client) -> None:
    client.run("CREATE TABLE s (payload SUPER)")
    entry = client.parquet(URL, pa.table({"x": ['{"a": 1}']}))

    assert "incompatible Parquet schema" in client.error(f"COPY s {client.manifest(entry)}")


def test_what_is_not_parquet_is_refused(loader: Client) -> None:
    loader.s3.objects[URL] = b"id,name\n"

    assert "15001" in loader.error("COPY t " + loader.manifest({"url": URL, "meta": {"content_length": 8}}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"meta": None}, "File entry does not have 'meta' key"),
        ({"meta": {}}, "File entry does not have 'content_length' key"),
        ({"meta": {"content_length": 1}}, "416 InvalidRange"),
        ({"url": "s3://lake/absent.parquet"}, "Error NoSuchKey"),
        ({"url": "s3://lake/absent.parquet", "mandatory": False}, "none of its files was found"),
        ({"url": "https://lake/part"}, "is not of the form 's3://bucket/key'"),
        ({"url": None}, "Mandatory url is not present in manifest file"),
        ({"mandatory": "yes"}, "mandatory must be true or false"),
    ],
)
def test_a_faulty_manifest_entry_is_refused(loader: Client, change: dict[str, Any], words: str) -> None:
    entry = loader.parquet(URL, ROWS)

    assert words in loader.error("COPY t " + loader.manifest(entry | change))


def test_a_missing_file_that_is_not_mandatory_is_skipped(loader: Client) -> None:
    absent = {"url": "s3://lake/absent.parquet", "meta": {"content_length": 5}}
    loader.run("COPY t " + loader.manifest(absent, loader.parquet(URL, ROWS)))

    assert loader.value("COUNT(*) FROM t") == 2


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "Problem reading manifest file"),
        (b"[]", "not in correct json format"),
        (b"{", "not in correct json format"),
        (b'{"entries": []}', "no entries"),
        (b"\xff", "not in UTF-8"),
    ],
)
def test_a_faulty_manifest_is_refused(loader: Client, manifest: bytes | None, words: str) -> None:
    if manifest is not None:
        loader.s3.objects["s3://lake/m"] = manifest

    assert words in loader.error("COPY t FROM 's3://lake/m' IAM_ROLE default FORMAT PARQUET MANIFEST")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("FROM 's3://b/k' IAM_ROLE default PARQUET MANIFEST MAXERROR 5", "MAXERROR argument is not supported for"),
        ("FROM 's3://b/k' IAM_ROLE default PARQUET MANIFEST REGION 'x'", "REGION argument is not supported for"),
        ("FROM 's3://b/k' IAM_ROLE default PARQUET TRUNCATECOLUMNS", "TRUNCATECOLUMNS argument is not supported"),
        ("FROM 's3://b/k' IAM_ROLE default PARQUET MANIFEST NONSENSE", 'syntax error at or near "NONSENSE"'),
        ("FROM 's3://b/k' IAM_ROLE default FORMAT AS CSV MANIFEST", "COPY FORMAT CSV is not supported by the embedded"),
        ("FROM 's3://b/k' IAM_ROLE default MANIFEST", "COPY without FORMAT AS PARQUET is not supported"),
        ("FROM 's3://b/k' IAM_ROLE default PARQUET", "COPY without MANIFEST is not supported"),
        ("FROM 's3://b/k' FORMAT PARQUET MANIFEST", "COPY needs an authorization"),
        ("FROM '/etc/passwd' IAM_ROLE default PARQUET MANIFEST", "is not of the form 's3://bucket/key'"),
        ("TO 's3://b/k'", 'syntax error at or near "TO"'),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_name(loader: Client, statement: str, words: str) -> None:
    assert words in loader.error(f"COPY t {statement}")


def test_loads_and_their_errors_can_be_looked_up(loader: Client) -> None:
    loader.run(copy(loader))
    failed = loader.execute(copy(loader, changed(1, ["too long", ""], pa.string())))

    history = loader.rows("SELECT status, table_name, loaded_rows, source_file_count FROM sys_load_history ORDER BY 1")
    assert history == [["aborted", "t", 0, 0], ["completed", "t", 2, 1]]
    ((query_id, column, code, message),) = loader.rows(
        "SELECT query_id, column_name, error_code, error_message FROM sys_load_error_detail"
    )
    assert (query_id, column, code) == (failed["RedshiftQueryId"], "name", 1204)
    assert message.startswith("String length exceeds DDL length")
