"""The load transaction as text: what it holds, and what never gets into it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.load import Part, load_statements, manifest, measure_statements, split_statements
from headrace.errors import TerminalError
from headrace_compiler.sql.load import load_sql, table_sql
from headrace_compiler.sql.staged import append_sql, merge_sql
from tests.support.fakes import contract

MANIFEST = "s3://lake/batches/readings-1/manifest.json"
FILE = "ab" * 12
PLACE = "20260131093000-0055AED6DCD90281E5"
OBJECT = "Q_0kOf-3yVwzB5aD"


GIVEN: dict[str, Any] = {
    "batch": "readings-1",
    "manifest": MANIFEST,
    "iam_role": "default",
    "arrived": {FILE: PLACE},
    "objects": {FILE: OBJECT},
    "replaced": [],
    "reloaded": [],
}


def statements(**changes: object) -> list[str]:
    return load_statements(load_sql(contract()), **GIVEN | changes)


ROLE = "arn:aws:iam::123456789012:role/team/copy+read@lake"


def test_the_role_of_an_existing_warehouse_is_given_as_its_plain_arn() -> None:
    assert [s for s in statements(iam_role=ROLE) if s.startswith(f"COPY stage FROM '{MANIFEST}' IAM_ROLE '{ROLE}' ")]
    measure = "COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST;"
    given = {"batch": "readings-1", "scope": "batch", "manifest": MANIFEST}
    (copied,) = measure_statements(measure, iam_role=ROLE, **given)
    assert f" IAM_ROLE '{ROLE}' " in copied


@pytest.mark.parametrize("role", [f"'{ROLE}'", "arn:aws:iam::1:role/x", "", f"{ROLE}' x", "DEFAULT"])
def test_what_is_no_role_is_refused(role: str) -> None:
    with pytest.raises(TerminalError, match="CopyRole is neither"):
        statements(iam_role=role)


def test_lock_comes_first_and_copy_before_merge() -> None:
    words = [statement.split()[0] for statement in statements()]
    assert words[0] == "LOCK"
    assert words.index("COPY") < words.index("MERGE")
    assert len(words) <= 40  # what one batchExecuteStatement takes


def test_nothing_is_copied_without_a_manifest() -> None:
    assert not [s for s in statements(manifest=None) if s.startswith("COPY")]


def test_replaced_files_are_counted_before_they_are_deleted() -> None:
    text = statements()
    counted = next(i for i, s in enumerate(text) if s.startswith("INSERT INTO etl.superseded") and "_replaced" in s)
    deleted = next(i for i, s in enumerate(text) if s.startswith("DELETE FROM public.readings") and "_replaced" in s)
    assert counted < deleted
    adds = load_statements(load_sql(contract(replace_versions=False)), **GIVEN)
    assert not [s for s in adds if s.startswith("DELETE FROM public.readings")]


def test_a_file_that_is_loaded_again_leaves_no_trace_of_its_earlier_load() -> None:
    deleted = [s.split()[2] for s in statements(reloaded=[FILE]) if s.startswith("DELETE") and "_reloaded = 1" in s]
    assert deleted == ["etl.superseded", "etl.load_files", "public.readings"]


def test_each_file_is_named_once_with_its_place_and_what_becomes_of_it() -> None:
    other, older = "cd" * 12, "ef" * 12
    text = statements(arrived={FILE: PLACE, other: PLACE}, replaced=[older, FILE], reloaded=[other])
    (named,) = [statement for statement in text if FILE in statement]
    assert named.endswith(f"VALUES ('{FILE}',0,0,1,'{PLACE}','{OBJECT}'),('{other}',1,1,0,'{PLACE}','')")
    assert [statement for statement in text if older in statement] == [f"INSERT INTO files (_file) VALUES ('{older}')"]
    assert not [statement for statement in statements(arrived={}) if statement.startswith("INSERT INTO files (_file, ")]


WRITES = re.compile(r"(?:INSERT INTO|DELETE FROM|UPDATE|MERGE INTO) (etl\.(?:arrivals|superseded|load_files|loads))\b")


@pytest.mark.parametrize("keys", [{}, {"primary_key": (), "ordering": ()}], ids=["merged", "appended"])
@pytest.mark.parametrize("template", [load_sql, merge_sql, append_sql])
def test_the_tables_that_datasets_share_are_written_in_one_order(
    template: Callable[[Contract], str], keys: dict[str, Any]
) -> None:
    given: dict[str, Any] = {
        "manifest": MANIFEST,
        "arrived": {FILE: PLACE},
        "objects": {FILE: OBJECT},
        "replaced": [FILE],
        "reloaded": [FILE],
    }
    text = load_statements(template(contract(staged=True, **keys)), batch="b", iam_role="default", **given)
    written = [match[1] for statement in text if (match := WRITES.match(statement))]
    order = ["etl.arrivals", "etl.superseded", "etl.load_files", "etl.loads"]
    assert set(written) == (set(order) if template is not append_sql else {"etl.loads"})
    first = {table: written.index(table) for table in written}
    assert sorted(first, key=first.__getitem__) == [table for table in order if table in first]


SHARED = re.compile(
    r"(?:UPDATE|DELETE FROM|MERGE INTO) etl\.(?:arrivals|superseded|load_files|loads|snapshots|objects)\b"
)


@pytest.mark.parametrize(
    "keys", [{}, {"primary_key": ()}, {"snapshot": "table"}], ids=["merged", "appended", "snapshot"]
)
def test_without_a_reload_the_tables_that_datasets_share_are_only_appended_to(keys: dict[str, Any]) -> None:
    given: dict[str, Any] = {"manifest": MANIFEST, "arrived": {FILE: PLACE}, "replaced": ["cd" * 12], "objects": {}}
    template = load_sql(contract(**keys))
    text = load_statements(template, batch="b", iam_role="default", reloaded=[], **given)
    assert not [statement for statement in text if SHARED.match(statement)]
    assert [
        s for s in load_statements(template, batch="b", iam_role="default", reloaded=[FILE], **given) if SHARED.match(s)
    ]


def test_no_placeholder_is_left() -> None:
    assert not [s for s in statements(replaced=[FILE], reloaded=[FILE]) if "${" in s]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch", "x'; DROP TABLE y; --"),
        ("manifest", "s3://lake/a' b"),
        ("replaced", ["zz"]),
        ("arrived", {"x', 0, 0, 0); DROP TABLE y; --": PLACE}),
        ("arrived", {FILE: "2026-'); DROP TABLE y; --"}),
        ("objects", {FILE: "x'); DROP TABLE y; --"}),
    ],
)
def test_values_that_are_no_plain_names_are_refused(name: str, value: object) -> None:
    what = {"arrived": "files", "objects": "files", "replaced": "older"}.get(name, name)
    with pytest.raises(TerminalError, match=f"{what} cannot go into SQL"):
        statements(**{name: value})


def test_append_only_dataset_inserts() -> None:
    text = load_sql(contract(primary_key=(), ordering=()))
    assert "MERGE" not in text
    assert "INSERT INTO public.readings" in text


def test_table_has_keys_and_encodings() -> None:
    text = table_sql(contract(dist_key="meter", sort_key=("read_at",)))
    assert "DISTKEY (meter)" in text
    assert "COMPOUND SORTKEY (read_at)" in text
    assert "read_at TIMESTAMP NOT NULL ENCODE RAW" in text
    assert len(split_statements(text)) == 2


def test_manifest_names_exact_sizes() -> None:
    assert manifest("lake", [Part("a/part.parquet", 10, 1)]) == {
        "entries": [{"url": "s3://lake/a/part.parquet", "mandatory": True, "meta": {"content_length": 10}}]
    }
