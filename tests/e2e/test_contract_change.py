"""A contract changes: the plan, the deployment, and what files of before do afterwards."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import Laptop

CONTRACT = "happenings.odcs.yaml"


def changed(laptop: Laptop, pattern: str, replacement: str) -> str:
    """Change the contract in the checkout; returns what it was."""
    path = laptop.checkout / "contracts" / CONTRACT
    before = path.read_text()
    after = re.sub(pattern, replacement, before)
    assert after != before
    path.write_text(after)
    return before


def undo(laptop: Laptop, before: str) -> None:
    (laptop.checkout / "contracts" / CONTRACT).write_text(before)


def faults(laptop: Laptop, method: str, body: object = None) -> Any:
    request = Request(laptop.page("faults"), data=json.dumps(body).encode(), method=method)
    with urlopen(request) as answer:
        return json.loads(answer.read() or "null")


def happening(event_type: str, **fields: Any) -> bytes:
    return json.dumps({"event_type": event_type, "happened_at": "2026-01-01T00:00:00Z"} | fields).encode() + b"\n"


def test_a_renamed_and_a_retyped_column_are_refused_with_the_way(laptop: Laptop) -> None:
    cases = {
        (r"name: event_type", "name: kind"): "ALTER TABLE public.happenings RENAME COLUMN event_type TO kind",
        (r"logicalType: timestamp", "logicalType: date"): "Redshift cannot change this type",
    }
    for (pattern, replacement), said in cases.items():
        before = changed(laptop, pattern, replacement)
        planned = laptop.run("migrate", "--json")
        undo(laptop, before)
        assert planned.returncode == 1
        document = json.loads(planned.stdout)
        assert any(said in reason for reason in document["refused"]), document
        assert not any(change["done"] for change in document["changes"])


def test_an_added_column_is_planned_deployed_and_old_files_load_as_before(
    laptop: Laptop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.put("happenings/place-before.jsonl", happening("placed", place="hall"))
    laptop.settle()
    column = "      - name: place\n        logicalType: string\n        physicalType: VARCHAR(64)\n"
    changed(laptop, r"(      - name: payload\n)", column + r"\1")
    planned = laptop.headrace("migrate", "--plan")
    (change,) = planned["changes"]
    assert change["statements"] == ["ALTER TABLE public.happenings ADD COLUMN place VARCHAR(64) ENCODE ZSTD"]
    assert not change["done"]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    laptop.headrace("deploy")
    assert not list(tmp_path.iterdir())  # nothing that SAM built with is left
    assert laptop.headrace("migrate")["changes"] == []

    laptop.put("happenings/place-none.jsonl", happening("placed"))  # a file of before, without the field
    laptop.put("happenings/place-after.jsonl", happening("placed", place="yard"))
    laptop.settle()
    query = "SELECT place, _unknown.place FROM public.happenings WHERE event_type = 'placed' ORDER BY 1, 2"
    assert laptop.rows(query) == [["yard", None], [None, '"hall"'], [None, None]]
    laptop.headrace("reload", "happenings/place-before.jsonl", "--force")
    laptop.settle()
    assert laptop.rows(query) == [["hall", None], ["yard", None], [None, None]]


def test_a_contract_that_changes_between_transform_and_load(laptop: Laptop) -> None:
    held_up = {"service": "lambda", "operation": "invoke", "caller": "workflow", "path": "PrepareLoadFunction"}
    faults(laptop, "POST", [held_up | {"what": "hold"}])
    laptop.put("happenings/meanwhile.jsonl", happening("moved", mood="glad", payload={"to": "yard"}))
    while not faults(laptop, "GET")["faults"][0]["struck"]:
        time.sleep(0.2)
    column = "      - name: mood\n        logicalType: string\n        physicalType: VARCHAR(64)\n"
    changed(laptop, r"(      - name: happened_at\n)", column + r"\1")
    laptop.headrace("deploy")
    faults(laptop, "DELETE")
    laptop.settle()

    assert laptop.rows("SELECT mood, payload.to FROM public.happenings WHERE event_type = 'moved'") == [
        ["glad", '"yard"']
    ]
    story = laptop.trace("happenings/meanwhile.jsonl")
    assert story["status"] == "loaded"
    assert "ContractChangedError" in json.dumps(story["steps"])
