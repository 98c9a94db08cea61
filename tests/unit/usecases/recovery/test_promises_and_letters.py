"""Borders of what is looked at: the oldest files of a promise, dead letters that nobody can read, replays of a file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from headrace.domain.ingest.arrival import arrival_of
from headrace.domain.ingest.ledger import LIVE, FileStatus
from headrace.domain.ingest.replay import MOST_REPLAYS
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.redrive import Redriven, redrive
from headrace.usecases.recovery.watch_freshness import OLDEST, watch_promises
from tests.support.fakes import file
from tests.support.ledger_fakes import MemoryLedger
from tests.unit.usecases.recovery.test_redrive import Queues, event
from tests.unit.usecases.recovery.test_replay import BAD, World
from tests.unit.usecases.recovery.test_watch_freshness import PROMISED, services_with, waiting


@pytest.mark.parametrize(("before", "told"), [(OLDEST - 1, ["readings"]), (OLDEST, [])])
def test_a_promise_is_looked_at_for_the_oldest_files(before: int, told: list[str]) -> None:
    services = services_with()
    for number in range(before):
        waiting(services, PROMISED + 500, f"{number}.csv", reload=True, file_id=f"{number:024}")
    waiting(services, PROMISED + 60, "late.csv")
    assert watch_promises(services) == told


@pytest.mark.parametrize(("before", "told"), [(OLDEST - 1, ["readings"]), (OLDEST, [])])
def test_so_it_is_for_those_of_the_open_batch(before: int, told: list[str]) -> None:
    services = services_with()
    for number in range(before):
        waiting(services, PROMISED + 500, f"{number}.csv", reload=True, file_id=f"{number:024}")
    waiting(services, PROMISED + 60, "late.csv")
    record_batch("readings", LIVE, 1, "readings-1", services)
    assert watch_promises(services) == told


def test_letters_are_redriven_for_good_unless_asked_otherwise_and_what_they_are_is_said() -> None:
    known, unreadable = event("readings/known"), "x" * 100
    ledger, queues = MemoryLedger(), Queues(unreadable, json.dumps(known), json.dumps(event("readings/new")))
    record = file(file_id="0" * 24, status=FileStatus.LOADED)
    ledger.given(replace(record, file_id=arrival_of(known).file_id))
    first, second, third = redrive(queues, ledger.files, pause=lambda: None)
    assert (first.key, first.what) == ("x" * 80, "unreadable")
    assert first.detail.startswith("not an S3 object event (JSONDecodeError: ")
    assert second == Redriven("readings/known", "known", "the ledger has it: it is loaded")
    assert third == Redriven("readings/new", "sent")
    assert set(queues.left) == {"0"}


@pytest.mark.parametrize(("replays", "good"), [(MOST_REPLAYS - 1, 1), (MOST_REPLAYS, 0)])
def test_rows_of_a_file_come_back_so_often_and_no_more(replays: int, good: int) -> None:
    world = World(BAD)
    world.mend()
    names = tuple(f"r{number}" for number in range(replays))
    for name in names:
        world.services.lake.objects[f"replays/readings/{name}.json"] = b'{"rows": []}'
    record = world.services.ledger.files.get(world.origin.file_id)
    world.services.ledger.given(replace(record, replays=names))
    (answer,) = world.replay()
    assert (answer.key, answer.file_id, answer.rows, answer.good) == ("readings/a.csv", world.origin.file_id, 2, good)
    assert (answer.landed_as is None) is (good == 0)
    assert ("`headrace reload readings/a.csv`" in answer.why) is (good == 0)
    assert len(world.landing.all_versions) == good
