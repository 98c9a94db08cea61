"""Declarations of exports: what they become, and what is refused, with file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.domain.contract import Kind
from headrace.domain.export import Export
from headrace_compiler.compile.exports import compile_exports
from headrace_compiler.document.errors import ContractErrors

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "exports" / "account_activity.odcs.yaml"
TEXT = EXAMPLE.read_text()


def compiled(folder: Path, text: str = TEXT) -> Export:
    (folder / "a.odcs.yaml").write_text(text)
    (export,) = compile_exports(folder)
    return export


def refused(folder: Path, old: str, new: str) -> str:
    assert old in TEXT
    (folder / "a.odcs.yaml").write_text(TEXT.replace(old, new))
    with pytest.raises(ContractErrors) as errors:
        compile_exports(folder)
    return str(errors.value).replace(str(folder), "")


def test_the_example_says_what_it_says(tmp_path: Path) -> None:
    export = compiled(tmp_path)
    assert (export.name, export.source) == ("account_activity", "public.account_activity")
    assert export.pattern == "account_activity/{date}/{category}/{account}.csv"
    assert [column.header for column in export.columns[:3]] == ["account", "entry", "booked at"]
    assert (export.category, export.category_kind) == ("category", Kind.STRING)
    assert (export.dialect.encoding, export.dialect.decimal, export.dialect.delimiter) == ("cp1252", ",", ";")
    assert export.accounts_from == "public.accounts.account"
    assert export.channel == "#exports"


def test_no_folder_is_no_export(tmp_path: Path) -> None:
    assert compile_exports(tmp_path / "nothing") == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("name: account_activity\nversion", "name: Account\nversion", "the export name 'Account' must be lower case"),
        ("value: category }", "value: categry }", "there is no property 'categry': did you mean 'category'?"),
        ("{ property: accountKey, value: account }", "{ property: accountKey, value: settled }", "must be a string or"),
        ("value: [booked_at, entry]", "value: [booked]", "orderBy: there is no property 'booked': did you mean"),
        ("value: write", "value: maybe", "emptyAccounts: must be write"),
        ("{category}/{account}.csv", "{category}-{account}.csv", "location must be s3://{exports}/<folder>/{date}/…"),
        ("/{date}/", "/", "location must be"),
        ("s3://{exports}", "s3://elsewhere", "location must be"),
        ("format: csv", "format: parquet", "format must be csv"),
        ("encoding: windows-1252", "encoding: klingon", "encoding 'klingon' is not supported"),
        ('delimiter: ";"', 'delimiter: ";;"', "delimiter must be one character"),
        ('value: "," }', 'value: "x" }', "decimalSeparator must be a point or a comma"),
        ("format: dd.MM.yyyy }", "format: dd.MM.yyyy HH }", "a date has no time"),
        ("public.accounts.account }", "accounts }", "accountsFrom: must be schema.table.column"),
        ("decimalSeparator", "decimalSeperator", "did you mean 'decimalSeparator'?"),
        ("type: redshift", "type: postgres", "servers needs exactly one of type redshift"),
        ("name: account, logicalType: string", "name: account, logicalType: strin", "did you mean 'string'?"),
        ('"DECIMAL(14,2)"', '"VARCHAR(3)"', "disagree"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, old: str, new: str, reason: str) -> None:
    said = refused(tmp_path, old, new)
    assert reason in said
    line = int(said.split("a.odcs.yaml:")[1].split(":")[0])
    assert line == 1 or 1 < line <= TEXT.count("\n")


def test_the_line_is_the_mistakes_own(tmp_path: Path) -> None:
    said = refused(tmp_path, "encoding: windows-1252", "encoding: klingon")
    line = next(number for number, text in enumerate(TEXT.splitlines(), 1) if "encoding:" in text)
    assert f"/a.odcs.yaml:{line}: " in said


@pytest.mark.parametrize(("said", "guarded"), [("", True), ("true", True), ("false", False)])
def test_formulas_are_guarded_against_unless_the_export_says_otherwise(
    tmp_path: Path, said: str, *, guarded: bool
) -> None:
    old = '      - { property: decimalSeparator, value: "," }\n'
    added = f"      - {{ property: guardFormulas, value: {said} }}\n" if said else ""
    assert compiled(tmp_path, TEXT.replace(old, old + added)).dialect.guard_formulas is guarded


def test_a_filter_is_one_condition(tmp_path: Path) -> None:
    old = "      - { property: orderBy"
    added = "      - { property: rowFilter, value: 'value_date < {date}' }\n"
    assert compiled(tmp_path, TEXT.replace(old, added + old)).where == "value_date < {date}"
    assert "one condition" in refused(tmp_path, old, added.replace("{date}", "1; DROP TABLE x") + old)


def test_two_exports_do_not_share_a_name_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.odcs.yaml").write_text(TEXT)
    (tmp_path / "b.odcs.yaml").write_text(TEXT)
    with pytest.raises(ContractErrors) as errors:
        compile_exports(tmp_path)
    assert "another export is named 'account_activity' already" in str(errors.value)
    assert "overlap" in str(errors.value)
