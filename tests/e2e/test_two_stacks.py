"""Two stacks in one account and region: each loads its own files into its own warehouse, one with a role by its ARN."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.e2e.conftest import Laptop

SECOND = "second"
ROLE = "arn:aws:iam::123456789012:role/team/lake-reader"
KEY = "happenings/side-by-side.jsonl"


def events(*types: str) -> bytes:
    lines = ({"event_type": name, "happened_at": "2026-01-01T00:00:00Z", "payload": None} for name in types)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_two_stacks_load_side_by_side(laptop: Laptop) -> None:
    by_arn = replace(laptop, parameters=f"{laptop.parameters} CopyRole={ROLE}")
    deployed = by_arn.headrace("--stack", SECOND, "deploy")
    assert deployed["stack"] == SECOND
    landing = {"": laptop.output("LandingBucket"), SECOND: deployed["outputs"]["LandingBucket"]}
    assert len(set(landing.values())) == 2

    for number, bucket in enumerate(landing.values(), 1):
        body = events(*["side"] * number)
        laptop.client("s3").put_object(Bucket=bucket, Key=KEY, Body=body)
    for stack in landing:
        laptop.headrace(*of(stack), "wait", "--timeout", "120", check=False)

    counts = "SELECT COUNT(*) FROM public.happenings WHERE event_type = 'side'"
    assert [rows(laptop, stack, counts) for stack in landing] == [[[1]], [[2]]]
    assert [laptop.headrace(*of(stack), "trace", KEY)["rows"]["loaded"] for stack in landing] == [1, 2]


def of(stack: str) -> list[str]:
    return ["--stack", stack] if stack else []


def rows(laptop: Laptop, stack: str, sql: str) -> Any:
    return laptop.headrace(*of(stack), "sql", sql)["rows"]
