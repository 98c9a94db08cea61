"""The statements of an export, whole: what is asked of the warehouse, for each form that a declaration has."""

from __future__ import annotations

import pytest

from headrace.domain.contract import Kind
from headrace.exports.model.sql import Unload, accounts, categories, condition, counts, literal, quoted, text_of, unload
from tests.support.export_fakes import declared

DATE = "2026-01-31"
NUMBERS = {"category_kind": Kind.INTEGER, "account_kind": Kind.INTEGER}
MORE = {"categories_from": "ref.all.c", "accounts_from": "ref.all.a", "where": "day = {date}"}


def test_texts_are_quoted_and_numbers_are_not() -> None:
    assert quoted("it's a \\") == "'it''s a \\\\'"
    assert literal(Kind.INTEGER, " 007") == "7"
    assert literal(Kind.STRING, "007") == "'007'"
    with pytest.raises(ValueError, match="invalid literal"):
        literal(Kind.INTEGER, "1; DROP")
    assert text_of(Kind.INTEGER, "c") == "CAST(c AS VARCHAR(20))"
    assert text_of(Kind.STRING, "c") == "c"


def test_the_condition_has_the_date_or_is_true() -> None:
    assert condition(declared(), DATE) == "TRUE"
    assert condition(declared(where="a = {date} OR b = {date}"), DATE) == f"(a = '{DATE}' OR b = '{DATE}')"


def test_categories_are_those_of_rows_and_those_that_are_declared() -> None:
    assert categories(declared(), DATE) == (
        "SELECT c, SUM(n) FROM (SELECT category AS c, COUNT(*) AS n FROM public.notes WHERE TRUE GROUP BY 1) AS found"
        " GROUP BY 1 ORDER BY 1"
    )
    assert categories(declared(**NUMBERS, **MORE), DATE) == (
        "SELECT CAST(c AS VARCHAR(20)), SUM(n) FROM (SELECT category AS c, COUNT(*) AS n FROM public.notes"
        f" WHERE (day = '{DATE}') GROUP BY 1 UNION ALL SELECT c AS c, 0 AS n FROM ref.all) AS found"
        " GROUP BY 1 ORDER BY 1"
    )


def test_accounts_are_those_of_rows_and_those_that_are_declared() -> None:
    assert accounts(declared(), DATE) == (
        "SELECT DISTINCT c FROM (SELECT account AS c FROM public.notes WHERE TRUE) AS found ORDER BY 1"
    )
    assert accounts(declared(**NUMBERS, **MORE), DATE) == (
        "SELECT DISTINCT CAST(c AS VARCHAR(20)) FROM (SELECT account AS c FROM public.notes"
        f" WHERE (day = '{DATE}') UNION ALL SELECT a AS c FROM ref.all) AS found ORDER BY 1"
    )


def test_rows_are_counted_by_category_and_account() -> None:
    assert counts(declared(), DATE) == ("SELECT category, account, COUNT(*) FROM public.notes WHERE TRUE GROUP BY 1, 2")


def test_an_unload_names_each_column_once_and_spreads_the_accounts() -> None:
    wanted = Unload(declared(order_by=("note", "at")), DATE, "it's", 4, "s3://lake/x/", "default")
    part = "MOD(STRTOL(SUBSTRING(MD5(account), 1, 8), 16), 4) AS _part"
    assert unload(wanted) == (
        f"UNLOAD ('SELECT note, at, account AS _account, {part} FROM public.notes WHERE TRUE"
        " AND category = ''it''''s'' AND account IS NOT NULL') TO 's3://lake/x/' IAM_ROLE default FORMAT AS PARQUET"
        " PARTITION BY (_part) MANIFEST VERBOSE ALLOWOVERWRITE"
    )


def test_an_unload_of_some_accounts_names_them_and_its_role() -> None:
    wanted = Unload(
        declared(**NUMBERS), DATE, "7", 1, "s3://lake/x/", "arn:aws:iam::123456789012:role/unload", ("1", "02")
    )
    text = unload(wanted)
    assert " AND category = 7 AND account IS NOT NULL AND account IN (1, 2)') TO " in text
    assert "SELECT note, CAST(account AS VARCHAR(20)) AS _account, MOD(STRTOL(SUBSTRING(MD5(CAST(account AS" in text
    assert " IAM_ROLE 'arn:aws:iam::123456789012:role/unload' FORMAT" in text
