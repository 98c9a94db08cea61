"""What an outcome asks the warehouse: the account of a batch's own files, and page by page of those that lost rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.adapters.accounts.loads import OWN, TOUCHED
from headrace.domain.ingest.load import split_statements
from tests.functional.redshift.client import Client

MIGRATION = Path(__file__).parents[4] / "sql/migrations/0001_etl.sql"


@pytest.fixture
def accounts(client: Client) -> Client:
    """Batch `now` has two files and took rows of five earlier ones, which had lost some before."""
    client.run("CREATE SCHEMA IF NOT EXISTS etl", *split_statements(MIGRATION.read_text()))
    files = [f"('old', 'f{number}', 10, 10, 0)" for number in range(5)]
    lost = [f"('{batch}', 'f{number}', {count})" for number in range(5) for batch, count in (("before", 2), ("now", 3))]
    client.run(
        f"INSERT INTO etl.load_files VALUES ('now', 'n1', 7, 6, 1), ('now', 'n2', 4, 4, 0), {', '.join(files)}",
        f"INSERT INTO etl.superseded VALUES {', '.join(lost)}, ('later', 'n2', 1), ('now', 'unknown', 1)",
    )
    return client


def numbers(client: Client, sql: str) -> list[list[Any]]:
    """The sum of a BIGINT is a NUMERIC, which the Data API gives as text."""
    return [[name, by, *(value and int(value) for value in counts)] for name, by, *counts in client.rows(sql)]


def test_the_account_of_the_batchs_own_files(accounts: Client) -> None:
    assert sorted(numbers(accounts, OWN.format(batch="now"))) == [["n1", "now", 7, 6, 1], ["n2", "now", 4, 3, 1]]
    assert accounts.rows(OWN.format(batch="nobody")) == []


def test_the_accounts_of_earlier_files_come_in_pages(accounts: Client) -> None:
    first = numbers(accounts, TOUCHED.format(batch="now", after="", most=3))
    assert first == [[f"f{number}", "old", 10, 5, 5] for number in range(3)]
    rest = numbers(accounts, TOUCHED.format(batch="now", after="f2", most=3))
    assert rest == [["f3", "old", 10, 5, 5], ["f4", "old", 10, 5, 5], ["unknown", None, None, None, None]]
    assert accounts.rows(TOUCHED.format(batch="now", after="unknown", most=3)) == []
