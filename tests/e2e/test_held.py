"""The third tier as a person meets it: a batch is held with its figures, and released or rejected."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.conftest import Laptop
from tests.e2e.test_functions import invoke

USUAL_ROWS = 40


def content(rows: int, value: str = "5.00") -> bytes:
    return ("meter,value\n" + "".join(f"m{number},{value}\n" for number in range(rows))).encode()


@pytest.fixture(scope="module")
def watched(laptop: Laptop) -> Laptop:
    """Four weeks of days on which the dataset brought about forty rows."""
    values = ", ".join(
        f"('meters', 'batch', 'past', DATEADD(DAY, -{back}, CAST(GETDATE() AS DATE)), '', 'rowCount', '',"
        f" {USUAL_ROWS + back % 3}, {USUAL_ROWS}, 0, GETDATE())"
        for back in range(1, 29)
    )
    laptop.headrace("sql", "--write", "INSERT INTO etl.loads VALUES ('past', 'history', 'loaded', GETDATE())")
    laptop.headrace("sql", "--write", f"INSERT INTO etl.quality_figures VALUES {values}")
    return laptop


def count(laptop: Laptop) -> int:
    return int(laptop.rows("SELECT COUNT(*) FROM public.meters")[0][0])


def messages_of(laptop: Laptop, batch: str, *, incidents: bool = False) -> list[str]:
    """What was sent about a batch: to its channel, or the incidents."""
    sent = [message for message in laptop.messages() if batch in message]
    return [message for message in sent if (json.loads(message)["channel"] == "PagerDuty") == incidents]


def held_batch(laptop: Laptop, key: str, body: bytes) -> Any:
    """Land a file that is held; the line of `headrace held`."""
    laptop.put(key, body)
    laptop.settle()
    trace = laptop.trace(key)
    assert trace["status"] == "held", trace["reason"]
    (found,) = laptop.headrace("held")["held"]
    return found


def test_a_held_batch_is_released(watched: Laptop) -> None:
    laptop = watched
    before = count(laptop)
    held = held_batch(laptop, "meters/half.csv", content(USUAL_ROWS // 2))
    assert held["reason"].startswith("rowCount is 20; usual for the day is 41 (at least ")
    assert count(laptop) == before
    (message,) = messages_of(laptop, held["batch"])
    assert f"headrace release {held['batch']}" in message
    assert "rowCount is 20" in message
    (incident,) = messages_of(laptop, held["batch"], incidents=True)
    assert "*trigger*" in incident
    (dataset,) = laptop.headrace("status", "meters")["datasets"]
    assert dataset["files"]["held"] == 1

    laptop.put("meters/later.csv", content(USUAL_ROWS, "6.00"))  # a later batch is not blocked
    laptop.settle()
    assert count(laptop) == before + USUAL_ROWS

    assert not laptop.headrace("release", held["batch"], "--dry-run")["done"]
    assert laptop.headrace("release", held["batch"])["done"]
    laptop.settle()
    trace = laptop.trace("meters/half.csv")
    assert (trace["status"], trace["rows"]["loaded"]) == ("loaded", 20)
    assert [step["step"] for step in trace["steps"] if step["source"] == "file"].count("Transformed") == 2
    assert {"Held", "Released"} <= {step["step"] for step in trace["steps"]}
    assert count(laptop) == before + USUAL_ROWS + 20
    assert laptop.headrace("held")["held"] == []
    refused = laptop.run("release", held["batch"])
    assert (refused.returncode, "it is released, not held" in refused.stderr) == (1, True)


def test_a_held_batch_is_rejected(watched: Laptop) -> None:
    laptop = watched
    before = count(laptop)
    held = held_batch(laptop, "meters/empty.csv", content(USUAL_ROWS, ""))
    assert held["reason"] == "value: nullShare is 100 %; the contract wants at most 50 %"
    assert laptop.headrace("reject", held["batch"], "--reason", "a broken meter")["done"]
    laptop.settle()
    trace = laptop.trace("meters/empty.csv")
    assert trace["status"] == "failed"
    assert "was held and rejected (a broken meter): value: nullShare is 100 %" in trace["reason"]
    assert count(laptop) == before
    decisions = laptop.rows(f"SELECT decision FROM etl.holds WHERE batch_id = '{held['batch']}' ORDER BY decided_at")
    assert decisions == [["held"], ["rejected"]]
    assert laptop.headrace("retry", "meters/empty.csv")["sent"] == 1  # it is judged again
    laptop.settle()
    assert laptop.trace("meters/empty.csv")["status"] == "held"
    laptop.headrace("reject", laptop.headrace("held")["held"][0]["batch"])
    assert laptop.headrace("reconcile", "meters")["differences"] == []


def test_the_night_finds_rows_that_were_loaded_twice_by_hand(watched: Laptop) -> None:
    laptop = watched
    laptop.put("meters/twice.csv", content(USUAL_ROWS, "7.00"))
    laptop.settle()
    batch = laptop.trace("meters/twice.csv")["batch"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    night = {"time": tomorrow.isoformat()}
    assert "meters" not in invoke(laptop, "judge_day", night)["surprising"]
    laptop.headrace(
        "sql", "--write", f"INSERT INTO public.meters SELECT * FROM public.meters WHERE _batch_id = '{batch}'"
    )
    assert invoke(laptop, "judge_day", night)["surprising"]["meters"] == [
        "duplicateKeys is 40; the contract wants at most 0"
    ]
    laptop.headrace("reload", "meters/twice.csv", "--force")
    laptop.settle()
    assert "unusual" in json.dumps(laptop.messages()[-20:])
