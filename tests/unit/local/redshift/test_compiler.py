"""What a statement is read as, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.statements.compiler import compile_statement, statement_kind
from headrace_local.redshift.statements.copy_from_s3 import Copy
from headrace_local.redshift.statements.maintenance import Lock, Truncate
from headrace_local.redshift.statements.merge import Merge
from headrace_local.redshift.statements.queries import Delete, Insert, Query, Update


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", Query),
        ("  -- a comment\n select 1 ; ", Query),
        ("(SELECT 1) UNION ALL (SELECT 2)", Query),
        ("WITH a AS (SELECT 1 AS x) SELECT x FROM a", Query),
        ("INSERT INTO t SELECT 1", Insert),
        ("UPDATE t SET a = 1", Update),
        ("DELETE FROM t", Delete),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.a)", Merge),
        ("COPY t FROM 's3://b/k' IAM_ROLE 'arn:aws:iam::123456789012:role/r' FORMAT AS PARQUET MANIFEST", Copy),
        ("LOCK t, s.u", Lock),
        ("TRUNCATE TABLE t", Truncate),
    ],
)
def test_kinds(sql: str, kind: type) -> None:
    assert isinstance(compile_statement(sql), kind)


def test_quoted_words_are_names() -> None:
    lock = compile_statement('LOCK TABLE "TABLE"."lock"')

    assert isinstance(lock, Lock)
    assert lock.names == (("table", "lock"),)


@given(st.text(max_size=60))
def test_no_text_brings_the_compiler_down(sql: str) -> None:
    try:
        compile_statement(sql)
    except SqlError:
        return


VOCABULARY = """
    SELECT FROM WHERE t a , ( ) * = 'x' 1 INSERT INTO VALUES CREATE TABLE INT MERGE USING ON WHEN MATCHED THEN UPDATE
    SET DELETE NOT COPY PARQUET MANIFEST LOCK . : ; DROP ALTER ADD COLUMN VARCHAR NULL DEFAULT AS JOIN GROUP BY ORDER
    LIMIT OVER PARTITION [ ] 0 :: SUPER CASE END
"""
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), min_size=1, max_size=14)


@given(WORDS)
def test_no_sequence_of_words_brings_the_compiler_down(words: list[str]) -> None:
    try:
        compile_statement(" ".join(words))
    except SqlError:
        return


@pytest.mark.parametrize(("sql", "kind"), [("select 1", "SELECT"), ("(SELECT 1)", "SELECT"), ("", "")])
def test_kinds_for_the_history(sql: str, kind: str) -> None:
    assert statement_kind(sql) == kind
