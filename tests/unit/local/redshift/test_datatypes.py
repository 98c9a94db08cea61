"""Type names: what is Redshift's, what is not, and that a type can be read back from its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_local.redshift.datatypes.datatypes import RedshiftType, from_duckdb, parse_type
from headrace_local.redshift.errors import SqlError

NUMERIC = st.integers(1, 38).flatmap(
    lambda precision: st.builds(
        RedshiftType, st.just("numeric"), precision=st.just(precision), scale=st.integers(0, precision)
    )
)
CHARACTER = st.one_of(
    st.builds(RedshiftType, st.just("character varying"), length=st.integers(1, 65535)),
    st.builds(RedshiftType, st.just("character"), length=st.integers(1, 4096)),
)
PLAIN_NAMES = ("boolean", "smallint", "integer", "bigint", "real", "double precision", "date", "super")
MOMENTS = ("timestamp without time zone", "timestamp with time zone", "time without time zone")
PLAIN = st.sampled_from((*PLAIN_NAMES, *MOMENTS)).map(RedshiftType)
NOT_REDSHIFTS = ("STRING", "JSON", "UBIGINT", "HUGEINT", "INT[]", "STRUCT(a INT)", "")
MALFORMED = ("VARCHAR(0)", "VARCHAR(x)", "CHAR(5000)", "DECIMAL(0)", "DECIMAL(5,6)", "DECIMAL(x)", "BIGINT(5)")


@given(st.one_of(NUMERIC, CHARACTER, PLAIN))
def test_a_type_is_read_back_from_its_text(kind: RedshiftType) -> None:
    assert parse_type(str(kind)) == kind
    assert parse_type(str(kind).upper()) == kind


@given(st.one_of(NUMERIC, PLAIN))
def test_duckdb_gives_back_the_type_it_was_given(kind: RedshiftType) -> None:
    assert from_duckdb(kind.duckdb) == kind


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VARCHAR", "character varying(256)"),
        ("varchar(max)", "character varying(65535)"),
        ("TEXT", "character varying(256)"),
        ("CHAR", "character(1)"),
        ("bpchar", "character(256)"),
        ("INT8", "bigint"),
        ("FLOAT", "double precision"),
        ("FLOAT4", "real"),
        ("DECIMAL", "numeric(18,0)"),
        ("NUMERIC( 12 , 2 )", "numeric(12,2)"),
        ("DECIMAL(5)", "numeric(5,0)"),
        ("timestamp  without time zone", "timestamp without time zone"),
    ],
)
def test_spellings(text: str, name: str) -> None:
    assert str(parse_type(text)) == name


@pytest.mark.parametrize("text", [*NOT_REDSHIFTS, *MALFORMED])
def test_what_redshift_does_not_have(text: str) -> None:
    with pytest.raises(SqlError):
        parse_type(text)


@pytest.mark.parametrize("text", ["BLOB", "INTEGER[]", "STRUCT(a INTEGER)", "UUID", "UBIGINT", "INTERVAL"])
def test_values_that_redshift_cannot_show(text: str) -> None:
    with pytest.raises(SqlError, match="is not supported by the embedded Redshift"):
        from_duckdb(text)
