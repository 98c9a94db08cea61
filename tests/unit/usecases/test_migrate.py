"""The warehouse follows the contracts, as far as that loses nothing."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from headrace.domain.contract import Column, Kind, View
from headrace.domain.ingest.load import split_statements
from headrace.domain.migration import plain_type
from headrace.domain.sql_text import SqlText
from headrace.usecases.migrate import DEPLOYED_CONTRACTS, LOADED_FROM, MigrationError, apply, migrate, plan
from tests.support.fakes import MemoryServices, contract, contracts_of

THERE: list[list[Any]] = [
    ["meter", "character varying", 16, None, None, "NO"],
    ["read_at", "timestamp without time zone", None, None, None, "NO"],
    ["value", "bigint", None, 64, 0, "YES"],
    ["note", "character varying", 8, None, None, "YES"],
    ["_file_id", "character varying", 32, None, None, "NO"],
    ["_row_number", "bigint", None, 64, 0, "NO"],
    ["_batch_id", "character varying", 160, None, None, "NO"],
]
OWN_LAKE = [LOADED_FROM, sha256(b"lake").hexdigest()]
NOTE = Column("note", "note", Kind.STRING, "VARCHAR(8)")
COLUMNS = (*contract().columns, NOTE)


def services_with(*columns: Column, there: list[list[Any]] = THERE) -> MemoryServices:
    services = MemoryServices(contracts=contracts_of(contract(columns=columns or COLUMNS)))
    services.warehouse.answers = {"svv_columns": there, "svv_tables": [["migrations"], ["guard_readings"]]}
    return services


def test_an_empty_warehouse_gets_all() -> None:
    services = services_with(there=[])
    assert migrate(services, "headrace") == ["0001_x.sql", LOADED_FROM, "public.readings"]
    assert [s for s in services.warehouse.ran if s.startswith("CREATE TABLE IF NOT EXISTS public.readings")]
    assert services.lake.read_json(DEPLOYED_CONTRACTS)[0]["dataset"] == "readings"


def test_a_database_that_another_stack_has_loaded_is_refused() -> None:
    services = services_with()
    services.warehouse.answers["etl.migrations"] = [OWN_LAKE]
    assert plan(services, "headrace").refused == ()
    services.warehouse.answers["etl.migrations"] = [[LOADED_FROM, sha256(b"another lake").hexdigest()]]
    with pytest.raises(MigrationError, match=r"another stack loads into the database headrace.*Deploy with Database="):
        migrate(services, "headrace")
    assert services.warehouse.ran == []


def test_what_is_there_already_stays() -> None:
    assert migrate(services_with(), "headrace") == ["0001_x.sql", LOADED_FROM]


def test_an_optional_column_is_added() -> None:
    unit = Column("unit", "unit", Kind.STRING, "VARCHAR(16)")
    services = services_with(*COLUMNS, unit)
    assert migrate(services, "headrace")[-1] == "public.readings.unit"
    assert services.warehouse.ran[-1] == "ALTER TABLE public.readings ADD COLUMN unit VARCHAR(16) ENCODE ZSTD"


def change(**changes: Any) -> tuple[Column, ...]:
    meter, *rest = COLUMNS
    return (replace(meter, **changes), *rest)


def noted(**changes: Any) -> tuple[Column, ...]:
    return (*contract().columns, replace(NOTE, **changes))


def test_a_longer_varchar_is_lengthened_alone() -> None:
    services = services_with(*noted(redshift_type="VARCHAR(64)"))
    (altered,) = [item for item in plan(services, "headrace").changes if "readings" in item.name]
    assert (altered.what, altered.alone) == ("VARCHAR(8) becomes VARCHAR(64)", True)
    migrate(services, "headrace")
    assert services.warehouse.ran[-1] == "ALTER TABLE public.readings ALTER COLUMN note TYPE VARCHAR(64)"


def test_a_column_that_left_the_contract_keeps_its_values() -> None:
    planned = plan(services_with(*contract().columns), "headrace")
    assert planned.kept == ("public.readings.note: no longer in the contract, its values stay, new rows have none",)
    assert not planned.refused


def test_a_table_that_was_there_before_headrace_gets_what_loads_need() -> None:
    services = services_with(there=[row for row in THERE if not row[0].startswith("_")])
    services.warehouse.answers["svv_tables"] = [["migrations"]]
    assert [item.name for item in plan(services, "headrace").changes] == [
        "0001_x.sql",
        LOADED_FROM,
        "public.readings._file_id",
        "public.readings._row_number",
        "public.readings._batch_id",
        "etl.guard_readings",
    ]


def test_a_plan_changes_nothing() -> None:
    services = services_with(*noted(redshift_type="VARCHAR(64)"))
    assert plan(services, "headrace").changes
    assert services.warehouse.ran == []


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (change(redshift_type="VARCHAR(200)"), "it is part of the primary key: Redshift lengthens no such column"),
        (noted(redshift_type="VARCHAR(64)", encode="text255"), "it is encoded as TEXT255: Redshift lengthens no such"),
        (noted(redshift_type="BIGINT"), "VARCHAR\\(8\\) in the warehouse and BIGINT in the contract"),
        (noted(name="remark"), "note of the same type is gone: if that is a new name"),
        (contract().columns[1:], "meter is gone from the contract but NOT NULL"),
        (change(required=False), "NOT NULL in the warehouse and optional in the contract"),
        ((*COLUMNS, Column("x", "x", Kind.STRING, "VARCHAR(8)", required=True)), "new and required"),
    ],
)
def test_a_change_that_the_table_cannot_follow_stops_the_deployment(columns: tuple[Column, ...], said: str) -> None:
    services = services_with(*columns)
    with pytest.raises(MigrationError, match=said):
        migrate(services, "headrace")
    assert services.warehouse.ran == []


def test_a_column_that_is_longer_than_the_contract_wants_stays() -> None:
    services = services_with(*noted(redshift_type="VARCHAR(4)"))
    (kept,) = plan(services, "headrace").kept
    assert "note: stays VARCHAR(8), no new value is longer than the contract's VARCHAR(4)" in kept
    migrate(services, "headrace")
    assert not any("note" in statement for statement in services.warehouse.ran)


LONGER = noted(redshift_type="VARCHAR(64)")


@pytest.mark.parametrize(
    ("layout", "warehouse", "said"),
    [
        ({"sort_key": ("note",)}, [], "it is a sort key: .* ALTER SORTKEY NONE"),
        ({"dist_key": "note"}, [], "it is the distribution key"),
        ({}, [["note", False, 1, "lzo", None]], "it is a sort key"),  # one that Redshift chose
        ({}, [["note", True, 0, "lzo", None]], "it is the distribution key"),
        ({}, [["note", False, 0, "bytedict", None]], "it is encoded as BYTEDICT"),
        ({}, [["note", False, 0, "lzo", "'none'::character varying"]], "it has a DEFAULT"),
    ],
)
def test_a_column_that_redshift_would_not_lengthen_stops_it_before_anything_is_changed(
    layout: dict[str, Any], warehouse: list[list[Any]], said: str
) -> None:
    services = services_with(*LONGER)
    services.contracts = contracts_of(contract(columns=LONGER, **layout))
    services.warehouse.answers["svv_redshift_columns"] = warehouse
    with pytest.raises(MigrationError, match=f"VARCHAR.64. in the contract, and {said}"):
        migrate(services, "headrace")
    assert services.warehouse.ran == []


VIEWS = (
    View("public.notes", "SELECT note, COUNT(*) AS n FROM public.readings GROUP BY note"),
    View("public.others", "SELECT COUNT(*) AS n FROM public.rereadings"),
)


def test_views_that_may_read_a_longer_column_are_dropped_first_and_made_in_the_end() -> None:
    services = services_with(*LONGER)
    services.contracts = contracts_of(contract(columns=LONGER, views=VIEWS))
    services.warehouse.answers["svv_mv_info"] = [["public   ", "notes   "], ["public", "others"]]
    texts = split_statements(services.sql.text("readings", SqlText.VIEWS))
    done = [[f"view {view.name}", sha256(text.encode()).hexdigest()] for view, text in zip(VIEWS, texts, strict=True)]
    services.warehouse.answers["etl.migrations"] = [["0001_x.sql", done_digest(services)], OWN_LAKE, *done]
    migrate(services, "headrace")
    words = [" ".join(statement.split()[:4]) for statement in services.warehouse.ran]
    assert words == [
        "DELETE FROM etl.migrations WHERE",  # a plan that ends here knows the next time that the view is gone
        "DROP MATERIALIZED VIEW IF",
        "ALTER TABLE public.readings ALTER",
        "DROP MATERIALIZED VIEW IF",
        "CREATE MATERIALIZED VIEW public.notes",
        "DELETE FROM etl.migrations WHERE",
        "INSERT INTO etl.migrations (name,",
    ]


def done_digest(services: MemoryServices) -> str:
    ((_, text),) = services.sql.migrations()
    return sha256(text.encode()).hexdigest()


def test_a_view_that_somebody_dropped_is_made_again() -> None:
    services = services_with(*COLUMNS)
    services.contracts = contracts_of(contract(columns=COLUMNS, views=VIEWS[1:]))
    (text,) = split_statements(services.sql.text("readings", SqlText.VIEWS))
    services.warehouse.answers["etl.migrations"] = [["view public.others", sha256(text.encode()).hexdigest()]]
    assert migrate(services, "headrace")[-1] == "public.others"


def staged_services(stage: list[list[Any]]) -> MemoryServices:
    services = services_with(*LONGER)
    services.contracts = contracts_of(contract(columns=LONGER, staged=True))
    services.warehouse.answers = {
        "table_name = 'staged_readings'": stage,
        "svv_columns": THERE,
        "svv_tables": [["migrations"], ["guard_readings"], ["staged_readings"]],
    }
    return services


def test_a_longer_varchar_is_lengthened_in_the_stage_table_too() -> None:
    services = staged_services(THERE)
    services.warehouse.answers = {"svv_redshift_columns": []} | services.warehouse.answers
    migrate(services, "headrace")
    altered = [statement for statement in services.warehouse.ran if statement.startswith("ALTER TABLE etl.staged_")]
    assert altered == ["ALTER TABLE etl.staged_readings ALTER COLUMN note TYPE VARCHAR(64)"]


def test_a_stage_table_that_cannot_follow_stops_it() -> None:
    services = staged_services([row if row[0] != "note" else ["note", "bigint", None, 64, 0, "YES"] for row in THERE])
    with pytest.raises(MigrationError, match=r"DROP TABLE etl\.staged_readings, deploy again"):
        migrate(services, "headrace")
    assert services.warehouse.ran == []


def test_a_table_takes_1600_columns_and_no_more() -> None:
    there = [*THERE, *([f"c{number}", "bigint", None, 64, 0, "YES"] for number in range(1600 - len(THERE)))]
    assert not plan(services_with(*COLUMNS, there=there), "headrace").refused
    (reason,) = plan(services_with(*COLUMNS, Column("x", "x", Kind.DATE, "DATE"), there=there), "headrace").refused
    assert "would have 1601 columns, Redshift allows 1600" in reason


def test_very_many_new_columns_are_added_in_few_transactions() -> None:
    new = [Column(f"m{number}", "", Kind.FLOAT, "DOUBLE PRECISION") for number in range(1500)]
    added = [item for item in plan(services_with(*COLUMNS, *new), "headrace").changes if "readings" in item.name]
    assert [len(change.statements) for change in added] == [40] * 37 + [20]
    assert (added[-1].name, added[-1].what) == ("public.readings.m1480 to m1499", "20 new columns")


def test_a_plan_that_ends_half_way_is_gone_on_with() -> None:
    services = services_with(*LONGER)
    services.contracts = contracts_of(contract(columns=LONGER, views=VIEWS[:1]))
    services.warehouse.answers["svv_mv_info"] = [["public", "notes"]]
    (text,) = split_statements(services.sql.text("readings", SqlText.VIEWS))
    known = [["0001_x.sql", done_digest(services)], OWN_LAKE, ["view public.notes", sha256(text.encode()).hexdigest()]]
    services.warehouse.answers["etl.migrations"] = known
    steps = apply(plan(services, "headrace"), services)
    assert next(steps).what == "dropped, a column that it may read becomes longer"
    services.warehouse.answers |= {"etl.migrations": known[:2], "svv_mv_info": []}  # the ALTER fails, and is done again
    assert [change.what for change in plan(services, "headrace").changes] == [
        "VARCHAR(8) becomes VARCHAR(64)",
        "new materialized view",
    ]


@pytest.mark.parametrize(("level", "refused"), [("Serializable", True), ("Snapshot Isolation", False)])
def test_a_database_where_loads_would_fail_each_other_stops_it(level: str, refused: bool) -> None:
    services = services_with()
    services.warehouse.answers["svv_redshift_databases"] = [[level]]
    reasons = plan(services, "headrace").refused
    assert [r for r in reasons if "ALTER DATABASE headrace ISOLATION LEVEL SNAPSHOT" in r] == list(reasons)
    assert bool(reasons) == refused


@pytest.mark.parametrize(("answer", "refused"), [([[1]], True), ([[0]], False)])
def test_a_database_without_case_stops_it_where_a_key_is_text(answer: list[list[Any]], refused: bool) -> None:
    services = services_with(*change(unpadded=True))
    services.warehouse.answers["'a' = 'A'"] = answer
    reasons = plan(services, "headrace").refused
    assert bool(reasons) == refused
    assert all("keys of readings such as 'a' and 'A' would be one" in reason for reason in reasons)


def test_a_contract_for_another_database_stops_it() -> None:
    services = services_with()
    services.contracts = contracts_of(contract(extra={"database": "other"}))
    with pytest.raises(MigrationError, match="the database other, the stack loads into headrace"):
        migrate(services, "headrace")


def test_an_applied_migration_is_never_edited() -> None:
    services = services_with()
    services.warehouse.answers["etl.migrations"] = [["0001_x.sql", "another digest"]]
    with pytest.raises(MigrationError, match="changed after it had been applied"):
        migrate(services, "headrace")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("double precision", "DOUBLE PRECISION"),
        ("numeric(12,2)", "DECIMAL(12, 2)"),
        ("timestamp without time zone", "TIMESTAMP"),
        ("integer", "INT"),
        ("super", "SUPER"),
    ],
)
def test_types_are_known_by_all_their_names(one: str, other: str) -> None:
    assert plain_type(one) == plain_type(other)


def test_a_contract_for_glue_is_refused_by_a_stack_without_a_job() -> None:
    services = services_with()
    services.contracts = contracts_of(contract(columns=COLUMNS, engine="glue"))
    (reason,) = plan(services, "headrace").refused
    assert reason.startswith("the contract of readings says `engine: glue`, but the stack has no Glue job")
    assert "CreateGlue=true" in reason
    services.spark = True
    assert plan(services, "headrace").refused == ()


# -- deletes -----------------------------------------------------------------------------------------------------------

OP = Column("op", "op", Kind.STRING, "VARCHAR(6)")
GONE = Column("gone_at", "gone_at", Kind.TIMESTAMP, "TIMESTAMP")
KEYS = [row for row in THERE if row[0] in {"meter", "read_at"} or row[0].startswith("_")]
OPERATED = [*THERE, ["op", "character varying", 6, None, None, "YES"]]
MARKED = [*OPERATED, ["gone_at", "timestamp without time zone", None, None, None, "YES"]]


def change_log(there: list[list[Any]], keys: list[list[Any]] | None = KEYS, **changes: Any) -> MemoryServices:
    """A change log whose target is there, and perhaps the table of its deleted keys, with three of them."""
    given: dict[str, Any] = {"columns": (*COLUMNS, OP), "operation": "op"} | changes
    services = MemoryServices(contracts=contracts_of(contract(**given)))
    tables = ["migrations", "guard_readings", *(["deleted_readings"] if keys else [])]
    services.warehouse.answers = {
        "svv_redshift_columns": [],
        "table_name = 'readings'": there,
        "table_name = 'deleted_readings'": keys or [],
        "svv_tables": [[name] for name in tables],
        "COUNT(*) FROM etl.deleted_readings": [[3]],
        "COUNT(*) FROM public.readings WHERE gone_at IS NOT NULL": [[2]],
    }
    return services


def keys_with(name: str, kind: str, length: int | None = None) -> list[list[Any]]:
    return [[name, kind, length, None, None, "NO"] if row[0] == name else row for row in KEYS]


def kept() -> MemoryServices:
    """A dataset that keeps its history, whose table is there."""
    return change_log(THERE, None, columns=COLUMNS, operation=None, history=True)


NOTED = ["history of readings", sha256(b"('meter',) ('read_at',)").hexdigest()]


def test_a_history_begins_with_the_rows_that_are_there() -> None:
    planned = plan(kept(), "headrace")
    (new,) = [change for change in planned.changes if change.name == "public.readings_history"]
    assert new.what == "new history, begins with the rows that are there"
    assert new.statements[0] == "LOCK TABLE etl.guard_readings"
    assert any(text.startswith("INSERT INTO etl.versions_readings") for text in new.statements)
    assert "history of readings" in new.statements[-1]


def test_a_history_follows_its_contract() -> None:
    services = kept()
    services.warehouse.answers["svv_tables"] += [["versions_readings"]]
    before = [row for row in THERE if row[0] != "value"]
    time = ["timestamp without time zone", None, None, None]
    services.warehouse.answers |= {
        "FROM etl.migrations": [NOTED],
        "table_name = 'versions_readings'": [[*row[:5], "YES"] for row in before],
        "table_name = 'readings_history'": [
            *before,
            ["valid_from", *time, "NO"],
            ["valid_to", *time, "YES"],
            ["is_current", "boolean", None, None, None, "NO"],
        ],
    }
    planned = plan(services, "headrace")
    assert not planned.refused
    added = [change.statements[0] for change in planned.changes if "ADD COLUMN value" in change.statements[0]]
    assert [text.split()[2] for text in added] == ["etl.versions_readings", "public.readings_history"]


def test_a_history_keeps_the_columns_of_its_states() -> None:
    services = kept()
    services.warehouse.answers["svv_tables"] += [["versions_readings"]]
    gone = [*THERE, ["depot", "character varying", 16, None, None, "YES"]]
    time = ["timestamp without time zone", None, None, None]
    validity = [["valid_from", *time, "NO"], ["valid_to", *time, "YES"], ["is_current", "boolean", *time[1:], "NO"]]
    services.warehouse.answers |= {
        "FROM etl.migrations": [NOTED],
        "table_name = 'versions_readings'": [[*row[:5], "YES"] for row in gone],
        "table_name = 'readings_history'": [*gone, *validity],
    }
    refused = plan(services, "headrace").refused
    assert [reason.partition(" is gone")[0] for reason in refused] == [
        "etl.versions_readings.depot",
        "public.readings_history.depot",
    ]
    assert "ALTER TABLE public.readings_history DROP COLUMN depot" in refused[1]


def test_a_history_with_a_gap_is_refused() -> None:
    services = kept()
    services.warehouse.answers["svv_tables"] += [["versions_readings"]]
    with pytest.raises(MigrationError, match=r"etl\.versions_readings lacks what was loaded while .* DROP TABLE etl"):
        migrate(services, "headrace")
    services.warehouse.answers["FROM etl.migrations"] = [["history of readings", "another"]]
    with pytest.raises(MigrationError, match=r"readings_history is by another key or other orderingColumns: keep them"):
        migrate(services, "headrace")


def test_a_history_that_is_no_longer_kept_is_noted() -> None:
    services = change_log(THERE, None, columns=COLUMNS, operation=None)
    services.warehouse.answers["FROM etl.migrations"] = [NOTED]
    (left,) = [change for change in plan(services, "headrace").changes if change.name == "history of readings"]
    assert left.what == "no longer kept, public.readings_history stays as it is"


def test_truncates_are_remembered_from_now_on_and_not_forgotten() -> None:
    planned = plan(change_log(OPERATED, truncates=("t",)), "headrace")
    (new,) = [change for change in planned.changes if change.name == "etl.truncates_readings"]
    assert (new.what, planned.refused) == ("new, remembers what was deleted", ())
    services = change_log(OPERATED)
    services.warehouse.answers["svv_tables"] += [["truncates_readings"]]
    services.warehouse.answers["COUNT(*) FROM etl.truncates_readings"] = [[1]]
    with pytest.raises(MigrationError, match="truncates_readings remembers 1 deletes, which loads by this"):
        migrate(services, "headrace")


def test_the_table_of_deleted_keys_that_is_there_stays() -> None:
    planned = plan(change_log(OPERATED), "headrace")
    assert ([change.name for change in planned.changes], planned.refused) == (["0001_x.sql", LOADED_FROM], ())


def test_the_table_of_deleted_keys_becomes_longer() -> None:
    planned = plan(change_log(OPERATED, keys_with("meter", "character varying", 8)), "headrace")
    assert not planned.refused
    assert planned.changes[-1].statements == ("ALTER TABLE etl.deleted_readings ALTER COLUMN meter TYPE VARCHAR(16)",)


@pytest.mark.parametrize("there", [OPERATED, []], ids=["target", "no target"])
@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (KEYS[1:], "remembers deletes by another key or other orderingColumns: keep them, or DROP TABLE"),
        (keys_with("meter", "bigint"), "etl.deleted_readings.meter is BIGINT and VARCHAR\\(16\\) in the contract"),
        (keys_with("read_at", "date"), "etl.deleted_readings.read_at is DATE and TIMESTAMP in the contract"),
    ],
)
def test_another_table_of_deleted_keys_is_refused(there: list[list[Any]], keys: list[list[Any]], said: str) -> None:
    with pytest.raises(MigrationError, match=said):
        migrate(change_log(there, keys), "headrace")


@pytest.mark.parametrize("changes", [{"deleted_at": "gone_at"}, {"operation": None}], ids=["marking", "no deletes"])
def test_deletes_are_not_forgotten(changes: dict[str, Any]) -> None:
    services = change_log(MARKED, columns=(*COLUMNS, OP, GONE), **changes)
    with pytest.raises(
        MigrationError, match=r"etl\.deleted_readings remembers 3 deletes, which loads by this contract"
    ):
        migrate(services, "headrace")
    services.warehouse.answers["COUNT(*) FROM etl.deleted_readings"] = [[0]]
    assert not plan(services, "headrace").refused


def test_marked_rows_do_not_come_back_as_living_ones() -> None:
    marking = change_log(MARKED, None, columns=(*COLUMNS, OP, GONE), deleted_at="gone_at")
    noted = plan(marking, "headrace").changes[-1]
    assert (noted.name, noted.what) == ("marked rows of readings", "noted, gone_at has them")
    services = change_log(MARKED)
    services.warehouse.answers |= {
        "FROM etl.migrations": [["marked rows of readings", sha256(b"gone_at").hexdigest()]],
        "table_name = 'deleted_readings'": KEYS,
    }
    with pytest.raises(MigrationError, match=r"2 rows of public\.readings are marked as deleted in gone_at, no longer"):
        migrate(services, "headrace")
    services.warehouse.answers["COUNT(*) FROM public.readings WHERE gone_at IS NOT NULL"] = [[0]]
    assert not plan(services, "headrace").refused
