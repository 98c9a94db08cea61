"""The rules of UNLOAD, one test each; the sources are pages of the Redshift Database Developer Guide by name."""

from __future__ import annotations

import io
import json

import pyarrow.parquet as pq
import pytest

from tests.functional.redshift.server import Aws

ROWS = [
    "CREATE TABLE visits (id INT, name VARCHAR(20), day DATE, price DECIMAL(12,2), seen BOOLEAN)",
    """INSERT INTO visits VALUES (1, 'a,b', '2024-01-01', 1.50, TRUE), (2, NULL, '2024-01-01', NULL, FALSE),
       (3, 'say "x"', '2024-01-02', 3, NULL), (4, 'd', NULL, 4, TRUE)""",
]


@pytest.fixture
def visits(aws: Aws) -> Aws:
    aws.run(*ROWS)
    return aws


def unload(options: str, query: str = "SELECT * FROM visits ORDER BY id", to: str = "s3://lake/out/") -> str:
    return f"UNLOAD ('{query}') TO '{to}' IAM_ROLE default {options}"


def names(aws: Aws) -> list[str]:
    return sorted(url.removeprefix("s3://lake/out/") for url in aws.s3.objects)


def text(aws: Aws, name: str) -> str:
    return aws.s3.objects[f"s3://lake/out/{name}"].decode()


def test_each_slice_writes_a_parquet_file_of_its_own(visits: Aws) -> None:  # r_UNLOAD, PARALLEL
    visits.run(unload("FORMAT AS PARQUET"))

    assert names(visits) == ["0000_part_00.parquet", "0001_part_00.parquet"]


def test_the_last_part_of_the_url_is_a_prefix(visits: Aws) -> None:  # r_UNLOAD, TO
    visits.run(unload("PARQUET", to="s3://lake/out/visits_"))

    assert names(visits) == ["visits_0000_part_00.parquet", "visits_0001_part_00.parquet"]


def test_parallel_off_writes_one_after_the_other(visits: Aws) -> None:  # r_UNLOAD, PARALLEL
    visits.run(unload("FORMAT PARQUET PARALLEL OFF"))

    assert names(visits) == ["000.parquet"]
    rows = pq.read_table(io.BytesIO(visits.s3.objects["s3://lake/out/000.parquet"]))
    assert rows.column("id").to_pylist() == [1, 2, 3, 4]
    assert str(rows.schema.field("price").type) == "decimal128(12, 2)"


def test_the_rows_unloaded_are_counted(visits: Aws) -> None:  # API_DescribeStatement, ResultRows
    assert visits.execute(unload("FORMAT PARQUET"))["ResultRows"] == 4


def test_csv_quotes_what_needs_it(visits: Aws) -> None:  # r_UNLOAD, CSV
    visits.run(unload("CSV PARALLEL OFF"))

    assert text(visits, "000").splitlines() == [
        '1,"a,b",2024-01-01,1.50,t',
        "2,,2024-01-01,,f",
        '3,"say ""x""",2024-01-02,3.00,',
        "4,d,,4.00,t",
    ]


def test_csv_takes_a_header_and_a_delimiter(visits: Aws) -> None:  # r_UNLOAD, HEADER and DELIMITER
    visits.run(unload("FORMAT AS CSV HEADER DELIMITER AS '|'", query="SELECT id, name AS label FROM visits"))

    assert names(visits) == ["0000_part_00", "0001_part_00"]
    assert [text(visits, name).splitlines()[0] for name in names(visits)] == ["id|label"] * 2


def test_partitions_are_folders_without_their_column(visits: Aws) -> None:  # r_UNLOAD, PARTITION BY
    visits.run(unload("PARQUET PARALLEL OFF PARTITION BY (day)"))

    assert names(visits) == [
        "day=2024-01-01/000.parquet",
        "day=2024-01-02/000.parquet",
        "day=__HIVE_DEFAULT_PARTITION__/000.parquet",
    ]
    part = pq.read_table(io.BytesIO(visits.s3.objects["s3://lake/out/day=2024-01-01/000.parquet"]), partitioning=None)
    assert part.column_names == ["id", "name", "price", "seen"]
    assert part.column("id").to_pylist() == [1, 2]


def test_include_keeps_the_partition_column(visits: Aws) -> None:  # r_UNLOAD, PARTITION BY … INCLUDE
    visits.run(unload("CSV PARALLEL OFF PARTITION BY (day) INCLUDE", query="SELECT day, id FROM visits WHERE id = 1"))

    assert text(visits, "day=2024-01-01/000") == "2024-01-01,1\n"


def test_a_manifest_of_parquet_can_be_copied_from(visits: Aws) -> None:  # r_UNLOAD_command_examples, MANIFEST
    visits.run(unload("PARQUET MANIFEST"))

    manifest = json.loads(text(visits, "manifest"))
    assert list(manifest) == ["entries"]
    assert all(set(entry["meta"]) == {"content_length"} for entry in manifest["entries"])
    visits.run("CREATE TABLE again (id INT, name VARCHAR(20), day DATE, price DECIMAL(12,2), seen BOOLEAN)")
    visits.run("COPY again FROM 's3://lake/out/manifest' IAM_ROLE default FORMAT PARQUET MANIFEST")
    assert visits.rows("SELECT COUNT(*), SUM(id) FROM again") == [[4, 10]]


