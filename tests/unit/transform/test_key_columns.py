"""Columns whose values stand in a file's key: in all formats and ways of reading, validated like any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from headrace.domain.contract import Column, Contract, Kind, RowRule
from headrace.domain.files.key_values import FOLDERS, KEY, NAME
from headrace.transform import FileRejected
from tests.unit.transform.kit import Read, contract, integer, read, text
from tests.unit.transform.split.test_ranges import cut_read

DT = Column("dt", "dt", Kind.DATE, "DATE", required=True, origin=FOLDERS)
REGION = text("region", origin=FOLDERS)
DEEP = "parcels/dt=2026-03-01/region=eu%3A1/part-0.csv"
VALUES = (date(2026, 3, 1), "eu:1")


def spec(*columns: Column, **written: Any) -> Contract:
    made = contract(*columns, **written)
    return replace(made, folder_templates=("dt={dt}", "region={region}"))


FORMATS: dict[str, tuple[Contract, bytes]] = {
    "csv": (spec(integer("n"), DT, REGION), b"n\n1\n2\n"),
    "csv, another order": (spec(DT, integer("n"), REGION, text("t")), b"t,n\na,1\nb,2\n"),
    "csv with quotes": (spec(DT, REGION, integer("n"), text("t")), b'n,t\n1,"a\nb"\n2,c\n'),
    "no header": (spec(DT, integer("n"), REGION, text("t"), header=False), b"1,a\n2,b\n"),
    "fixed": (
        spec(DT, integer("n", start=1, width=2), REGION, kind="fixed", header=False),
        b" 1\n 2\n",
    ),
    "json lines": (spec(DT, REGION, integer("n"), kind="jsonl"), b'{"n": 1}\n{"n": 2}\n'),
    "array": (spec(DT, REGION, integer("n"), kind="json"), b'[{"n": 1}, {"n": 2}]'),
    "said in the rows, too": (spec(integer("n"), DT, REGION), b"n,region,dt\n1,eu:1,2026-03-01\n2,,\n"),
    "said in json, too": (spec(integer("n"), DT, REGION, kind="jsonl"), b'{"n": 1, "dt": "2026-03-01"}\n{"n": 2}\n'),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_row_has_what_stands_in_the_folders(name: str) -> None:
    made, data = FORMATS[name]
    found = read(made, data, key=DEEP)
    assert found.bad == []
    assert found.values("dt", "region", "n") == [(*VALUES, 1), (*VALUES, 2)]
    assert "absent_columns" not in found.report.detected
    assert "unknown_columns" not in found.report.detected


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "array"])
def test_a_file_in_ranges_has_it_too(name: str) -> None:
    made, data = FORMATS[name]
    whole, cut = read(made, data, key=DEEP), cut_read(made, data, [len(data) - 3], key=DEEP)
    assert (cut.good, cut.bad) == (whole.good, whole.bad)


def test_many_rows_have_it_too() -> None:
    """By columns, not one by one."""
    rows = b"".join(b"%d,%b\n" % (number, b'"q"' if number % 7 else b"x") for number in range(3000))
    found = read(spec(integer("n"), DT, text("t"), REGION), b"n,t\n" + rows, key=DEEP)
    assert found.values("n", "dt", "region") == [(number, *VALUES) for number in range(3000)]


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (spec(integer("n"), DT, REGION), b"n,dt\n1,2026-03-01\n2,2026-03-02\n3,x\n"),
        (
            spec(integer("n"), DT, REGION, kind="jsonl"),
            b'{"n": 1, "dt": "2026-03-01"}\n{"n": 2, "dt": "2026-03-02"}\n{"n": 3, "dt": "x"}\n',
        ),
    ],
)
def test_a_row_that_says_something_else_than_the_key_is_bad(made: Contract, data: bytes) -> None:
    found = read(made, data, key=DEEP)
    assert found.values("n") == [1]
    assert found.errors() == [(2, "dt", "path"), (3, "dt", "logicalType")]
    (error,) = found.bad[0].errors
    assert error.reason == "the row has '2026-03-02', the key of its file '2026-03-01'"


def test_a_row_has_no_value_where_the_key_has_none() -> None:
    made = spec(integer("n"), replace(DT, required=False), REGION)
    key = "parcels/dt=__HIVE_DEFAULT_PARTITION__/region=eu/a.csv"
    assert read(made, b"n\n1\n", key=key).values("n", "dt", "region") == [(1, None, "eu")]
    assert read(made, b"n,dt\n1,2026-03-01\n", key=key).errors() == [(1, "dt", "path")]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("parcels/dt=2026-03-32/region=eu/a.csv", "its key breaks the contract, dt: '2026-03-32' is not a date"),
        ("parcels/dt=__HIVE_DEFAULT_PARTITION__/region=eu/a.csv", "dt: it has no value (required)"),
        ("parcels/dt=2026-03-01/a.csv", "is not in parcels/dt={dt}/region={region}/"),
        ("parcels/region=eu/dt=2026-03-01/a.csv", "is not in parcels/dt={dt}/region={region}/"),
        ("parcels/dt=2026-03-01/region=/a.csv", "is not in parcels/dt={dt}/region={region}/"),
        ("parcels/dt=2026-03-01/region=moon/a.csv", "region: 'moon' is not one of eu, us (enum)"),
        ("parcels/dt=2026-03-01/region=a%00/a.csv", "region: it contains a NUL character"),
    ],
)
def test_a_key_that_breaks_the_contract_refuses_the_file(key: str, reason: str) -> None:
    made = spec(integer("n"), DT, replace(REGION, enum=("eu", "us")))
    with pytest.raises(FileRejected, match="its key") as rejected:
        read(made, b"n\n1\n", key=key)
    assert reason in rejected.value.reason
    assert rejected.value.code == "key"
    with pytest.raises(FileRejected, match="its key"):
        cut_read(made, b"n\n1\n2\n", [4], key=key)


def test_rules_between_columns_see_it() -> None:
    made = replace(
        spec(Column("at", "at", Kind.DATE, "DATE"), DT, REGION),
        rules=(RowRule("day", "at = dt", ("=", ("column", "at"), ("column", "dt"))),),
    )
    found = read(made, b"at\n2026-03-01\n2026-03-02\n", key=DEEP)
    assert found.errors() == [(2, None, "day")]
    assert found.values("at") == [date(2026, 3, 1)]


def test_the_name_and_the_key_are_columns() -> None:
    columns = (
        integer("n"),
        text("file", 99, origin=NAME),
        text("whole", 99, origin=KEY),
        integer("day", origin=FOLDERS),
    )
    made = replace(contract(*columns), name_templates=("{x}-{day}.csv",))
    found = read(made, b"n\n1\n", key="parcels/a%3A/n-7.csv")
    assert found.values("n", "file", "whole", "day") == [(1, "n-7.csv", "parcels/a%3A/n-7.csv", 7)]


def test_a_key_that_is_longer_than_its_column_refuses_the_file() -> None:
    with pytest.raises(FileRejected, match="physicalType"):
        read(contract(integer("n"), text("file", 4, origin=NAME)), b"n\n1\n", key="parcels/long-name.csv")


def test_a_header_needs_a_column_of_the_rows() -> None:
    with pytest.raises(FileRejected, match="not the header of this dataset") as rejected:
        read(spec(integer("n"), DT, REGION), b"dt,region\n2026-03-01,eu:1\n", key=DEEP)
    assert "of which none is n" in rejected.value.reason


def test_a_file_without_rows_has_none() -> None:
    found: Read = read(spec(integer("n"), DT, REGION), b"n\n", key=DEEP)
    assert (found.good, found.bad) == ([], [])
