"""A person asks to be forgotten: every row of theirs goes, wherever it is kept, and nobody else's."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.conftest import Laptop

PERSON = "w-9917"
OTHER = "w-9918"
OURS = f"worker_id IN ('{PERSON}', '{OTHER}')"
HEADER = "task_id,event_type,event_timestamp,worker_id,duration_ms,score,payload"


def test_a_person_is_forgotten(laptop: Laptop) -> None:
    laptop.put("task_events/erase-1.csv", events("e1", PERSON, OTHER))
    laptop.put("task_events/erase-2.csv", events("e2", OTHER, bad=PERSON))
    laptop.settle()
    assert found_in(laptop, PERSON)
    report = laptop.headrace("erase", "task_events", f"worker_id={PERSON}", "--force")
    assert (report["lake_rows"], report["bad_rows"], report["table_rows"], len(report["landed"])) == (1, 1, 1, 2)
    assert found_in(laptop, PERSON) == []
    rows = laptop.rows(f"SELECT worker_id, COUNT(*) FROM public.task_events WHERE {OURS} GROUP BY 1")
    assert rows == [[OTHER, 2]]
    assert not laptop.headrace("erase", "task_events", f"worker_id={PERSON}", "--dry-run")["found"]
    differences = [item for item in laptop.headrace("reconcile", "task_events")["differences"]
                   if "erase-" in json.dumps(item)]  # fmt: skip
    assert {item["kind"] for item in differences} <= {"object"}, differences


def events(prefix: str, *workers: str, bad: str = "") -> bytes:
    lines = [
        f"{prefix}-{n},started,2026-03-02T06:07:0{n}.000Z,{worker},10,0.5,{{}}" for n, worker in enumerate(workers)
    ]
    lines += [f"{prefix}-bad,EXPLODED,2026-03-02T06:07:09.000Z,{bad},10,0.5,{{}}"] if bad else []
    return "\n".join([HEADER, *lines, ""]).encode()


def found_in(laptop: Laptop, text: str) -> list[str]:
    """Everything kept in which a text stands."""
    return [place for place, kept in everything(laptop) if text in kept]


def everything(laptop: Laptop) -> list[tuple[str, str]]:
    s3, dynamodb = laptop.client("s3"), laptop.client("dynamodb")
    kept: list[tuple[str, str]] = []
    for bucket in (laptop.output("LandingBucket"), laptop.output("LakeBucket")):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for item in page.get("Versions", []):
                body = body_of(s3, bucket, item) if "task_events" in item["Key"] else None
                if body is not None:
                    kept.append((f"{bucket}/{item['Key']}", readable(item["Key"], body)))
    for page in dynamodb.get_paginator("scan").paginate(TableName=laptop.output("LedgerTable")):
        kept += [(f"ledger {item['pk']['S']}", json.dumps(item)) for item in page["Items"]]
    kept += [("table", json.dumps(row)) for row in laptop.rows("SELECT * FROM public.task_events WHERE " + OURS)]
    return kept


def body_of(s3: Any, bucket: str, item: Any) -> bytes | None:
    """None for an object that went since it was listed, as the lake's notes do while its tables catch up."""
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])["Body"].read()
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in {"NoSuchKey", "NoSuchVersion"}:
            raise
        return None
    return body


def readable(key: str, body: bytes) -> str:
    """Parquet as its rows: compressed bytes show nothing."""
    if not key.endswith(".parquet"):
        return body.decode("latin-1")
    import io

    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
    return str(rows)
