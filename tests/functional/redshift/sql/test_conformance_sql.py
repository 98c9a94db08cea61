"""The rules of SQL that a warehouse of files meets first, one case each: Redshift's result, or a refusal by name.

Each names the page of the Redshift Database Developer Guide that it comes from.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.redshift.server import Aws

NOT_HERE = "not supported by the embedded Redshift"
T = "CREATE TABLE t (k INT, g INT, v VARCHAR(5), n INT)"
ROWS = "INSERT INTO t VALUES (1, 1, 'a', NULL), (2, 1, 'b', 5), (3, 2, 'c', NULL)"

GIVES: list[tuple[str, str, Any]] = [
    ("r_FNV_HASH", "fnv_hash(1::smallint)", 589727492704079044),
    ("r_FNV_HASH", "fnv_hash(1::bigint)", -8517097267634966620),
    ("r_FNV_HASH", "fnv_hash('cd', fnv_hash('ab')) = fnv_hash('abcd')", True),
    ("crc32-function", "crc32('Amazon Redshift')", "f2726906"),
    ("SOUNDEX", "soundex('+-*/%')", ""),
    ("DIFFERENCE", "difference('+-', '*/')", 1),
    ("r_OPERATOR_SYMBOLS", "5 & 3", 1),
    ("r_OPERATOR_SYMBOLS", "5 | 3", 7),
    ("r_OPERATOR_SYMBOLS", "16 >> 2", 4),
    ("r_CAST_function", "CAST(5.5 AS INTEGER)", 6),
    ("r_Numeric_types201", "CAST(1 AS DECIMAL(4,2))", "1.00"),
    ("r_DATEADD_function", "CAST(DATEADD(month, 1, '2023-01-31') AS DATE)", "2023-02-28"),
    ("CONVERT_TIMEZONE", "CONVERT_TIMEZONE('EST', '2008-08-21 07:23:54')", "2008-08-21 02:23:54"),
    ("r_LISTAGG", "(SELECT LISTAGG(v, ',') WITHIN GROUP (ORDER BY v DESC) FROM t)", "c,b,a"),
    ("r_LISTAGG", "(SELECT LISTAGG(DISTINCT g, ';') WITHIN GROUP (ORDER BY g) FROM t)", "1;2"),
    ("r_COUNT", "(SELECT COUNT(n) FROM t)", 1),
    ("r_SUM", "(SELECT SUM(n) FROM t WHERE k = 1)", None),
    ("query-super", '(SELECT JSON_PARSE(\'{"a": [1, {"b": 2}]}\') AS p LIMIT 1) IS NULL', False),
    ("JSON_PARSE", "JSON_TYPEOF(JSON_PARSE('[1]'))", "array"),
    ("r_concat_op", "'a' || NULL", None),
    ("r_NVL_function", "NVL(NULL, 'x')", "x"),
    ("r_GREATEST_LEAST", "GREATEST(1, NULL, 3)", 3),
    ("r_comparison_condition", "'a' = 'a  '", True),
    ("r_Boolean_type", "'yes'::BOOLEAN", True),
]
WINDOWS = [
    ("r_WF_RATIO_TO_REPORT", "RATIO_TO_REPORT(k) OVER (PARTITION BY g)", [1 / 3, 2 / 3, 1.0]),
    ("r_WF_LAG", "LAG(n) IGNORE NULLS OVER (ORDER BY k)", [None, None, 5]),
    ("r_WF_LAG", "LAG(n) RESPECT NULLS OVER (ORDER BY k)", [None, None, 5]),
    ("r_WF_LEAD", "LEAD(n) IGNORE NULLS OVER (ORDER BY k)", [5, None, None]),
    (
        "r_WF_first_value",
        "LAST_VALUE(n) IGNORE NULLS OVER (ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        [None, 5, 5],
    ),
    ("r_WF_first_value", "FIRST_VALUE(n) IGNORE NULLS OVER (PARTITION BY g)", [5, 5, None]),
    ("r_WF_NTILE", "NTILE(2) OVER (ORDER BY k)", [1, 1, 2]),
]
REFUSES: list[tuple[str, str, str]] = [
    ("r_FNV_HASH", "SELECT fnv_hash(NULL::INT)", NOT_HERE),
    ("r_FNV_HASH", "SELECT fnv_hash(1.5)", NOT_HERE),
    ("MURMUR3_32_HASH", "SELECT murmur3_32_hash(1)", "not known to the embedded Redshift"),
    ("r_FARMFINGERPRINT64", "SELECT farmfingerprint64('a')", "not known to the embedded Redshift"),
    ("r_CHECKSUM", "SELECT checksum('a')", "not known to the embedded Redshift"),
    ("r_OPERATOR_SYMBOLS", "SELECT 5 # 3", NOT_HERE),
    ("r_OPERATOR_SYMBOLS", "SELECT 2 ^ 3", NOT_HERE),
    ("r_WF_RATIO_TO_REPORT", "SELECT RATIO_TO_REPORT(k) FROM t", "requires an OVER clause"),
    ("r_WF_RATIO_TO_REPORT", "SELECT RATIO_TO_REPORT(k) OVER (ORDER BY k) FROM t", "takes neither ORDER BY"),
    ("c_Window_functions", "SELECT SUM(n) IGNORE NULLS OVER (PARTITION BY g) FROM t", "not allowed with SUM"),
    ("r_Window_function_synopsis", "SELECT SUM(n) OVER (ORDER BY k) FROM t", "require a frame clause"),
    ("r_Window_function_synopsis", "SELECT COUNT(DISTINCT g) OVER (PARTITION BY k) FROM t", "DISTINCT"),
    ("r_TO_CHAR", "SELECT TO_CHAR(125, 'RN')", NOT_HERE),
    ("r_VARBYTE_type", "CREATE TABLE x (a VARBYTE)", NOT_HERE),
    ("r_Datetime_types", "CREATE TABLE x (a TIMETZ)", NOT_HERE),
    ("r_VARBYTE_type", "SELECT TO_VARBYTE('aa', 'hex')", "not known to the embedded Redshift"),
    ("r_CREATE_TABLE_NEW", "CREATE TABLE x (a INT IDENTITY(1, 1))", NOT_HERE),
    ("r_CREATE_TABLE_NEW", "CREATE TABLE x (a INT, a INT)", "specified more than once"),
    ("r_CREATE_TABLE_NEW", "CREATE TABLE x (a INT) DISTSTYLE KEY", "DISTKEY"),
    ("r_CREATE_TABLE_NEW", "CREATE TABLE x (a INT) SORTKEY (b)", 'column "b"'),
    ("r_CREATE_TABLE_NEW", "CREATE TABLE x (a SUPER) SORTKEY (a)", "type super cannot be"),
    ("c_Compression_encodings", "CREATE TABLE x (a VARCHAR(5) ENCODE AZ64)", "invalid encoding type az64"),
    ("c_Compression_encodings", "CREATE TABLE x (a INT ENCODE TEXT255)", "invalid encoding type text255"),
    ("r_Character_types", "CREATE TABLE x (a VARCHAR(65536))", "65535"),
    ("r_Character_types", "CREATE TABLE x (a CHAR(4097))", "4096"),
    ("r_Character_types", "INSERT INTO t (v) VALUES ('toolong')", "value too long for type character varying(5)"),
    ("r_Numeric_types201", "SELECT CAST(32768 AS SMALLINT)", "overflow"),
    ("r_Numeric_types201", "CREATE TABLE x (a DECIMAL(39, 0))", "38"),
    ("r_DATEADD_function", "SELECT DATEADD(year, 300000, '2008-01-01')", "range"),
    ("r_SELECT_synopsis", "SELECT k AS a FROM t WHERE a = 1", 'column "a" does not exist'),
    ("r_WITH_clause", "SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
    ("r_FROM_clause-pivot-unpivot-examples", "SELECT * FROM t PIVOT (COUNT(k) FOR g IN (1, 2))", NOT_HERE),
    ("r_UNION", "SELECT 1 EXCEPT ALL SELECT 1", "not supported"),
    ("r_MERGE", ("MERGE INTO t USING t AS s ON t.k = s.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT"
     " VALUES (1, 1, 'a', 1)"), "cannot reference target table"),
    ("r_ALTER_TABLE", "ALTER TABLE t ADD COLUMN x INT NOT NULL", "NOT NULL"),
    ("r_ALTER_TABLE", "ALTER TABLE t ADD COLUMN k INT", "already exists"),
    ("r_UNLOAD", "UNLOAD ('SELECT * FROM t LIMIT 1') TO 's3://lake/x' IAM_ROLE default FORMAT PARQUET", "Limit clause"),
    ("r_UNLOAD", "UNLOAD ('SELECT * FROM t') TO 's3://lake/x' IAM_ROLE default FORMAT PARQUET HEADER", "HEADER"),
    ("r_UNLOAD", "UNLOAD ('SELECT * FROM t') TO 's3://lake/x' IAM_ROLE default FORMAT JSON", NOT_HERE),
    ("r_UNLOAD", "UNLOAD ('SELECT * FROM t') TO 's3://lake/x' IAM_ROLE default FORMAT CSV GZIP", NOT_HERE),
    ("r_COPY", "COPY t FROM 's3://lake/m.json' IAM_ROLE default FORMAT CSV", NOT_HERE),
    ("copy-parameters-authorization", "COPY t FROM 's3://lake/m.json' IAM_ROLE 'default' PARQUET MANIFEST", "ARN"),
    ("copy-parameters-authorization", "UNLOAD ('SELECT 1') TO 's3://lake/x' IAM_ROLE 'reader' FORMAT PARQUET", "ARN"),
    ("r_COPY", "COPY t FROM 's3://lake/m.json' IAM_ROLE default FORMAT PARQUET", "MANIFEST"),
    ("copy-usage_notes-copy-from-columnar", ("COPY t FROM 's3://lake/m.json' IAM_ROLE default FORMAT PARQUET MANIFEST"
     " GZIP"), "GZIP"),
    ("copy-usage_notes-copy-from-columnar", ("COPY t FROM 's3://lake/m.json' IAM_ROLE default FORMAT PARQUET MANIFEST"
     " MAXERROR 5"), "MAXERROR"),
    ("r_CREATE_VIEW", "CREATE VIEW x AS SELECT k FROM t WITH NO SCHEMA BINDING", NOT_HERE),
    ("r_EXPLAIN", "EXPLAIN SELECT 1", NOT_HERE),
]  # fmt: skip


@pytest.fixture
def t(aws: Aws) -> Aws:
    aws.run(T, ROWS)
    return aws


@pytest.mark.parametrize(("page", "expression", "value"), GIVES, ids=[expression[:40] for _, expression, _ in GIVES])
def test_a_value_is_redshifts(t: Aws, page: str, expression: str, value: object) -> None:
    assert t.rows(f"SELECT {expression}") == [[value]], page


@pytest.mark.parametrize(("page", "call", "values"), WINDOWS, ids=[call[:40] for _, call, _ in WINDOWS])
def test_a_window_is_redshifts(t: Aws, page: str, call: str, values: list[object]) -> None:
    assert [row[1] for row in t.rows(f"SELECT k, {call} FROM t ORDER BY k")] == values, page


@pytest.mark.parametrize(("page", "statement", "words"), REFUSES, ids=[statement[:50] for _, statement, _ in REFUSES])
def test_what_redshift_or_this_one_has_not_is_refused(t: Aws, page: str, statement: str, words: str) -> None:
    assert words in t.error(statement), page
