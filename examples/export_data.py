"""Rows for the example export, made by the warehouse itself: any number of categories and accounts."""

from __future__ import annotations

from collections.abc import Callable

DIGITS = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
TABLES = (
    "DROP TABLE IF EXISTS public.account_activity",
    "DROP TABLE IF EXISTS public.accounts",
    "DROP TABLE IF EXISTS public.digits",
    "CREATE TABLE public.digits (d INTEGER NOT NULL)",
    f"INSERT INTO public.digits {DIGITS}",
    "CREATE TABLE public.accounts (account VARCHAR(64) NOT NULL)",
    """CREATE TABLE public.account_activity (
        category VARCHAR(32) NOT NULL, account VARCHAR(64) NOT NULL, entry BIGINT NOT NULL,
        booked_at TIMESTAMP NOT NULL, value_date DATE, amount DECIMAL(14,2), settled BOOLEAN, note VARCHAR(400)
    ) DISTKEY (account) COMPOUND SORTKEY (category, account)""",
)
ODD_ACCOUNTS = (
    ("Müller & Söhne/Köln", 'said "yes"; twice\nand went'),
    ("a/b/../c", '=HYPERLINK("http://example.com")'),
    ("100% sure", "plain"),
)
"""Accounts whose names and notes make trouble elsewhere."""


def fill(run: Callable[[list[str]], None], categories: int, accounts: int, rows: int) -> None:
    """Make the tables, with so many categories and accounts, and up to `rows` rows for each account and category.

    The odd accounts are among them, and of every hundred accounts one has no rows at all. `run` runs statements.
    """
    run(list(TABLES[:3]))
    run(list(TABLES[3:]))
    run([_accounts(accounts - len(ODD_ACCOUNTS))])
    names = ", ".join(f"('{name}')" for name, _ in ODD_ACCOUNTS)
    run([f"INSERT INTO public.accounts VALUES {names}"])
    for category in range(categories):
        run([_activity(f"category {category + 1:02d}", category, accounts, rows)])
    odd = [
        f"('category 01', '{account}', {number}, '2026-03-29 00:59:59', '2026-03-29', -1234.50, {settled}, '{note}')"
        for number, (account, note) in enumerate(ODD_ACCOUNTS, 1)
        for settled in ("TRUE", "NULL")
    ]
    run([f"INSERT INTO public.account_activity VALUES {', '.join(odd)}"])


def _number(tables: str) -> str:
    """A whole number out of one digit of each table."""
    return " + ".join(f"{10**place} * {table}.d" for place, table in enumerate(tables))


def _accounts(count: int) -> str:
    number = _number("abcdef")
    crossed = " CROSS JOIN ".join(f"public.digits AS {table}" for table in "abcdef")
    return (
        f"INSERT INTO public.accounts SELECT 'account ' || LPAD(CAST({number} AS VARCHAR), 6, '0') FROM {crossed}"
        f" WHERE {number} < {count}"
    )


def _activity(name: str, category: int, accounts: int, rows: int) -> str:
    """Between one and `rows` rows for each account but each hundredth."""
    entry = _number("xy")
    digits = "CAST(RIGHT(account, 6) AS INTEGER)"
    return (
        "INSERT INTO public.account_activity SELECT "
        f"'{name}', c.account, {entry} + 1, DATEADD(second, 7919 * ({entry}) + c.n, '2026-01-31 08:00:00'::TIMESTAMP),"
        f" DATEADD(day, {entry}, '2026-02-01'::DATE), CAST((c.n * 37 + ({entry}) * 1001) % 200000 - 50000 AS"
        f" DECIMAL(14,2)) / 4, MOD({entry}, 2) = 0,"
        f" CASE WHEN MOD({entry}, 5) = 4 THEN NULL ELSE 'entry ' || CAST({entry} AS VARCHAR) || ' über {category}' END"
        f" FROM (SELECT account, {digits} AS n FROM public.accounts WHERE account LIKE 'account ______') AS c"
        f" CROSS JOIN public.digits AS x CROSS JOIN public.digits AS y"
        f" WHERE {entry} < 1 + MOD(c.n + {category}, {rows}) AND MOD(c.n, 100) <> 99 AND c.n < {accounts}"
    )
