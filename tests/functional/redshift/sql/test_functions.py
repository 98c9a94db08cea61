"""Redshift's functions: each with the value that Redshift gives."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.domain.export import part_of
from headrace.exports.model import sql
from tests.functional.redshift.client import Client

TS = "TIMESTAMP '2024-03-05 14:07:09'"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2.0", "3.5000"),
        ("7 % 4", 3),
        ("MOD(7, 4)", 3),
        ("MOD(5 + 2, 1 + 3)", 3),
        ("CONCAT('a', 'b' || 'c')", "abc"),
        ("STRTOL('ff', 16)", 255),
        ("STRTOL(SUBSTRING(MD5('a'), 1, 8), 16)", 0x0CC175B9),
        ("'a' || 'b'", "ab"),
        ("CONCAT('a', NULL)", None),
        ("NVL(NULL, 'x')", "x"),
        ("LEFT(VERSION(), 16)", "PostgreSQL 8.0.2"),
        ("NVL2(NULL, 'x', 'y')", "y"),
        ("COALESCE(NULL, NULL, 3)", 3),
        ("DECODE(2, 1, 'one', 2, 'two', 'many')", "two"),
        ("DECODE(NULL, NULL, 'none', 'some')", "none"),
        ("LEN('äöü')", 3),
        ("OCTET_LENGTH('äöü')", 6),
        ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("SHA2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("UPPER('a') || LOWER('B')", "Ab"),
        ("SUBSTRING('abcdef', 2, 3)", "bcd"),
        ("LEFT('abc', 2) || RIGHT('abc', 1)", "abc"),
        ("LPAD('7', 3, '0')", "007"),
        ("RPAD('7', 3)", "7  "),
        ("SPLIT_PART('a-b-c', '-', 2)", "b"),
        ("CHARINDEX('c', 'abc')", 3),
        ("POSITION('b' IN 'abc')", 2),
        ("REPLACE('abc', 'b', 'x')", "axc"),
        ("TRIM('  a ')", "a"),
        ("BTRIM('xax', 'x')", "a"),
        ("REGEXP_REPLACE('a1b22', '[0-9]+', '-')", "a-b-"),
        ("'abc' ILIKE 'AB%'", True),
        ("'abc' ~ 'b'", True),
        (r"'a_c' LIKE 'a\\_c'", True),
        (r"'abc' LIKE 'a\\_c'", False),
        ("'a_c' LIKE 'a!_c' ESCAPE '!'", True),
        ("CASE WHEN 1 = 1 THEN 'yes' ELSE 'no' END", "yes"),
        ("'12'::INT + 1", 13),
        ("CAST('abcdef' AS VARCHAR(3))", "abc"),
        ("1.5::DECIMAL(10,2)", "1.50"),
        ("'2024-01-31'::DATE", "2024-01-31"),
        ("CONVERT(INTEGER, '5')", 5),
        ("TRY_CAST('x' AS INTEGER)", None),
        (f"DATE_TRUNC('day', {TS})", "2024-03-05 00:00:00"),
        ("DATE_TRUNC('month', DATE '2024-03-05')", "2024-03-01 00:00:00"),
        (f"DATEADD(day, 1, {TS})", "2024-03-06 14:07:09"),
        (f"DATEADD(month, -1, {TS})", "2024-02-05 14:07:09"),
        (f"DATEADD(ms, 5, {TS})", "2024-03-05 14:07:09.005000"),
        ("ADD_MONTHS(DATE '2024-01-31', 1)", "2024-02-29 00:00:00"),
        ("DATEDIFF(day, DATE '2024-01-01', DATE '2024-02-01')", 31),
        ("DATEDIFF(month, DATE '2024-01-31', DATE '2024-02-01')", 1),
        ("DATEDIFF(hour, '2024-01-01', '2024-01-02')", 24),
        (f"EXTRACT(year FROM {TS})", 2024),
        (f"EXTRACT(epoch FROM {TS})", 1709647629),
        (f"DATE_PART(dow, {TS})", 2.0),
        ("LAST_DAY(DATE '2024-02-05')", "2024-02-29"),
        (f"TO_CHAR({TS}, 'YYYY-MM-DD HH24:MI:SS')", "2024-03-05 14:07:09"),
        (f"TO_CHAR({TS}, 'DD Mon YYYY, HH12 am')", "05 Mar 2024, 02 pm"),
        ("TO_DATE('05.03.2024', 'DD.MM.YYYY')", "2024-03-05"),
        ("TO_TIMESTAMP('05.03.2024', 'DD.MM.YYYY')", "2024-03-05 00:00:00+00"),
        (f"CONVERT_TIMEZONE('America/New_York', {TS})", "2024-03-05 09:07:09"),
        (f"CONVERT_TIMEZONE('Europe/Berlin', 'UTC', {TS})", "2024-03-05 13:07:09"),
        ("INTERVAL '1 day' + DATE '2024-01-01'", "2024-01-02 00:00:00"),
        ("GETDATE() <= SYSDATE", True),
        ("CURRENT_DATE = TRUE_DATE.d FROM (SELECT GETDATE()::DATE AS d) AS true_date", True),
        ("CURRENT_DATABASE()", "dev"),
        ("CURRENT_USER", "IAMR:loader"),
        ("IS_VALID_JSON('{')", False),
        ("JSON_EXTRACT_PATH_TEXT('{\"a\": {\"b\": \"c\"}}', 'a', 'b')", "c"),
        ("JSON_EXTRACT_PATH_TEXT('{', 'a', TRUE)", None),
        ("JSON_EXTRACT_PATH_TEXT('{}', 'a')", None),
        ("JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[7, \"x\"]', 1)", "x"),
        ("JSON_ARRAY_LENGTH('[7, 8]')", 2),
        ("JSON_TYPEOF(JSON_PARSE('[1]'))", "array"),
        ("JSON_TYPEOF(JSON_PARSE('1.5'))", "number"),
        ("IS_OBJECT(JSON_PARSE('{}')) AND NOT IS_ARRAY(JSON_PARSE('{}'))", True),
        ("LOG(100)", 2.0),
        ("GREATEST(1, 3, 2) - LEAST(1, 3, 2)", 2),
        ("ROUND(2.5)", "3"),
        ("POWER(2, 3)", 8.0),
        ("NULLIF(1, 1)", None),
    ],
)
def test_values(client: Client, expression: str, value: Any) -> None:
    assert client.value(expression) == value


@pytest.fixture
def numbers(client: Client) -> Client:
    client.run(
        "CREATE TABLE n (k VARCHAR(3), s SMALLINT, i INT, b BIGINT, d DECIMAL(5,2), f DOUBLE PRECISION)",
        "INSERT INTO n VALUES ('x', 1, 1, 1, 1.25, 0.5), ('x', 2, 2, 2, 1.50, 1.5), ('y', 4, 4, 4, 2.00, 2.5)",
    )
    return client


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("COUNT(*)", "int8", 3),
        ("COUNT(DISTINCT k)", "int8", 2),
        ("APPROXIMATE COUNT(DISTINCT k)", "int8", 2),
        ("SUM(s)", "int8", 7),
        ("SUM(i)", "int8", 7),
        ("SUM(b)", "numeric", "7"),
        ("SUM(d)", "numeric", "4.75"),
        ("SUM(f)", "float8", 4.5),
        ("SUM(DISTINCT i + 1)", "int8", 10),
        ("AVG(i)", "int8", 2),
        ("AVG(b)", "int8", 2),
        ("AVG(d)", "numeric", "1.58"),
        ("AVG(f)", "float8", 1.5),
        ("SUM(CASE WHEN k = 'x' THEN 1 ELSE 0 END)", "int8", 2),
        ("MAX(d)", "numeric", "2.00"),
        ("LISTAGG(k, '+') WITHIN GROUP (ORDER BY i DESC)", "varchar", "y+x+x"),
        ("LISTAGG(DISTINCT k, ',') WITHIN GROUP (ORDER BY k)", "varchar", "x,y"),
        ("MEDIAN(f)", "float8", 1.5),
        ("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY f)", "float8", 1.5),
    ],
)
def test_aggregates(numbers: Client, expression: str, kind: str, value: Any) -> None:
    assert numbers.result(f"SELECT {expression} FROM n")["ColumnMetadata"][0]["typeName"] == kind
    assert numbers.value(f"{expression} FROM n") == value


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("SUM(i) OVER (PARTITION BY k ORDER BY i ROWS UNBOUNDED PRECEDING)", [1, 3, 4]),
        ("AVG(i) OVER (PARTITION BY k)", [1, 1, 4]),
        ("SUM(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", [1, 3, 6]),
        ("ROW_NUMBER() OVER (ORDER BY i DESC)", [3, 2, 1]),
        ("RANK() OVER (ORDER BY k)", [1, 1, 3]),
        ("LAG(i) OVER (ORDER BY i)", [None, 1, 2]),
        ("FIRST_VALUE(i) OVER (PARTITION BY k ORDER BY i ROWS UNBOUNDED PRECEDING)", [1, 1, 4]),
    ],
)
def test_window_functions(numbers: Client, expression: str, values: list[Any]) -> None:
    assert [row[1] for row in numbers.rows(f"SELECT i, {expression} FROM n ORDER BY i")] == values


def test_sums_through_subqueries_have_the_types_of_the_table(numbers: Client) -> None:
    result = numbers.result("WITH w AS (SELECT i AS x FROM n) SELECT SUM(x), SUM(y.b) FROM w, (SELECT * FROM n) y")

    assert [column["typeName"] for column in result["ColumnMetadata"]] == ["int8", "numeric"]


@pytest.mark.parametrize(
    "expression", ["1 / 0", "1 % 0", "1.5 / 0", "i / (i - i) FROM n", "SUM(f) / SUM(i - i) FROM n"]
)
def test_division_by_zero_is_an_error(numbers: Client, expression: str) -> None:
    assert numbers.error(f"SELECT {expression}") == "ERROR: division by zero"


def test_labels_are_redshifts(numbers: Client) -> None:
    result = numbers.result(
        'SELECT COUNT(*), i + 1, SUM(i)::INT, MAX(n.i) AS "Top", n.i, k, CASE WHEN TRUE THEN 1 END, f::INT FROM n'
        " GROUP BY i, k, f LIMIT 1"
    )

    labels = [column["label"] for column in result["ColumnMetadata"]]
    assert labels == ["count", "?column?", "sum", "top", "i", "k", "case", "f"]


def test_what_is_not_written_like_a_call_is_labelled_as_the_function_it_is(client: Client) -> None:
    result = client.result(
        "SELECT current_user, TRIM('a'), TRIM(LEADING 'x' FROM 'xa'), TRIM(TRAILING 'x' FROM 'ax'),"
        " SUBSTRING('abc', 1, 2), POSITION('a' IN 'ba')"
    )

    labels = [column["label"] for column in result["ColumnMetadata"]]
    assert labels == ["current_user", "btrim", "ltrim", "rtrim", "substring", "position"]


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        # r_TO_CHAR
        ("-125.8, '999D99S'", "125.80-"),
        ("-125.88, '$S999D99'", "$-125.88"),
        # https://www.postgresql.org/docs/8.0/functions-formatting.html#FUNCTIONS-FORMATTING-EXAMPLES-TABLE
        ("0.1, '0.9'", " 0.1"),
        ("12, '9990999.9'", "    0012.0"),
        ("485, '999'", " 485"),
        ("-485, '999'", "-485"),
        ("1485, '9,999'", " 1,485"),
        ("1485, '9G999'", " 1,485"),
        ("148.5, '999.999'", " 148.500"),
        ("-485, '999S'", "485-"),
        ("-485, '999MI'", "485-"),
        ("485, '999MI'", "485 "),
        ("485, 'FM999MI'", "485"),
        ("-485, '999PR'", "<485>"),
        # padded, grouped, rounded, without a value
        ("5, 'S999'", "  +5"),
        ("5, '999S'", "  5+"),
        ("-5, '999PR'", "  <5>"),
        ("-1234567, '0,009,999,999'", "-0,001,234,567"),
        ("7, 'FM0000'", "0007"),
        ("1234.565, '9999.99'", " 1234.57"),
        ("0, '999'", "   0"),
        ("NULL::INT, '999'", None),
    ],
)
def test_a_number_as_text(client: Client, expression: str, shown: str | None) -> None:
    assert client.value(f"TO_CHAR({expression})") == shown


@pytest.mark.parametrize(
    "expression",
    ["12345, '999'", "99.96, '99.9'", "0.1, '99.99'", "-0.1, '0.9'", "125, 'RN'", "485, 'L999'", "1, '99,9'",
     "1.5, 'FM9.99'", "1.5::FLOAT8, '9.9'", "'485', '999'", "1, 'S9S'", "1::DECIMAL(20, 0), '9'"],
)  # fmt: skip
def test_a_number_whose_text_is_not_certain_is_refused_by_name(client: Client, expression: str) -> None:
    assert "TO_CHAR" in client.error(f"SELECT TO_CHAR({expression})")
    assert "not supported by the embedded Redshift" in client.error(f"SELECT TO_CHAR({expression})")


def test_nulls_sort_as_the_largest_values(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (NULL), (2)")

    assert client.rows("SELECT a FROM t ORDER BY a DESC") == [[None], [2], [1]]
    assert client.rows("SELECT a FROM t ORDER BY a") == [[1], [2], [None]]


def test_a_named_query_hides_a_table_only_where_it_can_be_seen(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (2)")

    assert client.rows("WITH t AS (SELECT a + 10 AS a FROM t WHERE a > 1) SELECT a FROM t") == [[12]]
    assert client.rows("SELECT (WITH t AS (SELECT 7 AS a) SELECT a FROM t), COUNT(*) FROM t") == [[7, 2]]
    assert client.rows(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT SUM(i) FROM n"
    ) == [[6]]


def test_an_alias_may_have_the_name_of_a_column(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (2)")

    assert client.rows("SELECT a + 10 AS a FROM t WHERE a > 1") == [[12]]
    assert client.rows("SELECT LOWER(status) AS status FROM sys_query_history WHERE status = 'failed'") == []


def test_aliases_of_columns_are_seen(numbers: Client) -> None:
    result = numbers.result("WITH w (x) AS (SELECT i FROM n) SELECT SUM(x) AS x FROM w WHERE x > 1")

    assert result["ColumnMetadata"][0]["typeName"] == "int8"
    assert numbers.rows("SELECT y + 0 AS y FROM (SELECT i FROM n) AS z (y) WHERE y > 2") == [[4]]


@pytest.mark.parametrize("account", ["4711", "Müller & Söhne/Köln", "it's", "back\\slash", ""])
def test_an_account_is_in_the_same_part_for_the_warehouse_and_for_the_export(client: Client, account: str) -> None:
    part = sql.PART.format(account=sql.quoted(account), parts=37)
    assert client.value(part) == part_of(account, 37)
