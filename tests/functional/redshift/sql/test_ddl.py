"""Tables, views and schemas: what is remembered, what is refused."""

from __future__ import annotations

import pytest

from tests.functional.redshift.client import Client

TABLE = """
CREATE TABLE IF NOT EXISTS public.t (
  id BIGINT NOT NULL ENCODE AZ64, name VARCHAR(64) ENCODE ZSTD, day DATE, price DECIMAL(12, 2), payload SUPER,
  note TEXT DEFAULT 'a, (b)', PRIMARY KEY (id)
) DISTSTYLE KEY DISTKEY (name) COMPOUND SORTKEY (day, id)
"""


def test_the_design_is_remembered(client: Client) -> None:
    client.run(TABLE)

    assert client.rows('SELECT "column", type, encoding, distkey, sortkey, "notnull" FROM pg_table_def') == [
        ["id", "bigint", "az64", False, 2, True],
        ["name", "character varying(64)", "zstd", True, 0, False],
        ["day", "date", "none", False, 1, False],
        ["price", "numeric(12,2)", "az64", False, 0, False],
        ["payload", "super", "zstd", False, 0, False],
        ["note", "character varying(256)", "lzo", False, 0, False],
    ]
    assert client.rows("SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE \"table\" = 't'") == [
        ["KEY(name)", "day", 2]
    ]
    assert client.rows("SELECT column_name, column_default FROM svv_columns WHERE column_default IS NOT NULL") == [
        ["note", "'a, (b)'"]
    ]


def test_create_table_as_keeps_lengths_and_scales(client: Client) -> None:
    client.run(TABLE, "CREATE TABLE c DISTKEY (name) AS SELECT *, SUM(price) OVER () AS total FROM t")

    types = client.rows("SELECT \"column\", type FROM pg_table_def WHERE tablename = 'c'")
    assert types == [
        ["id", "bigint"],
        ["name", "character varying(64)"],
        ["day", "date"],
        ["price", "numeric(12,2)"],
        ["payload", "super"],
        ["note", "character varying(256)"],
        ["total", "numeric(38,2)"],
    ]


