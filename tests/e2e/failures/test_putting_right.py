"""What an operator does when something went wrong: before, command, after."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.conftest import Laptop

LONG = "a-long-name-"
WIDTH = "VARCHAR(16)"


def content(*meters: str, value: int = 1) -> bytes:
    return ("meter,read_at,value\n" + "".join(f"{m},2026-01-01T00:00:00Z,{value}\n" for m in meters)).encode()


def make_table(laptop: Laptop, width: str) -> None:
    """The dataset's table as somebody made it by hand, empty."""
    laptop.headrace("sql", "--write", "DROP TABLE public.gauges")
    columns = f"meter {width} NOT NULL, read_at TIMESTAMP NOT NULL, value BIGINT, _unknown SUPER"
    lineage = "_file_id VARCHAR(32) NOT NULL, _row_number BIGINT NOT NULL, _batch_id VARCHAR(160) NOT NULL"
    create = f"CREATE TABLE public.gauges ({columns}, {lineage})"  # without a key: a key's column cannot be lengthened
    laptop.headrace("sql", "--write", create)


@pytest.fixture(scope="module")
def narrow(laptop: Laptop) -> Laptop:
    """The warehouse takes short names only, which the contract does not know."""
    make_table(laptop, "VARCHAR(6)")
    return laptop


def meters(laptop: Laptop, prefix: str) -> list[str]:
    rows = laptop.rows(f"SELECT meter FROM public.gauges WHERE meter LIKE '{prefix}%' ORDER BY 1")
    return [str(meter) for (meter,) in rows]


def test_one_file_that_the_warehouse_refuses_costs_no_neighbour_and_is_retried(narrow: Laptop) -> None:
    laptop = narrow
    for number in range(5):
        laptop.put(f"gauges/{number}.csv", content(f"{LONG if number == 3 else 'g'}{number}"))
    laptop.settle()
    assert meters(laptop, "g") == ["g0", "g1", "g2", "g4"]
    culprit = laptop.trace("gauges/3.csv")
    assert (culprit["status"], culprit["rows"]["loaded"]) == ("failed", 0)
    assert "too long" in culprit["reason"]

    laptop.headrace("sql", "--write", f"ALTER TABLE public.gauges ALTER COLUMN meter TYPE {WIDTH}")
    assert laptop.headrace("retry", "gauges/3.csv", "--dry-run")["sent"] == 1
    assert laptop.trace("gauges/3.csv")["status"] == "failed"
    assert laptop.headrace("retry", culprit["batch"] or "gauges/3.csv")["sent"] == 1
    laptop.settle()
    assert laptop.trace("gauges/3.csv")["status"] == "loaded"
    assert meters(laptop, LONG) == [f"{LONG}3"]
    assert laptop.headrace("retry", "gauges/3.csv", check=False)["sent"] == 0


def test_a_loaded_file_is_loaded_again_in_place_of_its_rows(narrow: Laptop) -> None:
    laptop = narrow
    laptop.put("gauges/again.csv", content("ra1", "ra2"))
    laptop.settle()
    laptop.headrace("sql", "--write", "DELETE FROM public.gauges WHERE meter = 'ra1'")
    laptop.headrace("sql", "--write", "UPDATE public.gauges SET value = 99 WHERE meter = 'ra2'")
    table = "SELECT meter, value FROM public.gauges WHERE meter LIKE 'ra%' ORDER BY 1"
    assert laptop.headrace("reload", "gauges/again.csv", "--dry-run")["sent"] == 1
    assert laptop.rows(table) == [["ra2", 99]]
    assert laptop.headrace("reload", "gauges/again.csv", "--force")["sent"] == 1
    laptop.settle()
    assert laptop.rows(table) == [["ra1", 1], ["ra2", 1]]
    rows = {"read": 2, "loaded": 2, "superseded": 0, "quarantined": 0, "duplicate": 0}
    assert laptop.trace("gauges/again.csv")["rows"] == rows
    laptop.put("gauges/newer.csv", content("ra1", value=3))
    laptop.settle()
    assert laptop.trace("gauges/again.csv")["rows"] == rows | {"loaded": 1, "superseded": 1}


def rule_of_landing(laptop: Laptop) -> str:
    rules = laptop.client("events").list_rules()["Rules"]
    return next(str(rule["Name"]) for rule in rules if "Object Created" in rule.get("EventPattern", ""))


