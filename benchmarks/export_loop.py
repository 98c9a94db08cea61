"""The old way, written fairly: one query and one upload for each file, one after the other, and nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from headrace_cli.stack.target import Target

SQL = """SELECT account, entry, booked_at, value_date, amount, settled, note FROM public.account_activity
WHERE category = :category AND account = :account ORDER BY booked_at, entry"""
HEADER = ("account", "entry", "booked at", "value date", "amount", "settled", "note")


class Loop:
    """Clients are made once, waiting is a long poll: as quick as this way can be from one process."""

    def __init__(self, target: Target, bucket: str) -> None:
        self._data = target.client("redshift-data")
        self._s3 = target.client("s3")
        self._where = {"WorkgroupName": target.output("Workgroup"), "Database": target.output("Database")}
        self._bucket = bucket
        self.statements = 0

    def run(self, pairs: list[tuple[str, str]], key: Callable[[str, str], str]) -> int:
        """Export each category and account. Returns the bytes written."""
        return sum(self._export(category, account, key(category, account)) for category, account in pairs)

    def _export(self, category: str, account: str, key: str) -> int:
        body = self._file(self._rows(category, account))
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="text/csv")
        return len(body)

    def _rows(self, category: str, account: str) -> list[list[Any]]:
        parameters = [{"name": "category", "value": category}, {"name": "account", "value": account}]
        statement = self._data.execute_statement(Sql=SQL, Parameters=parameters, **self._where)["Id"]
        self.statements += 1
        while (state := self._data.describe_statement(Id=statement, WaitTimeSeconds=20)["Status"]) != "FINISHED":
            if state in {"FAILED", "ABORTED"}:
                raise RuntimeError(f"{category} / {account}: {state}")
        rows: list[list[Any]] = []
        page: dict[str, Any] = self._data.get_statement_result(Id=statement)
        rows += page["Records"]
        while "NextToken" in page:
            page = self._data.get_statement_result(Id=statement, NextToken=page["NextToken"])
            rows += page["Records"]
        return [[None if "isNull" in field else next(iter(field.values())) for field in row] for row in rows]

    def _file(self, rows: list[list[Any]]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        writer.writerow(HEADER)
        for account, entry, booked, value, amount, settled, note in rows:
            writer.writerow([
                account, entry, _date(booked, "%d.%m.%Y %H:%M:%S"), _date(value, "%d.%m.%Y"),
                "" if amount is None else format(Decimal(amount), "f").replace(".", ","),
                "" if settled is None else str(settled).lower(), _harmless(note),
            ])  # fmt: skip
        return text.getvalue().encode("cp1252")


def _date(text: str | None, form: str) -> str:
    return datetime.fromisoformat(text).strftime(form) if text else ""


def _harmless(text: str | None) -> str:
    return "'" + text if text and text[0] in "=+-@\t\r\n" else text or ""
