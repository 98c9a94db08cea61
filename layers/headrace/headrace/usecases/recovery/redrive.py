"""Events that ended in the dead-letter queue: sent again, unless the ledger knows what became of their objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headrace.domain.foreign import NOT_AS_EXPECTED
from headrace.domain.ingest.arrival import DeadLetter, arrival_of
from headrace.domain.ingest.deletion import deletion_of
from headrace.domain.ingest.ledger import Arrival, FileStatus
from headrace.usecases.ports import DeadLetterQueue, Files, IntakeQueues

SENT, KNOWN, UNREADABLE, FAILED = "sent", "known", "unreadable", "failed"


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a dead letter.

    `sent`, `known` (the ledger has its object, which does not wait: removed), `unreadable` or `failed` (kept).
    """

    key: str
    what: str
    detail: str = ""


def redrive(queues: IntakeQueues, files: Files, *, pause: Callable[[], None], dry_run: bool = False) -> list[Redriven]:
    """Empty the dead-letter queue. Each letter is sent before it is deleted: a crash in between sends it twice, which
    changes nothing. `pause` is called after each that was sent, to keep to a rate. What isn't an S3 object event stays.
    """
    answers: list[Redriven] = []
    kept: list[DeadLetter] = []
    for letter in all_letters(queues):
        answer = _judge(letter, files)
        answers.append(answer)
        if dry_run or answer.what == UNREADABLE:
            kept.append(letter)
            continue
        if answer.what == SENT:
            queues.send(letter)
            pause()
        queues.delete(letter)
    for letter in kept:
        queues.give_back(letter)
    return answers


def all_letters(queues: DeadLetterQueue) -> Iterator[DeadLetter]:
    """The letters of a queue, each of them hidden from then on."""
    while letters := queues.receive():
        yield from letters


def _judge(letter: DeadLetter, files: Files) -> Redriven:
    try:
        event = json.loads(letter.body)
        if deletion := deletion_of(event):
            return Redriven(deletion.key, SENT)
        arrival: Arrival = arrival_of(event)
    except NOT_AS_EXPECTED as error:
        return Redriven(letter.body[:80], UNREADABLE, f"not an S3 object event ({type(error).__name__}: {error})")
    known = files.known([arrival.file_id]).get(arrival.file_id)
    if known is None:
        return Redriven(arrival.key, SENT)
    if known.status is FileStatus.PENDING:  # its record is written first: the call may have died behind it
        return Redriven(arrival.key, SENT, "the ledger has it, pending: what is missing of its arrival is written")
    return Redriven(arrival.key, KNOWN, f"the ledger has it: it is {known.status}")
