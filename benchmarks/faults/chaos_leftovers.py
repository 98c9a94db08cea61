"""What a run must not leave behind, whatever broke: a batch that is open, a marker, a lock, a table, a dead letter."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator

from headrace.domain.executions import execution_name
from headrace.domain.ingest.counts import counts_of, place_of
from headrace.domain.ingest.ledger import LANES, BatchStatus
from headrace_cli.stack.target import Target
from headrace_cli.stack.warehouse import query

TABLES = "SELECT table_schema, table_name FROM svv_tables"
OPEN = {BatchStatus.RUNNING, BatchStatus.HELD}
PENDING_LISTED = 10

Generations = dict[str, int]
"""The generation of each lane of one dataset."""


class Leftovers:
    """Looks at the ledger, the workflow, the queues and the warehouse of one dataset after another."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._tables = self._all_tables()
        self._dead = [url for url in self._queues() if "DeadLetter" in url]

    def generations(self, dataset: str) -> Generations:
        """Where the lanes of a dataset stand, to be given to `of` afterwards."""
        return {lane: self._target.ledger.lanes.state(dataset, lane).generation for lane in LANES}

    def of(self, dataset: str, before: Generations) -> list[str]:
        """What is left of the batches that a dataset has had since `before`, in words. Nothing of it may be loading."""
        return [
            *(word for lane in LANES for word in self._of_lane(dataset, lane, before[lane])),
            *self._dead_letters(),
            *self._stray_tables(),
            *self._staged_rows(dataset),
            *self._wrong_counters(dataset),
            *self._sessions_and_locks(),
        ]

    def _of_lane(self, dataset: str, lane: str, since: int) -> Iterator[str]:
        """A lane at rest has nothing open, held or waiting, and the name of its next execution is free."""
        state = self._target.ledger.lanes.state(dataset, lane)
        if state.open_batch or state.held:
            yield f"lane {lane}: {state}"
        for file in self._target.ledger.lanes.pending(dataset, lane, PENDING_LISTED):
            yield f"lane {lane}: the marker of {file.key}"
        taken = self._target.services.workflow.status(dataset, lane, state.generation)
        if taken:
            yield f"lane {lane}: generation {state.generation} has an execution that is {taken}"
        for generation in range(since, state.generation):
            yield from self._of_batch(execution_name(dataset, lane, generation))

    def _of_batch(self, name: str) -> Iterator[str]:
        try:
            batch = self._target.ledger.batches.get(name)
        except KeyError:  # an execution that found nothing to do
            return
        if batch.status in OPEN:
            yield f"batch {name} is {batch.status}"

    def _queues(self) -> list[str]:
        pages = self._target.client("sqs").get_paginator("list_queues").paginate()
        return [str(url) for page in pages for url in page.get("QueueUrls", [])]

    def _dead_letters(self) -> Iterator[str]:
        for url in self._dead:
            name = "ApproximateNumberOfMessages"
            answer = self._target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
            if int(answer["Attributes"][name]):
                yield f"{answer['Attributes'][name]} messages in {url.rpartition('/')[2]}"

    def _all_tables(self) -> set[str]:
        return {f"{schema}.{table}" for schema, table in query(self._target, TABLES).rows}

    def _stray_tables(self) -> Iterator[str]:
        return (f"the table {table}" for table in sorted(self._all_tables() - self._tables))

    def _staged_rows(self, dataset: str) -> Iterator[str]:
        contract = self._target.contract(dataset)
        if contract.staged:
            ((rows,),) = query(self._target, f"SELECT COUNT(*) FROM {contract.stage}").rows
            if int(rows):
                yield f"{rows} rows in {contract.stage}"

    def _wrong_counters(self, dataset: str) -> Iterator[str]:
        """Counters say at any moment what the records of the files do; nothing is to be waited for."""
        wanted: dict[str, Counter[str]] = {}
        for file in self._target.ledger.files.of_dataset(dataset):
            wanted.setdefault(place_of(file)[1], Counter()).update(counts_of(file))
        found = {day: tally.numbers for day, tally in self._target.ledger.counters.days(dataset).items()}
        for day in sorted({*wanted, *found}):
            of_files, counted = wanted.get(day, Counter()), found.get(day, Counter())
            off = {name: counted[name] - of_files[name] for name in {*of_files, *counted}}
            if any(off.values()):
                yield f"the counters of {day} are off by { ({name: number for name, number in off.items() if number}) }"

    def _sessions_and_locks(self) -> Iterator[str]:
        """TEMP tables live as long as their session: where none is open, there are none."""
        with urllib.request.urlopen(self._target.page("warehouse"), timeout=30) as answer:
            held = json.load(answer)
        yield from (f"a session of {session['user']} in the warehouse" for session in held["sessions"])
        yield from (f"a lock on {name} in the warehouse" for name in held["locks"])
