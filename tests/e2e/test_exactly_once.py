"""Twice, renamed, corrected, changed back, twenty at once: the warehouse has each row once."""

from __future__ import annotations

import json

from tests.e2e.conftest import Laptop

HEAD = "meter,read_at,value\n"


def content(*rows: tuple[str, str, int]) -> bytes:
    return (HEAD + "".join(f"{meter},{at},{value}\n" for meter, at, value in rows)).encode()


def values(laptop: Laptop, prefix: str) -> dict[str, int]:
    rows = laptop.rows(f"SELECT meter, value FROM public.readings WHERE meter LIKE '{prefix}%'")
    return {str(meter): int(value) for meter, value in rows}


def test_the_same_file_twice_and_a_copy_under_another_name(laptop: Laptop) -> None:
    data = content(("again1", "2026-01-01T00:00:00Z", 1), ("again2", "2026-01-01T00:00:00Z", 2))
    laptop.put("readings/twice.csv", data)
    laptop.settle()
    laptop.put("readings/twice.csv", data)
    laptop.put("readings/renamed.csv", data)
    laptop.settle()
    again = laptop.trace("readings/twice.csv")
    assert again["status"] == "duplicate"
    assert again["rows"] == {"read": 2, "loaded": 0, "superseded": 0, "quarantined": 0, "duplicate": 2}
    assert [version["status"] for version in again["versions"]] == ["loaded"]
    renamed = laptop.trace("readings/renamed.csv")
    assert renamed["status"] == "duplicate"
    assert "readings/twice.csv" in renamed["reason"]
    laptop.put("readings/twice.csv", data)
    laptop.put("readings/twice.csv", data)
    laptop.settle()
    thrice = laptop.trace("readings/twice.csv")
    assert sorted([thrice["status"], *(version["status"] for version in thrice["versions"])]) == [
        "duplicate",
        "duplicate",
        "duplicate",
        "loaded",
    ]
    assert values(laptop, "again") == {"again1": 1, "again2": 2}


def test_corrected_content_under_the_old_name_replaces_its_rows(laptop: Laptop) -> None:
    wrong = content(("co1", "2026-01-02T00:00:00Z", 1), ("co2", "2026-01-02T00:00:00Z", 2))
    right = content(("co1", "2026-01-01T00:00:00Z", 10))
    laptop.put("readings/corrected.csv", wrong)
    laptop.settle()
    laptop.put("readings/corrected.csv", right)
    laptop.settle()
    trace = laptop.trace("readings/corrected.csv")
    assert (trace["status"], trace["rows"]["loaded"]) == ("loaded", 1)
    assert values(laptop, "co") == {"co1": 10}
    (old,) = trace["versions"]
    assert old["rows"] == {"read": 2, "loaded": 0, "superseded": 2, "quarantined": 0, "duplicate": 0}
    laptop.put("readings/corrected.csv", wrong)  # and changed back
    laptop.settle()
    assert laptop.trace("readings/corrected.csv")["status"] == "loaded"
    assert values(laptop, "co") == {"co1": 1, "co2": 2}


def test_versions_of_one_key_in_one_batch_leave_the_newest(laptop: Laptop) -> None:
    for value in range(5):
        laptop.put("readings/hasty.csv", content((f"ha{value}", "2026-01-01T00:00:00Z", value)))
    laptop.settle()
    assert values(laptop, "ha") == {"ha4": 4}
    trace = laptop.trace("readings/hasty.csv")
    assert {trace["status"], *(version["status"] for version in trace["versions"])} == {"loaded"}


def test_an_older_row_loses_to_a_newer_one_whatever_the_order(laptop: Laptop) -> None:
    laptop.put("readings/new.csv", content(("or1", "2026-02-01T00:00:00Z", 2)))
    laptop.settle()
    laptop.put("readings/old.csv", content(("or1", "2026-01-01T00:00:00Z", 1)))
    laptop.settle()
    assert values(laptop, "or") == {"or1": 2}
    assert laptop.trace("readings/old.csv")["rows"]["superseded"] == 1
    laptop.put("readings/newest.csv", content(("or1", "2026-03-01T00:00:00Z", 3)))
    laptop.settle()
    assert values(laptop, "or") == {"or1": 3}
    assert laptop.trace("readings/new.csv")["rows"] == {
        "read": 1,
        "loaded": 0,
        "superseded": 1,
        "quarantined": 0,
        "duplicate": 0,
    }


def test_twenty_files_at_once_share_few_loads(laptop: Laptop) -> None:
    for number in range(20):
        laptop.put(
            f"readings/many/{number:02}.csv",
            content(*((f"mn{number:02}{i}", "2026-01-01T00:00:00Z", i) for i in range(9))),
        )
    laptop.settle()
    assert len(values(laptop, "mn")) == 180
    batches = {laptop.trace(f"readings/many/{number:02}.csv")["batch"] for number in range(20)}
    assert len(batches) <= 5


def test_an_event_delivered_again_changes_nothing(laptop: Laptop) -> None:
    version = laptop.put("readings/again.csv", content(("ag1", "2026-01-01T00:00:00Z", 1)))
    laptop.settle()
    before = laptop.trace("readings/again.csv")
    detail = {
        "bucket": {"name": laptop.output("LandingBucket")},
        "object": {"key": "readings/again.csv", "version-id": version, "size": 1, "etag": "", "sequencer": "0"},
    }
    event = {"detail-type": "Object Created", "source": "aws.s3", "time": "2026-01-01T00:00:00Z", "detail": detail}
    for _ in range(3):
        laptop.client("sqs").send_message(QueueUrl=laptop.output("IntakeQueueUrl"), MessageBody=json.dumps(event))
    laptop.settle()
    after = laptop.trace("readings/again.csv")
    assert (after["batch"], after["rows"], after["versions"]) == (before["batch"], before["rows"], [])
    assert [step["step"] for step in after["steps"]].count("Delivered again") == 3


def test_a_copy_of_what_is_corrected_stays_a_duplicate_until_a_person_says_otherwise(laptop: Laptop) -> None:
    data = content(("cp1", "2026-01-01T00:00:00Z", 1), ("cp2", "2026-01-01T00:00:00Z", 2))
    laptop.put("readings/original.csv", data)
    laptop.settle()
    laptop.put("readings/copy.csv", data)
    laptop.settle()
    laptop.put("readings/original.csv", content(("cp2", "2026-01-02T00:00:00Z", 20)))
    laptop.settle()
    assert values(laptop, "cp") == {"cp2": 20}
    copy = laptop.trace("readings/copy.csv")
    assert (copy["status"], copy["steps"][-1]["step"]) == ("duplicate", "Original replaced")
    assert [said for said in laptop.messages() if "`headrace reload readings/copy.csv --force`" in said]
    laptop.headrace("reload", "readings/copy.csv", "--force")
    laptop.settle()
    assert laptop.trace("readings/copy.csv")["status"] == "loaded"
    assert values(laptop, "cp") == {"cp1": 1, "cp2": 20}
