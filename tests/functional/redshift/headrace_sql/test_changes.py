"""The load of a change log, in the embedded Redshift: deletes go or are marked, and older rows do not come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.adapters.accounts import WarehouseLoads, WarehouseRows
from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.ingest.load import split_statements
from headrace_compiler.sql.load import history_sql, load_sql, table_sql
from headrace_compiler.sql.names import is_wide
from tests.functional.redshift.client import Client, WarehouseOf
from tests.functional.redshift.headrace_sql.test_wide import (
    FIRST,
    SECOND,
    THIRD,
    accounts,
    loaded,
    put,
    warehouse,
    wide,
)
from tests.support.fakes import file

__all__ = ["warehouse"]

LIVING = "SELECT meter, round, label_0002 FROM public.readings ORDER BY meter"


def changes(columns: int = 20) -> Contract:
    """A change log whose operation is a label, as all labels of a row are the same."""
    return replace(wide(columns), operation="label_0002")


@pytest.mark.parametrize("columns", [20, 320], ids=["narrow", "wide"])
def test_deleted_rows_go_and_stay_away(warehouse: Client, columns: int) -> None:
    given = changes(columns)
    assert is_wide(given) == (columns == 320)
    warehouse.run(*split_statements(table_sql(given)))
    text = load_sql(given)
    rows = [(FIRST, "a", 1, "I"), (FIRST, "b", 1, "I"), (FIRST, "b", 2, "D"), (FIRST, "x", 1, "D")]
    manifest = put(warehouse, given, "readings-1", rows)
    for _ in range(2):  # again it changes nothing
        loaded(warehouse, text, "readings-1", manifest, arrived=[FIRST])
    assert warehouse.rows(LIVING) == [["a", 1, "I"]]
    assert accounts(warehouse) == [[FIRST, 4, 1, 3]]

    # A later batch deletes a, brings b back, and has an older row of x, which stays away.
    rows = [(SECOND, "a", 3, "D"), (SECOND, "b", 3, "U"), (SECOND, "x", 0, "I")]
    loaded(warehouse, text, "readings-2", put(warehouse, given, "readings-2", rows), arrived=[SECOND])
    assert warehouse.rows(LIVING) == [["b", 3, "U"]]
    assert accounts(warehouse) == [[FIRST, 4, 0, 4], [SECOND, 3, 1, 2]]
    assert warehouse.rows("SELECT meter, round FROM etl.deleted_readings ORDER BY 1") == [["a", 3], ["x", 1]]

    # The second file is loaded again without its deletes: it leaves no trace of them.
    manifest = put(warehouse, given, "readings-3", [(SECOND, "b", 3, "U"), (SECOND, "a", 1, "I")])
    loaded(warehouse, text, "readings-3", manifest, arrived=[SECOND], reloaded=[SECOND])
    assert warehouse.rows(LIVING) == [["a", 1, "I"], ["b", 3, "U"]]

    # Another version takes its place: of a file in whose place nothing comes, the deletes go too.
    loaded(warehouse, text, "readings-4", None, arrived=[THIRD], replaced=[FIRST])
    assert warehouse.value("COUNT(*) FROM etl.deleted_readings") == 0


@pytest.mark.parametrize("columns", [20, 320], ids=["narrow", "wide"])
def test_a_truncate_takes_out_what_is_earlier_and_keeps_it_out(warehouse: Client, columns: int) -> None:
    given = replace(changes(columns), truncates=("T", "t"))
    warehouse.run(*split_statements(table_sql(given)))
    text = load_sql(given)
    manifest = put(warehouse, given, "readings-1", [(FIRST, "a", 1, "I"), (FIRST, "b", 1, "D"), (FIRST, "c", 3, "I")])
    loaded(warehouse, text, "readings-1", manifest, arrived=[FIRST])
    manifest = put(warehouse, given, "readings-2", [(SECOND, "", 2, "t"), (SECOND, "d", 1, "I"), (SECOND, "e", 2, "I")])
    for _ in range(2):  # again it changes nothing
        loaded(warehouse, text, "readings-2", manifest, arrived=[SECOND])
    assert warehouse.rows(LIVING) == [["c", 3, "I"], ["e", 2, "I"]]
    assert accounts(warehouse) == [[FIRST, 3, 1, 2], [SECOND, 3, 1, 2]]
    assert warehouse.value("COUNT(*) FROM etl.deleted_readings") == 0
    manifest = put(warehouse, given, "readings-3", [(THIRD, "a", 1, "I"), (THIRD, "b", 2, "I")])
    loaded(warehouse, text, "readings-3", manifest, arrived=[THIRD])
    assert warehouse.rows(LIVING) == [["b", 2, "I"], ["c", 3, "I"], ["e", 2, "I"]]


def test_a_known_batch_takes_no_row_that_came_after_its_truncate(warehouse: Client) -> None:
    given = replace(changes(), truncates=("t",))
    warehouse.run(*split_statements(table_sql(given)))
    manifest = put(warehouse, given, "readings-1", [(FIRST, "a", 1, "I"), (SECOND, "", 1, "t"), (THIRD, "b", 1, "I")])
    for _ in range(2):
        loaded(warehouse, load_sql(given), "readings-1", manifest, arrived=[FIRST, SECOND, THIRD])
    assert warehouse.rows(LIVING) == [["b", 1, "I"]]


def test_a_truncate_marks_what_is_earlier(warehouse: Client) -> None:
    given = changes()
    columns = (*given.columns[:-1], Column("gone_at", "", Kind.TIMESTAMP, "TIMESTAMP"), given.columns[-1])
    given = replace(given, columns=columns, deleted_at="gone_at", truncates=("T",))
    warehouse.run(*split_statements(table_sql(given)))
    text = load_sql(given)
    rows = [(FIRST, "a", 1, "I")], [(SECOND, "", 2, "T"), (SECOND, "b", 3, "I")], [(THIRD, "c", 1, "I")]
    for number, each in enumerate(rows, start=1):
        manifest = put(warehouse, given, f"readings-{number}", each)
        loaded(warehouse, text, f"readings-{number}", manifest, arrived=[each[0][0]])
    marked = "SELECT meter, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END FROM public.readings ORDER BY meter"
    assert warehouse.rows(marked) == [["a", 1], ["b", 0], ["c", 1]]
    assert accounts(warehouse) == [[FIRST, 1, 1, 0], [SECOND, 2, 1, 1], [THIRD, 1, 1, 0]]


def test_marked_rows_have_the_values_of_the_delete_until_they_come_back(warehouse: Client) -> None:
    given = changes()
    columns = (*given.columns[:-1], Column("gone_at", "", Kind.TIMESTAMP, "TIMESTAMP"), given.columns[-1])
    given = replace(given, columns=columns, deleted_at="gone_at")
    warehouse.run(*split_statements(table_sql(given)))
    text = load_sql(given)
    state = "SELECT meter, label_0002, amount_0001, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END FROM public.readings"
    for number, (brought_by, rows) in enumerate(
        [(FIRST, [("a", 1, "I"), ("b", 1, "I")]), (SECOND, [("a", 2, "D"), ("x", 2, "D")]), (THIRD, [("x", 1, "I")])],
        start=1,
    ):
        manifest = put(warehouse, given, f"readings-{number}", [(brought_by, *row) for row in rows])
        loaded(warehouse, text, f"readings-{number}", manifest, arrived=[brought_by])
    assert warehouse.rows(f"{state} ORDER BY meter") == [
        ["a", "D", "1.50", 1],
        ["b", "I", "1.50", 0],
        ["x", "D", "1.50", 1],
    ]
    assert accounts(warehouse) == [[FIRST, 2, 1, 1], [SECOND, 2, 2, 0], [THIRD, 1, 0, 1]]
    manifest = put(warehouse, given, "readings-4", [("4" * 24, "a", 3, "U")])
    loaded(warehouse, text, "readings-4", manifest, arrived=["4" * 24])
    assert warehouse.rows(f"{state} WHERE meter = 'a'") == [["a", "U", "1.50", 0]]


def test_a_history_takes_each_state_to_its_place(warehouse: Client) -> None:
    given = replace(changes(), history=True)
    warehouse.run(*split_statements(table_sql(given)))
    manifest = put(warehouse, given, "readings-1", [(FIRST, "a", 1, "I"), (FIRST, "b", 1, "I")])
    loaded(warehouse, load_sql(replace(given, history=False)), "readings-1", manifest, arrived=[FIRST])
    warehouse.run(*split_statements(history_sql(given)))
    states = "SELECT meter, label_0006, valid_from, valid_to, is_current, tags_0000.a FROM public.readings_history"
    assert warehouse.rows(f"{states} ORDER BY 1, 3") == [["a", "I", 1, None, True, "1"], ["b", "I", 1, None, True, "1"]]
    text = load_sql(given)
    rows = [(SECOND, "a", 5, "I"), (SECOND, "b", 4, "D"), (SECOND, "a", 5, "U"), (SECOND, "c", 2, "I")]
    manifest = put(warehouse, given, "readings-2", rows)
    for _ in range(2):  # again it changes nothing
        loaded(warehouse, text, "readings-2", manifest, arrived=[SECOND])
    manifest = put(warehouse, given, "readings-3", [(THIRD, "a", 3, "U"), (THIRD, "c", 3, "I")])
    loaded(warehouse, text, "readings-3", manifest, arrived=[THIRD])
    assert [row[:5] for row in warehouse.rows(f"{states} ORDER BY 1, 3")] == [
        ["a", "I", 1, 3, False],
        ["a", "U", 3, None, True],
        ["b", "I", 1, 4, False],
        ["c", "I", 2, None, True],
    ]
    loaded(warehouse, text, "readings-4", None, arrived=["4" * 24], replaced=[THIRD])
    history_of_a = [row[:5] for row in warehouse.rows(f"{states} WHERE meter = 'a' ORDER BY 3")]
    assert history_of_a == [["a", "I", 1, 5, False], ["a", "U", 5, None, True]]


def test_the_file_of_a_row_is_found_by_sql_alone(warehouse: Client) -> None:
    keys = ["readings/it's \\'; DROP TABLE etl.loads; --é.csv", *(f"readings/{number}.csv" for number in range(60))]
    files = [file(str(number), file_id=f"{number:024x}", key=key) for number, key in enumerate(keys)]
    loads, rows = WarehouseLoads(WarehouseOf(warehouse)), WarehouseRows(WarehouseOf(warehouse))
    for _ in range(2):  # a key that is known is not written again
        loads.name_objects(files)
    assert warehouse.value("COUNT(*) FROM etl.objects") == len(keys)
    arrivals = [
        f"('{each.file_id}', 'readings', '{each.arrival}#{each.file_id}', '{each.object_id}')" for each in files
    ]
    warehouse.run(f"INSERT INTO etl.arrivals (file_id, dataset, arrival, object) VALUES {', '.join(arrivals)}")
    query = "SELECT bucket, object_key, CAST(arrived_at AS DATE) FROM etl.files"
    assert warehouse.rows(f"{query} WHERE file_id = '{files[0].file_id}'") == [["landing", keys[0], "2026-01-01"]]
    rows.forget_objects("readings", [files[0].object_id])
    assert warehouse.rows(f"{query} WHERE file_id = '{files[0].file_id}'") == [[None, None, "2026-01-01"]]
    assert warehouse.value("COUNT(object_key) FROM etl.files") == len(keys) - 1
