"""Trailing blanks mean nothing when texts are compared, and stay where they are looked at.

https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.redshift.client import Client


@pytest.fixture
def people(client: Client) -> Client:
    client.run(
        "CREATE TABLE p (k VARCHAR(8), c CHAR(8), n INT)",
        "CREATE TABLE q (k VARCHAR(8), m INT)",
        "INSERT INTO p VALUES ('a', 'x', 1), ('a ', 'x ', 2), ('b', 'y', 3), (NULL, NULL, 4)",
        "INSERT INTO q VALUES ('a  ', 10), ('c ', 30), (NULL, 40)",
    )
    return client


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT n FROM p WHERE k = 'a' ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k = 'a   ' ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k <> 'a' ORDER BY n", [[3]]),
        ("SELECT n FROM p WHERE 'a' >= k ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k IN ('z', 'a ') ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k NOT IN ('z', 'a ') ORDER BY n", [[3]]),
        ("SELECT n FROM p WHERE k BETWEEN 'a' AND 'a' ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k IN (SELECT k FROM q) ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k = ANY (SELECT k FROM q) ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k = (SELECT MIN(k) FROM q) ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE UPPER(k) = 'A' ORDER BY n", [[1], [2]]),
        ("SELECT n FROM p WHERE k || 'x' = 'a x'", [[2]]),
        ("SELECT n FROM p WHERE k LIKE 'a' ORDER BY n", [[1]]),
        ("SELECT LEN(k), LEN(c) FROM p WHERE n = 2", [[2, 1]]),
        ("SELECT n, m FROM p JOIN q ON p.k = q.k ORDER BY n", [[1, 10], [2, 10]]),
        ("SELECT n, m FROM p JOIN q USING (k) ORDER BY n", [[1, 10], [2, 10]]),
        ("SELECT n FROM p WHERE EXISTS (SELECT 1 FROM q WHERE q.k = p.k) ORDER BY n", [[1], [2]]),
        ("SELECT k, COUNT(*) FROM p GROUP BY k ORDER BY k", [["a", 2], ["b", 1], [None, 1]]),
        ("SELECT p.k, COUNT(*) FROM p GROUP BY p.k ORDER BY p.k", [["a", 2], ["b", 1], [None, 1]]),
        ("SELECT k, COUNT(*) FROM p GROUP BY 1 ORDER BY 1", [["a", 2], ["b", 1], [None, 1]]),
        ("SELECT UPPER(k) AS u, SUM(n) FROM p GROUP BY u ORDER BY u", [["A", 3], ["B", 3], [None, 4]]),
        ("SELECT k FROM p GROUP BY k HAVING k = 'a '", [["a"]]),
        ("SELECT k, SUM(n) FROM p GROUP BY ROLLUP (k) ORDER BY 2, 1", [["a", 3], ["b", 3], [None, 4], [None, 10]]),
        ("SELECT k, SUM(n) FROM p GROUP BY ALL ORDER BY k", [["a", 3], ["b", 3], [None, 4]]),
        ("SELECT LEN(k) FROM (SELECT k FROM p WHERE n = 2 GROUP BY k)", [[2]]),
        ("SELECT COUNT(*) FROM (SELECT k FROM p GROUP BY k)", [[3]]),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT k FROM p)", [[3]]),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT k, c FROM p)", [[3]]),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT k, n > 0 AS positive FROM (SELECT * FROM p))", [[3]]),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT * FROM (SELECT k, c FROM p))", [[3]]),
        ("SELECT COUNT(DISTINCT k), COUNT(DISTINCT c) FROM p", [[2, 2]]),
        ("SELECT n, ROW_NUMBER() OVER (PARTITION BY k ORDER BY n DESC) FROM p WHERE k = 'a' ORDER BY n",
         [[1, 2], [2, 1]]),
        ("SELECT n, RANK() OVER (ORDER BY k) FROM p ORDER BY n", [[1, 1], [2, 1], [3, 3], [4, 4]]),
        ("SELECT k, n FROM (SELECT 'a' AS k, 2 AS n UNION ALL SELECT 'a ', 1) ORDER BY k, n", [["a ", 1], ["a", 2]]),
        ("SELECT k AS z, n FROM p WHERE n < 4 ORDER BY z DESC, n DESC", [["b", 3], ["a ", 2], ["a", 1]]),
        ("SELECT k, n FROM p WHERE n < 4 ORDER BY 1 DESC, 2 DESC", [["b", 3], ["a ", 2], ["a", 1]]),
        ("SELECT COUNT(*) FROM (SELECT k FROM p UNION SELECT k FROM q)", [[4]]),
        ("SELECT k FROM p WHERE n > 2 UNION SELECT k FROM q ORDER BY k LIMIT 2", [["a  "], ["b"]]),
        ("SELECT COUNT(*) FROM (SELECT k FROM p UNION ALL SELECT k FROM q)", [[7]]),
        ("SELECT k, 1 FROM p EXCEPT SELECT k, 1 FROM q ORDER BY 1", [["b", 1]]),
        ("SELECT COUNT(*) FROM (SELECT k FROM p INTERSECT SELECT k FROM q)", [[2]]),
        ("SELECT DECODE(k, 'a', 'yes', 'no') FROM p ORDER BY n", [["yes"], ["yes"], ["no"], ["no"]]),
        ("SELECT CASE k WHEN 'a' THEN 1 ELSE 0 END FROM p ORDER BY n", [[1], [1], [0], [0]]),
        ("SELECT NULLIF(k, 'a') FROM p ORDER BY n", [[None], [None], ["b"], [None]]),
        ("SELECT 'a' = 'a ', 'a ' IN ('a'), 'a' < 'a ', 'a' LIKE 'a '", [[True, True, False, False]]),
        ("WITH w AS (SELECT k, MAX(n) AS n FROM p GROUP BY k) SELECT w.n, m FROM w JOIN q ON w.k = q.k", [[2, 10]]),
        ("SELECT LISTAGG(DISTINCT k, ',') WITHIN GROUP (ORDER BY k) FROM p", [["a,b"]]),
    ],
)  # fmt: skip
def test_comparisons_ignore_trailing_blanks(people: Client, query: str, rows: list[list[Any]]) -> None:
    assert people.rows(query) == rows


def test_a_parameter_is_compared_without_trailing_blanks(people: Client) -> None:
    parameters = [{"name": "key", "value": "a  "}]

    assert people.rows("SELECT n FROM p WHERE k = :key ORDER BY n", Parameters=parameters) == [[1], [2]]


def test_merge_takes_keys_that_differ_in_trailing_blanks_as_one(people: Client) -> None:
    people.run(
        "MERGE INTO q USING (SELECT k, n FROM p WHERE n IN (2, 3)) AS s ON q.k = s.k"
        " WHEN MATCHED THEN UPDATE SET m = s.n WHEN NOT MATCHED THEN INSERT (k, m) VALUES (s.k, s.n)"
    )

    assert people.rows("SELECT k, m FROM q ORDER BY m") == [["a  ", 2], ["b", 3], ["c ", 30], [None, 40]]


def test_merge_refuses_two_source_rows_whose_keys_differ_in_trailing_blanks(people: Client) -> None:
    merge = (
        "MERGE INTO q USING p ON q.k = p.k WHEN MATCHED THEN UPDATE SET m = p.n"
        " WHEN NOT MATCHED THEN INSERT VALUES (p.k, p.n)"
    )

    assert people.error(merge) == "ERROR: Found multiple matches to update the same tuple."


def test_delete_and_update_find_keys_whatever_their_trailing_blanks(people: Client) -> None:
    people.run("DELETE FROM q USING p WHERE p.k = q.k", "UPDATE p SET n = 0 WHERE k = 'a   '")

    assert people.rows("SELECT m FROM q ORDER BY m") == [[30], [40]]
    assert people.rows("SELECT COUNT(*) FROM p WHERE n = 0") == [[2]]


def test_a_view_compares_as_the_tables_do(people: Client) -> None:
    people.run("CREATE VIEW v AS SELECT k, COUNT(*) AS c FROM p GROUP BY k")

    assert people.rows("SELECT c FROM v WHERE k = 'a '") == [[2]]
