"""SUPER: JSON_PARSE, navigation, comparison, casts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.redshift.client import Client

DOCUMENT = """{"region": "eu", "attempt": 2, "ok": true, "gone": null, "items": [{"sku": "x1"}, {"sku": "x2"}]}"""


@pytest.fixture
def events(client: Client) -> Client:
    client.run(
        "CREATE TABLE events (id INT, payload SUPER, plain VARCHAR(99))",
        f"INSERT INTO events SELECT 1, JSON_PARSE('{DOCUMENT}'), '{DOCUMENT}'",
        'INSERT INTO events VALUES (2, JSON_PARSE(\'{"region": "us", "attempt": "7"}\'), \'\'), (3, NULL, \'\')',
    )
    return client


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("payload.region", '"eu"'),
        ("payload.attempt", "2"),
        ("payload.items[1].sku", '"x2"'),
        ("e.payload.items[0]", '{"sku":"x1"}'),
        ("payload['region']", '"eu"'),
        ("payload.absent.deeper", None),
        ("payload.region::VARCHAR", "eu"),
        ("payload.region::VARCHAR(1)", "e"),
        ("payload.attempt::INT + 1", 3),
        ("payload.ok::BOOLEAN", True),
        ("payload.gone::VARCHAR", None),
        ("JSON_SERIALIZE(payload.items)", '[{"sku":"x1"},{"sku":"x2"}]'),
        ("GET_ARRAY_LENGTH(payload.items)", 2),
        ("payload.region = 'eu'", True),
        ("payload.region IN ('us', 'eu')", True),
        ("payload.attempt > 1.5", True),
        ("payload.attempt BETWEEN 1 AND 2", True),
        ("payload.region LIKE 'e%'", True),
        ("payload.attempt = '2'", None),
        ("payload.ok = TRUE", True),
    ],
)
def test_navigation(events: Client, expression: str, value: Any) -> None:
    assert events.value(f"{expression} FROM events AS e WHERE id = 1") == value


def test_a_number_in_quotes_is_no_number(events: Client) -> None:
    assert events.rows("SELECT id FROM events WHERE payload.attempt > 1") == [[1]]


def test_grouping_by_an_attribute(events: Client) -> None:
    result = events.result("SELECT payload.region, COUNT(*) FROM events GROUP BY 1 ORDER BY 1")

    assert [column["typeName"] for column in result["ColumnMetadata"]] == ["super", "int8"]
    assert [column["label"] for column in result["ColumnMetadata"]] == ["region", "count"]
    assert events.rows("SELECT payload.region, COUNT(*) FROM events GROUP BY 1 ORDER BY 1") == [
        ['"eu"', 1],
        ['"us"', 1],
        [None, 1],
    ]


def test_a_parameter_is_cast_before_it_is_compared(events: Client) -> None:
    least = [{"name": "least", "value": "2"}]

    assert "cast it first" in events.error("SELECT id FROM events WHERE payload.attempt >= :least", Parameters=least)
    assert events.rows("SELECT id FROM events WHERE payload.attempt::INT >= :least ORDER BY 1", Parameters=least) == [
        [1],
        [2],
    ]


def test_names_of_tables_come_before_names_of_columns(client: Client) -> None:
    client.run("CREATE TABLE region (payload SUPER, region INT)", "INSERT INTO region VALUES (NULL, 5)")

    assert client.value("region.region FROM region") == 5


def test_a_string_put_into_super_stays_a_string(events: Client) -> None:
    events.run("INSERT INTO events (id, payload) VALUES (4, '{\"a\": 1}')")

    assert events.value("payload FROM events WHERE id = 4") == r'"{\"a\": 1}"'
    assert events.value("payload.a FROM events WHERE id = 4") is None


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT plain.region FROM events", "navigation is only allowed on a value of type SUPER"),
        ("SELECT id FROM events WHERE payload.id = id", "comparing a SUPER value with an expression"),
        ("SELECT JSON_PARSE('{')", "Invalid JSON format"),
        ("SELECT nothing.region FROM events", 'column "nothing" does not exist'),
        ("INSERT INTO events (plain) SELECT payload.region FROM events", "but expression is of type super"),
        ("UPDATE events SET id = plain", "is of type integer but expression is of type character varying"),
    ],
)
def test_refusals(events: Client, sql: str, words: str) -> None:
    assert words in events.error(sql)


def test_an_escaped_nul_stays_as_it_was_written(client: Client) -> None:
    """As a user of the real one found: https://github.com/estuary/connectors/pull/839."""
    value = client.value(r"""JSON_SERIALIZE(JSON_PARSE('{"a":"x\\u0000y"}'))""")  # a literal's backslash is doubled
    assert value == r'{"a":"x\u0000y"}'
