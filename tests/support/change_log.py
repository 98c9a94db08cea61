"""A change log in files that come late, twice and in any order, loads that crash, and the table that comes of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BatchStatus, FileStatus
from tests.support.pipeline import Change, Pipeline

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
OPERATIONS = ("I", "U", "U", "D")


@dataclass(frozen=True)
class Size:
    """How many changes of how many keys are in how many files."""

    changes: int
    keys: int
    files: int


def change_log(size: Size, seed: int) -> list[list[Change]]:
    """Files in their order of arrival. Changes are shuffled over them; their round is the order in which they came."""
    chance = random.Random(seed)
    changes = [
        (f"m{chance.randrange(size.keys)}", number, number, chance.choice(OPERATIONS))
        for number in range(1, size.changes + 1)
    ]
    chance.shuffle(changes)
    return [changes[number :: size.files] for number in range(size.files)]


def oracle(files: list[list[Change]], *, ordered: bool) -> dict[str, int]:
    """The table: of each key the value of its last change, unless that deletes it."""
    last: dict[str, Change] = {}
    for change in (change for file in files for change in file):
        if not ordered or change[1] > last.get(change[0], change)[1] or change[0] not in last:
            last[change[0]] = change
    return {meter: value for meter, (_, _, value, operation) in last.items() if operation != "D"}


def load(contract: Contract, files: list[list[Change]], seed: int) -> Pipeline:
    """Deliver each file twice and a copy of it, in a random order, and load them; two of the loads crash."""
    chance, pipeline = random.Random(seed), Pipeline(contract)
    sent = []
    for number, rows in enumerate(files):
        at = (FIRST + timedelta(minutes=number)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        sent += 2 * [pipeline.land(f"{number:04}.csv", "v1", rows, at, "0A")]
        sent += [pipeline.land(f"again/{number:04}.csv", "v1", rows, at, "0A")]
    chance.shuffle(sent)
    third = len(sent) // 3
    for some, committed in ((sent[:third], False), (sent[third : 2 * third], True), (sent[2 * third :], None)):
        for arrival in some:
            pipeline.deliver(arrival)
        if committed is not None:
            assert pipeline.begin()
            batch = pipeline.crash(committed=committed)
        pipeline.run()
        assert committed is None or pipeline.services.batches.get(batch).status is BatchStatus.LOADED
    return pipeline


def check(pipeline: Pipeline, wanted: dict[str, int]) -> None:
    """The table is the oracle's, and every row of every file is accounted for. Raises AssertionError otherwise."""
    assert {meter: value for meter, (value, *_) in pipeline.rows().items()} == wanted
    files = pipeline.services.files.records.files.values()
    assert all(file.rows.balanced and file.reason is None for file in files if file.status is FileStatus.LOADED)
    assert {file.status for file in files} == {FileStatus.LOADED, FileStatus.DUPLICATE}
    assert sum(file.rows.loaded for file in files) == len(wanted)
