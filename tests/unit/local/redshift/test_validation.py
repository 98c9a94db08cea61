"""Placeholders are found where they are placeholders, and nowhere else."""

from __future__ import annotations

import pytest

from headrace_local.redshift.api.validation import check_sql
from headrace_local.redshift.errors import DataApiError

A = [{"name": "a", "value": "1"}]


@pytest.mark.parametrize(
    "sql",
    ["SELECT :a", "SELECT x::INT, :a", "SELECT ':b', \":c\", :a -- :d", "/* :b */ SELECT (:a)", "SELECT 'it''s', :a"],
)
def test_placeholders(sql: str) -> None:
    check_sql([sql], A)


@pytest.mark.parametrize("sql", ["SELECT x::a", "SELECT ':a'", 'SELECT ":a"', "SELECT 1 -- :a", "SELECT 1 /* :a */"])
def test_what_only_looks_like_a_placeholder(sql: str) -> None:
    with pytest.raises(DataApiError, match="unused parameters"):
        check_sql([sql], A)


def test_each_parameter_needs_one_statement_only() -> None:
    check_sql(["SELECT :a", "SELECT 1"], A)
    with pytest.raises(DataApiError, match="unused parameters"):
        check_sql(["SELECT :a", "SELECT 1"], [*A, {"name": "b", "value": "1"}])