def test_columns_can_be_added_renamed_widened_and_dropped(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    client.run(
        "ALTER TABLE t ADD COLUMN b VARCHAR(2) NOT NULL DEFAULT 'x' ENCODE ZSTD",
        "ALTER TABLE t RENAME COLUMN a TO c",
        "ALTER TABLE t RENAME TO u",
    )
    assert client.error("INSERT INTO u VALUES (2, 'abc')") == "ERROR: value too long for type character varying(2)"

    client.run("ALTER TABLE u ADD COLUMN d VARCHAR(2)")
    client.execute("ALTER TABLE u ALTER COLUMN d TYPE VARCHAR(3)")
    client.run("INSERT INTO u VALUES (2, 'y', 'abc')", "ALTER TABLE u DROP COLUMN c")

    assert client.rows("SELECT * FROM u ORDER BY b") == [["x", None], ["y", "abc"]]


def test_a_view_shows_its_tables_rows_and_keeps_them_from_being_dropped(client: Client) -> None:
    client.run("CREATE TABLE t (a INT, p SUPER)", "INSERT INTO t VALUES (1, JSON_PARSE('{\"x\": 5}'))")
    client.run("CREATE VIEW v AS SELECT a, COUNT(*), p.x FROM t GROUP BY a, p.x")

    assert client.rows("SELECT a, count, x FROM v") == [[1, 1, "5"]]
    assert "because other objects depend on it" in client.error("DROP TABLE t")
    client.run("DROP TABLE t CASCADE")
    assert client.error("SELECT * FROM v") == 'ERROR: relation "v" does not exist'


def test_schemas_come_and_go(client: Client) -> None:
    client.run("CREATE SCHEMA a", "CREATE SCHEMA IF NOT EXISTS a", "CREATE TABLE a.t (x INT)")

    assert "because other objects depend on it" in client.error("DROP SCHEMA a")
    client.run("DROP SCHEMA a CASCADE", "DROP SCHEMA IF EXISTS a")
    assert client.error("SELECT * FROM a.t") == 'ERROR: relation "a.t" does not exist'


def test_a_rolled_back_table_is_gone(client: Client) -> None:
    client.error("CREATE TABLE t (a INT)", "SELECT * FROM nowhere")

    assert client.error("SELECT * FROM t") == 'ERROR: relation "t" does not exist'
    assert client.rows("SELECT * FROM svv_tables") == []


def test_maintenance_is_accepted(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.run("ANALYZE t", "ANALYZE", 'GRANT SELECT ON t TO "IAMR:reader"')
    client.run('REVOKE SELECT ON TABLE t FROM "IAMR:reader"')

    assert client.execute("VACUUM DELETE ONLY t")["Status"] == "FINISHED"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE t (a SUPER DISTKEY)", "of type super cannot be a distribution or sort key"),
        ("CREATE TABLE t (a SUPER) SORTKEY (a)", "of type super cannot be a distribution or sort key"),
        ("CREATE TABLE t (a VARCHAR(5) ENCODE AZ64)", "invalid encoding type az64 specified for column"),
        ("CREATE TABLE t (a DOUBLE PRECISION ENCODE AZ64)", "invalid encoding type az64 specified for column"),
        ("CREATE TABLE t (a SUPER ENCODE RUNLENGTH)", "invalid encoding type runlength"),
        ("CREATE TABLE t (a INT ENCODE GZIP)", 'unsupported encoding "gzip"'),
        ("CREATE TABLE t (a INT) DISTKEY (b)", 'column "b" named in key does not exist'),
        ("CREATE TABLE t (a INT) SORTKEY (b)", 'column "b" named in key does not exist'),
        ("CREATE TABLE t (a INT) DISTSTYLE KEY", "must specify DISTKEY with DISTSTYLE KEY"),
        ("CREATE TABLE t (a INT) DISTSTYLE ALL DISTKEY (a)", "cannot specify DISTKEY with DISTSTYLE ALL"),
        ("CREATE TABLE t (a INT DISTKEY, b INT DISTKEY)", "multiple DISTKEY columns are not allowed"),
        ("CREATE TABLE t (a INT, A INT)", 'column "a" specified more than once'),
        ("CREATE TABLE t (a STRING)", 'type "string" does not exist'),
        ("CREATE TABLE t (a VARCHAR(70000))", "length for type character varying cannot exceed 65535"),
        ("CREATE TABLE t (a DECIMAL(39,2))", "NUMERIC precision 39 must be between 1 and 38"),
        ("CREATE TABLE t (a INT IDENTITY(1,1))", "IDENTITY of a column is not supported by the embedded Redshift"),
        ("CREATE TABLE t (a INT CHECK (a > 0))", 'type "int check (a > 0)" does not exist'),
        ("CREATE TABLE t (a INT) PARTITION BY (a)", 'syntax error at or near "PARTITION"'),
        ("CREATE TABLE nowhere.t (a INT)", 'schema "nowhere" does not exist'),
        ("CREATE TABLE main.t (a INT)", 'schema "main" does not exist'),
        ("CREATE SCHEMA _headrace", 'unacceptable schema name "_headrace"'),
        ("CREATE TABLE other.public.t (a INT)", 'database "other" does not exist'),
        ("CREATE TABLE t AS SELECT 1", "without a name"),
        ("CREATE TABLE t AS SELECT 1 AS a, 2 AS a", 'column "a" specified more than once'),
        ("CREATE INDEX i ON t (a)", "CREATE INDEX is not supported by the embedded Redshift"),
        ("DROP TABLE nowhere", 'Table "nowhere" does not exist'),
        ("DROP TABLE svv_tables", 'Table "svv_tables" does not exist'),
        ("DROP SCHEMA public", 'cannot drop schema "public"'),
        ("LOCK TABLE nowhere", 'relation "nowhere" does not exist'),
        ("ANALYZE nowhere", 'relation "nowhere" does not exist'),
        ("GRANT SELECT ON nowhere TO me", 'relation "nowhere" does not exist'),
    ],
)
def test_refusals(client: Client, sql: str, words: str) -> None:
    assert words in client.error(sql)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE k (a INT)", 'Relation "k" already exists'),
        ("ALTER TABLE k ADD COLUMN id INT", 'column "id" of relation "k" already exists'),
        ("ALTER TABLE k ADD COLUMN b INT NOT NULL", "must have a non-null default expression"),
        ("ALTER TABLE k DROP COLUMN id", "because it is a distribution or sort key"),
        ("ALTER TABLE k DROP COLUMN nothing", 'column "nothing" of relation "k" does not exist'),
        ("ALTER TABLE k ALTER COLUMN id TYPE VARCHAR(9)", "only the length of a VARCHAR can be changed"),
        ("ALTER TABLE k APPEND FROM k", "ALTER TABLE APPEND"),
        ("DROP VIEW k", '"k" is not a view'),
        ("CREATE VIEW k AS SELECT 1 AS a", 'Relation "k" already exists'),
    ],
)
def test_refusals_about_a_table_that_exists(client: Client, sql: str, words: str) -> None:
    client.run("CREATE TABLE k (id INT SORTKEY)")

    assert words in client.error(sql)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("name VARCHAR(2) SORTKEY", "found unexpected dependency for column"),
        ("name VARCHAR(2) DISTKEY", "found unexpected dependency for column"),
        ("name VARCHAR(2) DEFAULT 'x'", "with a default value"),
        ("name VARCHAR(2) PRIMARY KEY", "which is in the primary key"),
        ("name VARCHAR(2) ENCODE BYTEDICT", "which is encoded as BYTEDICT"),
        ("name VARCHAR(2) ENCODE RUNLENGTH", "which is encoded as RUNLENGTH"),
        ("name VARCHAR(2) ENCODE TEXT255", "which is encoded as TEXT255"),
    ],
)
def test_a_varchar_that_cannot_be_lengthened(client: Client, column: str, words: str) -> None:
    client.run(f"CREATE TABLE k ({column})")

    assert words in client.error("ALTER TABLE k ALTER COLUMN name TYPE VARCHAR(9)")


@pytest.mark.parametrize("sql", ["VACUUM", "VACUUM k", "ALTER TABLE k ALTER COLUMN name TYPE VARCHAR(9)"])
def test_refused_inside_a_transaction(client: Client, sql: str) -> None:
    client.run("CREATE TABLE k (name VARCHAR(2))")

    assert "cannot run inside a transaction block" in client.error("SELECT 1", sql)
    assert client.execute(sql)["Status"] == "FINISHED"
