"""docs/patterns.md: each contract on the page loads the files below it, in both orders, and gives their table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BACKFILL
from headrace.usecases.recovery.backfill import backfill
from headrace_compiler import compile_contract
from tests.support.pipeline import Pipeline

PAGE = (Path(__file__).parents[2] / "docs" / "patterns.md").read_text()
SECTIONS = {text.partition("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
BLOCK = re.compile(r"```(\w+) ?([\w./=%-]*)\n(.*?)```", re.DOTALL)


def blocks(section: str) -> list[tuple[str, str, str]]:
    """Language, name and text of each block of a section."""
    return [(found[1], found[2], found[3]) for found in BLOCK.finditer(SECTIONS[section])]


def contract(section: str, folder: Path) -> Contract:
    ((text,),) = [[text] for language, _, text in blocks(section) if language == "yaml"]
    path = folder / "readings.odcs.yaml"
    path.write_text(text)
    return compile_contract(path)


def rows(text: str) -> list[list[str]]:
    return sorted(line.split(",") for line in text.strip().split("\n")[1:])


def result(pipeline: Pipeline, name: str, columns: list[str]) -> list[list[str]]:
    given = pipeline.contract
    source = given.history_table if name == "history" else given.target
    living = f" WHERE {given.deleted_at} IS NULL" if given.deleted_at else ""
    found = pipeline.warehouse.query(f"SELECT {', '.join(columns)} FROM {source} AS t{living}")
    return sorted(["" if value is None else str(value) for value in row] for row in found)


@pytest.mark.parametrize("late", [False, True], ids=["as they arrived", "the first one last"])
@pytest.mark.parametrize("section", SECTIONS)
def test_the_files_of_a_pattern_give_its_table(section: str, late: bool, tmp_path: Path) -> None:
    pipeline = Pipeline(contract(section, tmp_path))
    *files, (_, name, wanted) = [block for block in blocks(section) if block[0] != "yaml"]
    sent = [
        pipeline.put(key, "v1", body.encode(), f"2026-01-0{day}T08:00:00.000000Z", "0A")
        for day, (_, key, body) in enumerate(files, start=1)
    ]
    for arrival in sent[1:] if late else sent:
        pipeline.deliver(arrival)
        pipeline.run()
    if late:
        backfill("readings", "readings/", pipeline.landing, pipeline.services)
        pipeline.run(BACKFILL)
    assert result(pipeline, name, wanted.split("\n", maxsplit=1)[0].split(",")) == rows(wanted)
    assert all(file.rows.balanced for file in pipeline.services.files.records.files.values())
    assert len(files) >= 2