def test_objects_whose_events_were_lost_are_backfilled_beside_live_files(laptop: Laptop) -> None:
    events, rule = laptop.client("events"), rule_of_landing(laptop)
    events.disable_rule(Name=rule)
    for number in range(12):
        laptop.put(f"gauges/lost/{number:02}.csv", content(f"lost{number:02}"))
    laptop.put("gauges/lost/00.csv", content("lost00", value=7))  # a correction of it was lost as well
    events.enable_rule(Name=rule)
    assert len(laptop.headrace("backfill", "gauges", "gauges/lost/", "--dry-run")["taken"]) == 13
    found = laptop.headrace("backfill", "gauges", "gauges/lost/")
    assert (len(found["taken"]), found["known"]) == (13, 0)
    laptop.put("gauges/lost/live.csv", content("lostlive"))
    laptop.settle()
    assert len(meters(laptop, "lost")) == 13
    assert laptop.rows("SELECT value FROM public.gauges WHERE meter = 'lost00'") == [[7]]
    assert laptop.trace("gauges/lost/05.csv")["batch"].startswith("gauges-backfill-")
    assert not laptop.trace("gauges/lost/live.csv")["batch"].startswith("gauges-backfill-")
    assert laptop.headrace("backfill", "gauges", "gauges/lost/")["known"] == 14


def test_dead_letters_are_sent_again_unless_they_are_known(laptop: Laptop) -> None:
    events, queues, rule = laptop.client("events"), laptop.client("sqs"), rule_of_landing(laptop)
    events.disable_rule(Name=rule)
    version = laptop.put("gauges/dead.csv", content("dead1"))
    events.enable_rule(Name=rule)
    item = {"key": "gauges/dead.csv", "version-id": version, "size": 50, "etag": "e", "sequencer": "0A"}
    event = {"time": "2026-01-01T00:00:00Z", "detail": {"bucket": {"name": laptop.output("LandingBucket")}}}
    event["detail"]["object"] = item  # type: ignore[index]
    dead = laptop.output("IntakeDeadLetterQueueUrl")
    for body in (json.dumps(event), "poison"):
        queues.send_message(QueueUrl=dead, MessageBody=body)
    would = laptop.headrace("redrive", "--dry-run")
    assert (would["sent"], would["known"], would["unreadable"]) == (1, 0, 1)
    assert laptop.headrace("redrive", "--rate", "50")["sent"] == 1
    laptop.settle()
    assert meters(laptop, "dead") == ["dead1"]
    queues.send_message(QueueUrl=dead, MessageBody=json.dumps(event))
    again = laptop.headrace("redrive")
    assert (again["sent"], again["known"], again["unreadable"]) == (0, 1, 1)
    queues.purge_queue(QueueUrl=dead)


def test_a_difference_between_ledger_and_table_is_found_and_mended(laptop: Laptop) -> None:
    laptop.put("gauges/differs.csv", content("di1", "di2"))
    laptop.settle()
    assert laptop.headrace("reconcile", "gauges", "--grace", "0")["differences"] == []
    laptop.headrace("sql", "--write", "DELETE FROM public.gauges WHERE meter = 'di1'")
    done = laptop.run("reconcile", "gauges", "--json")
    (difference,) = json.loads(done.stdout)["differences"]
    assert (done.returncode, difference["kind"]) == (1, "rows")
    assert "gauges/differs.csv has 1 rows in the table, 2 by the ledger" in difference["what"]
    laptop.headrace("reload", "gauges/differs.csv", "--force")
    laptop.settle()
    assert laptop.headrace("reconcile", "gauges")["differences"] == []


def deploy_with(laptop: Laptop, minimum: str) -> None:
    contract = laptop.checkout / "contracts" / "gauges.odcs.yaml"
    contract.write_text(re.sub(r"minimum: -?\d+", f"minimum: {minimum}", contract.read_text()))
    laptop.headrace("deploy")


def test_quarantined_rows_go_in_once_the_contract_lets_them(laptop: Laptop) -> None:
    rows = "rp1,2026-01-01T00:00:00Z,1\nrp2,2026-01-01T00:00:00Z,-2\nrp3,2026-01-01T00:00:00Z,-50\n"
    laptop.put("gauges/cold.csv", f"meter,read_at,value\n{rows}".encode())
    laptop.settle()
    assert laptop.headrace("replay", "gauges")["good"] == 0
    deploy_with(laptop, "-9")
    would = laptop.headrace("replay", "gauges", "--rule", "minimum", "--dry-run")
    assert (would["rows"], would["good"]) == (2, 1)
    assert laptop.headrace("replay", "gauges", "--rule", "pattern", "--dry-run")["rows"] == 0
    assert laptop.headrace("replay", "gauges", "--since", "2999-01-01", "--dry-run")["rows"] == 0
    assert meters(laptop, "rp") == ["rp1"]
    assert laptop.headrace("replay", "gauges", "--rule", "minimum", "--since", "2026-01-01")["good"] == 1
    laptop.settle()
    assert meters(laptop, "rp") == ["rp1", "rp2"]
    assert [row["row_number"] for row in laptop.headrace("quarantine", "gauges")["rows"]] == [3]
    trace = laptop.trace("gauges/cold.csv")
    assert trace["rows"] == {"read": 3, "loaded": 1, "superseded": 1, "quarantined": 1, "duplicate": 0}
    assert "Replayed" in [step["step"] for step in trace["steps"]]
    assert laptop.headrace("replay", "gauges")["good"] == 0
    assert laptop.headrace("reconcile", "gauges")["differences"] == []
    deploy_with(laptop, "0")
