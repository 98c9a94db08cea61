"""What is left after the database was closed: everything that was committed, and what it was declared as."""

from __future__ import annotations

import shutil
from pathlib import Path

from headrace_local.redshift import EmbeddedRedshift
from tests.functional.redshift.client import Client, FakeS3


def test_tables_and_their_design_outlive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    before = EmbeddedRedshift(file, FakeS3())
    first = Client(before, FakeS3())
    first.run(
        "CREATE TABLE t (a VARCHAR(3) DISTKEY, p SUPER)", "INSERT INTO t VALUES ('abc', JSON_PARSE('{\"x\": 1}'))"
    )
    first.run("CREATE VIEW v AS SELECT p.x FROM t")
    before.close()

    after = EmbeddedRedshift(file, FakeS3())
    second = Client(after, FakeS3())
    assert second.rows("SELECT a, p.x FROM t") == [["abc", "1"]]
    assert second.rows("SELECT x FROM v") == [["1"]]
    assert second.error("INSERT INTO t (a) VALUES ('abcd')") == "ERROR: value too long for type character varying(3)"
    assert second.rows("SELECT diststyle FROM svv_table_info WHERE \"table\" = 't'") == [["KEY(a)"]]
    assert second.value("COUNT(*) FROM sys_query_history WHERE status = 'success' AND query_type = 'INSERT'") == 1
    after.close()


def test_what_was_committed_outlives_a_crash(tmp_path: Path) -> None:
    redshift = EmbeddedRedshift(tmp_path / "warehouse.duckdb", FakeS3())
    client = Client(redshift, FakeS3())
    client.run("CREATE TABLE t (a VARCHAR(3), p SUPER)", "INSERT INTO t (a) VALUES ('abc')")
    client.error("INSERT INTO t (a) VALUES ('def')", "SELECT nothing")

    files = [shutil.copy(path, tmp_path / f"crashed-{path.name}") for path in sorted(tmp_path.iterdir())]
    redshift.close()

    assert len(files) == 2  # the write-ahead log is one of them
    recovered = EmbeddedRedshift(tmp_path / "crashed-warehouse.duckdb", FakeS3())
    assert Client(recovered, FakeS3()).rows("SELECT a FROM t") == [["abc"]]
    recovered.close()


def test_closing_ends_what_still_runs(tmp_path: Path) -> None:
    redshift = EmbeddedRedshift(tmp_path / "warehouse.duckdb", FakeS3())
    client = Client(redshift, FakeS3())
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES " + ", ".join(f"({n})" for n in range(3000)))
    client.start("INSERT INTO t SELECT COUNT(*) FROM t a, t b, t c, t d WHERE a.a * b.a * c.a % 7 = d.a")

    redshift.close()

    again = EmbeddedRedshift(tmp_path / "warehouse.duckdb", FakeS3())
    assert Client(again, FakeS3()).value("COUNT(*) FROM t") == 3000
    again.close()