def test_a_verbose_manifest_tells_schema_and_counts(visits: Aws) -> None:  # r_UNLOAD_command_examples, VERBOSE
    visits.run(unload("CSV MANIFEST VERBOSE", query="SELECT id, price, name FROM visits"))

    manifest = json.loads(text(visits, "manifest"))
    assert [entry["meta"]["record_count"] for entry in manifest["entries"]] == [2, 2]
    assert manifest["meta"]["record_count"] == 4
    assert manifest["meta"]["content_length"] == sum(len(text(visits, name)) for name in names(visits)[:-1])
    assert manifest["schema"]["elements"] == [
        {"name": "id", "type": {"base": "integer"}},
        {"name": "price", "type": {"base": "numeric", "precision": 12, "scale": 2}},
        {"name": "name", "type": {"base": "character varying", "max_length": 65535}},
    ]
    assert manifest["author"]["name"] == "Amazon Redshift"


def test_files_in_the_way_stop_it(visits: Aws) -> None:  # r_UNLOAD, ALLOWOVERWRITE
    visits.run(unload("PARQUET"))

    assert "Specified unload destination on S3 is not empty" in visits.error(unload("PARQUET"))


def test_allowoverwrite_writes_over_them(visits: Aws) -> None:  # r_UNLOAD, ALLOWOVERWRITE
    visits.run(unload("CSV PARALLEL OFF"))
    visits.run(unload("CSV PARALLEL OFF ALLOWOVERWRITE", query="SELECT 7"))

    assert text(visits, "000") == "7\n"


def test_cleanpath_removes_what_was_there(visits: Aws) -> None:  # r_UNLOAD, CLEANPATH
    visits.run(unload("PARQUET"))
    visits.run(unload("CSV PARALLEL OFF CLEANPATH"))

    assert names(visits) == ["000"]


def test_a_file_is_no_larger_than_asked(aws: Aws) -> None:  # r_UNLOAD, MAXFILESIZE
    aws.run("CREATE TABLE wide (a VARCHAR(65535))", "INSERT INTO wide SELECT REPEAT('x', 60000)")
    for _ in range(8):
        aws.run("INSERT INTO wide SELECT * FROM wide")
    aws.run(unload("CSV PARALLEL OFF MAXFILESIZE 5 MB", query="SELECT * FROM wide"))

    assert names(aws) == ["000", "001", "002", "003"]
    assert max(len(data) for data in aws.s3.objects.values()) <= 5 * 1024**2


def test_super_is_unloaded_as_json_text(aws: Aws) -> None:  # r_UNLOAD, SUPER
    aws.run("CREATE TABLE t (a SUPER)", "INSERT INTO t VALUES (JSON_PARSE('{\"x\": [1]}'))")
    aws.run(unload("PARQUET PARALLEL OFF", query="SELECT a FROM t"))

    rows = pq.read_table(io.BytesIO(aws.s3.objects["s3://lake/out/000.parquet"]))
    assert [json.loads(value) for value in rows.column("a").to_pylist()] == [{"x": [1]}]


def test_quotes_in_the_query_are_escaped(visits: Aws) -> None:  # r_UNLOAD, select-statement
    visits.run(unload("CSV PARALLEL OFF", query="SELECT id FROM visits WHERE name = ''d''"))

    assert text(visits, "000") == "4\n"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (unload("CSV", query="SELECT id FROM visits LIMIT 1"), "Limit clause is not supported"),  # r_UNLOAD, usage
        (unload("PARQUET HEADER"), "HEADER option is not supported for UNLOAD to PARQUET"),  # r_UNLOAD, HEADER
        (unload("DELIMITER '|' PARQUET"), "DELIMITER option is not supported for UNLOAD to PARQUET"),
        (unload("PARQUET ALLOWOVERWRITE CLEANPATH"), "cannot be used together"),  # r_UNLOAD, CLEANPATH
        (unload("CSV MAXFILESIZE 4 MB"), "between 5 MB and 6.2 GB"),  # r_UNLOAD, MAXFILESIZE
        (unload("CSV MAXFILESIZE 7 GB"), "between 5 MB and 6.2 GB"),
        (unload("PARQUET PARTITION BY (nowhere)"), "is not in the query"),  # r_UNLOAD, PARTITION BY
        (unload("PARQUET PARTITION BY (id)", query="SELECT id FROM visits"), "cannot name every column"),
        (unload("CSV DELIMITER 'ab'"), "single ASCII character"),  # r_UNLOAD, DELIMITER
        ("UNLOAD ('SELECT 1') TO 's3://lake/out/' FORMAT CSV", "needs an authorization"),  # r_UNLOAD, authorization
        ("UNLOAD ('SELECT 1') TO '/tmp/out' IAM_ROLE default CSV", "is not of the form"),  # r_UNLOAD, TO
        (unload("CSV", query="DELETE FROM visits"), "UNLOAD takes a SELECT"),  # r_UNLOAD, select-statement
        (unload(""), "is not supported by the embedded Redshift"),
        (unload("CSV GZIP"), "UNLOAD with GZIP is not supported by the embedded Redshift"),
        (unload("FORMAT JSON"), "UNLOAD FORMAT JSON is not supported by the embedded Redshift"),
        (unload("CSV", query="SELECT 1 AS a, 2 AS a"), "a distinct name for each column"),
        (unload("CSV", query="SELECT * FROM nowhere"), 'relation "nowhere" does not exist'),
    ],
)
def test_refusals(visits: Aws, statement: str, words: str) -> None:
    assert words in visits.error(statement)
    assert names(visits) == []
