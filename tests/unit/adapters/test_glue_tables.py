"""The tables in Glue's catalogue, against moto's: made once, followed by what a contract gains, changes or loses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import awswrangler as wr
import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from headrace.adapters.glue_tables import GlueTables, _glue
from headrace.domain.lake_catalog import lake_tables
from headrace.errors import TransientError
from tests.support.fakes import contract

TABLES = lake_tables(contract())
ROWS = TABLES.rows


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        client = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": "head_race"})
        yield client


@pytest.fixture
def tables(glue: Any) -> GlueTables:
    return GlueTables("Head_race", "headrace", "lake")


def columns(glue: Any, name: str = "readings") -> dict[str, str]:
    table = glue.get_table(DatabaseName="head_race", Name=name)["Table"]
    return {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}


def test_a_table_has_the_columns_types_and_words_of_its_contract(glue: Any, tables: GlueTables) -> None:
    for table in TABLES.all:
        tables.define(table)
    assert columns(glue) == dict(ROWS.columns)
    assert columns(glue, "readings_quarantine")["errors"] == "array<struct<column:string,rule:string,reason:string>>"
    made = glue.get_table(DatabaseName="head_race", Name="readings")["Table"]
    assert [key["Name"] for key in made["PartitionKeys"]] == ["_load_date", "_batch"]
    assert made["StorageDescriptor"]["Location"] == "s3://lake/readings/"
    assert made["Description"].startswith("The dataset readings. Version 1.0.0.")
    assert not glue.get_table(DatabaseName="head_race", Name="readings_files")["Table"]["PartitionKeys"]


def test_what_a_contract_gains_or_changes_is_followed_and_partitions_stay(glue: Any, tables: GlueTables) -> None:
    tables.define(ROWS)
    tables.add_batch(ROWS, "2026-01-31", "readings-1", "readings/batch=readings-1/")
    kept = {name: kind for name, kind in ROWS.columns.items() if name != "read_at"}
    tables.define(replace(ROWS, columns=kept | {"value": "double", "unit": "string"}))
    found = columns(glue)
    assert (found["value"], found["unit"], found["read_at"]) == ("double", "string", "timestamp")
    assert tables.batches(ROWS) == {"readings-1"}


def test_a_partition_that_is_there_is_no_error(glue: Any, tables: GlueTables) -> None:
    tables.define(ROWS)
    for _ in range(2):
        tables.add_batch(ROWS, "2026-01-31", "readings-1", "readings/batch=readings-1/")
    (partition,) = glue.get_partitions(DatabaseName="head_race", TableName="readings")["Partitions"]
    assert partition["Values"] == ["2026-01-31", "readings-1"]
    assert partition["StorageDescriptor"]["Location"] == "s3://lake/readings/batch=readings-1/"


def test_a_definition_is_known_by_its_digest(tables: GlueTables) -> None:
    assert tables.digest(ROWS) is None
    tables.define(ROWS)
    assert tables.digest(ROWS) is None
    tables.note_digest(ROWS, "abc")
    assert tables.digest(ROWS) == "abc"
    tables.define(ROWS)
    assert tables.digest(ROWS) == "abc"


@pytest.mark.parametrize(("code", "error"), [("ConcurrentModificationException", TransientError), ("X", ClientError)])
def test_a_change_that_another_has_overtaken_is_tried_again(code: str, error: type[Exception]) -> None:
    with pytest.raises(error), _glue():
        raise ClientError({"Error": {"Code": code, "Message": "m"}}, "UpdateTable")


def test_no_call_of_the_catalogue_waits_for_minutes(tables: GlueTables) -> None:
    config = wr.config.botocore_config
    assert config is not None
    assert (config.connect_timeout, config.read_timeout, config.retries["mode"]) == (2, 20, "standard")
