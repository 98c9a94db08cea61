"""MERGE within Redshift's limits."""

from __future__ import annotations

import pytest

from tests.functional.redshift.client import Client

MATCHED = "WHEN MATCHED THEN UPDATE SET v = s.v"
NOT_MATCHED = "WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)"
BOTH = f"{MATCHED} {NOT_MATCHED}"


@pytest.fixture
def tables(client: Client) -> Client:
    client.run(
        "CREATE TABLE t (k INT, v VARCHAR(5) NOT NULL, p SUPER)",
        "CREATE TABLE s (k INT, v VARCHAR(99), p SUPER)",
        "INSERT INTO t (k, v) VALUES (1, 'old'), (2, 'old')",
        "INSERT INTO s (k, v) VALUES (2, 'new'), (3, 'new')",
    )
    return client


def rows(tables: Client) -> list[list[object]]:
    return tables.rows("SELECT k, v FROM t ORDER BY k, v")


def test_matching_rows_change_and_the_others_come_in(tables: Client) -> None:
    assert tables.execute(f"MERGE INTO t USING s ON t.k = s.k {BOTH}")["ResultRows"] == 2
    assert rows(tables) == [[1, "old"], [2, "new"], [3, "new"]]


def test_matching_rows_can_be_deleted(tables: Client) -> None:
    tables.run(f"MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN DELETE {NOT_MATCHED}")

    assert rows(tables) == [[1, "old"], [3, "new"]]


def test_the_source_can_be_a_subquery_and_values_can_stand_for_all_columns(tables: Client) -> None:
    tables.run(
        "MERGE INTO t USING (SELECT k, UPPER(v) AS v, p FROM s) x ON t.k = x.k WHEN MATCHED THEN UPDATE SET v = x.v,"
        " p = x.p WHEN NOT MATCHED THEN INSERT VALUES (x.k, x.v, x.p)"
    )

    assert rows(tables) == [[1, "old"], [2, "NEW"], [3, "NEW"]]


def test_duplicates_in_the_source_that_match_nothing_all_come_in(tables: Client) -> None:
    tables.run("INSERT INTO s (k, v) VALUES (3, 'twin'), (NULL, 'none')", f"MERGE INTO t USING s ON t.k = s.k {BOTH}")

    assert rows(tables) == [[1, "old"], [2, "new"], [3, "new"], [3, "twin"], [None, "none"]]


def test_two_matches_of_one_row_are_refused(tables: Client) -> None:
    tables.run("INSERT INTO s (k, v) VALUES (2, 'twin')")

    assert tables.error(f"MERGE INTO t USING s ON t.k = s.k {BOTH}") == (
        "ERROR: Found multiple matches to update the same tuple."
    )
    assert rows(tables) == [[1, "old"], [2, "old"]]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (f"MERGE INTO t USING s ON t.k = s.k {MATCHED}", "MERGE statement with a single WHEN clause is not enabled"),
        (
            f"MERGE INTO t USING s ON t.k = s.k {NOT_MATCHED}",
            "MERGE statement with a single WHEN clause is not enabled",
        ),
        (
            f"MERGE INTO t USING s ON t.k = s.k WHEN MATCHED AND s.v > t.v THEN UPDATE SET v = s.v {NOT_MATCHED}",
            "a WHEN clause of MERGE cannot have a condition",
        ),
        (f"MERGE INTO t USING s ON t.k = s.k {MATCHED} {MATCHED}", "one WHEN MATCHED and one WHEN NOT MATCHED"),
        (f"MERGE INTO t USING s ON t.k = s.k {BOTH} WHEN MATCHED THEN DELETE", "one WHEN MATCHED and one WHEN NOT"),
        (
            f"MERGE INTO t USING s ON t.k = s.k WHEN NOT MATCHED BY SOURCE THEN DELETE {NOT_MATCHED}",
            "one WHEN MATCHED and one WHEN NOT MATCHED",
        ),
        (f"MERGE INTO t AS x USING s ON x.k = s.k {BOTH}", "the target of MERGE cannot have an alias"),
        (f"MERGE INTO t USING s ON t.k > s.k {BOTH}", "only supports equality predicates"),
        (f"MERGE INTO t USING s ON t.k = s.k OR t.v = s.v {BOTH}", "only supports equality predicates"),
        (
            f"WITH s AS (SELECT 1 AS k, 'a' AS v) MERGE INTO t USING s ON t.k = s.k {BOTH}",
            "WITH clause is not supported",
        ),
        (f"MERGE INTO t USING t AS s ON t.k = s.k {BOTH}", "cannot reference target table"),
        (f"MERGE INTO t USING (SELECT * FROM t) s ON t.k = s.k {BOTH}", "cannot reference target table"),
        (
            f"MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN UPDATE SET t.v = s.v {NOT_MATCHED}",
            "SET takes plain column names",
        ),
        (
            f"MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = s.p.name {NOT_MATCHED}",
            "Partial reference of SUPER column is not supported in MERGE",
        ),
        (f"MERGE INTO svv_tables USING s ON svv_tables.k = s.k {BOTH}", "permission denied"),
        (f"MERGE INTO nowhere USING s ON nowhere.k = s.k {BOTH}", 'relation "nowhere" does not exist'),
        (
            f"MERGE INTO t USING s ON t.k = s.k {MATCHED} WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k)",
            "different number of expressions",
        ),
    ],
)
def test_refusals(tables: Client, statement: str, words: str) -> None:
    assert words in tables.error(statement)


@pytest.mark.parametrize(
    ("value", "words"),
    [("'äöü'", "value too long for type character varying(5)"), ("NULL", "Cannot insert a NULL value into column v")],
)
def test_values_are_checked_on_both_ways(tables: Client, value: str, words: str) -> None:
    changed = f"MERGE INTO t USING (SELECT 2 AS k, {value} AS v) s ON t.k = s.k {BOTH}"
    added = f"MERGE INTO t USING (SELECT 9 AS k, {value} AS v) s ON t.k = s.k {BOTH}"

    assert words in tables.error(changed)
    assert words in tables.error(added)
