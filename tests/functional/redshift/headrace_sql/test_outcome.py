"""What an outcome asks the warehouse: the account of a batch's own files, and page by page of those that lost rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.adapters.accounts.loads import OWN, TOUCHED, WarehouseLoads
from headrace.domain.ingest.load import split_statements
from tests.functional.redshift.client import Client, WarehouseOf

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


def sums(client: Client) -> dict[str, tuple[int, int]]:
    rows = client.rows("SELECT file_id, loaded, superseded FROM etl.file_rows")
    return {name: (int(loaded), int(gone)) for name, loaded, gone in rows}


def separate(client: Client) -> list[list[Any]]:
    return client.rows("SELECT batch_id, file_id, row_count FROM etl.superseded ORDER BY 1, 2")


@pytest.mark.parametrize("times", [["before", "now", "later"], ["before"], ["before", "later"]])
def test_rows_of_settled_batches_become_one_for_each_file_and_no_sum_changes(
    accounts: Client, times: list[str]
) -> None:
    loads = WarehouseLoads(WarehouseOf(accounts))
    at = {"before": "2026-01-01", "now": "2026-01-02", "later": "2026-01-03"}
    named = ", ".join(f"('{name}', 'readings', 'loaded', '{day}')" for name, day in at.items())
    accounts.run(
        "CREATE TABLE etl.guard_readings (a INTEGER)",
        f"INSERT INTO etl.loads VALUES {named}, ('theirs', 'others', 'loaded', '2026-01-01')",
        "INSERT INTO etl.superseded VALUES ('theirs', 'f9', 1), ('erase-readings-1', 'f1', 1)",
    )
    before, first = sums(accounts), separate(accounts)
    assert loads.unsummed("readings", "2026-01-03", "", 9) == ["before", "now"]
    assert loads.unsummed("readings", "2026-02-01", "before", 1) == ["later"]
    for name in times:
        loads.sum_up("readings", [name])
        assert sums(accounts) == before
    assert set(times).isdisjoint(loads.unsummed("readings", "2026-02-01", "", 9))
    left = separate(accounts)
    assert {name for name, *_ in left} == {"#sum-readings", "theirs", "erase-readings-1", *at} - set(times)
    assert len({(name, file) for name, file, _ in left}) == len(left)
    others = [row for row in first if row[0] not in times]
    assert [row for row in left if row[0] != "#sum-readings"] == others
    loads.sum_up("readings", [])
    assert separate(accounts) == left


def test_an_outcome_that_is_recorded_later_counts_what_was_summed_up(accounts: Client) -> None:
    loads = WarehouseLoads(WarehouseOf(accounts))
    accounts.run(
        "CREATE TABLE etl.guard_readings (a INTEGER)",
        "INSERT INTO etl.loads VALUES ('before', 'readings', 'loaded', '2026-01-01')",
    )
    touched, own = loads.counts_of_earlier("now", "", 9), loads.counts_of("now")
    loads.sum_up("readings", ["before"])
    assert loads.counts_of_earlier("now", "", 9) == touched
    assert loads.counts_of("now") == own
