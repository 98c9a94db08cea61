"""Whether anything is still on its way, from the landing bucket to the last running execution."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.domain.ingest.ledger import LANES, LIVE, FileRecord
from headrace_cli.output.formatting import count
from headrace_cli.stack.landing import Landed, landed_since
from headrace_cli.stack.target import Target
from headrace_cli.stack.totals import AT_REST

RECENT = timedelta(minutes=15)
"""An object this young may have an event that is still on its way; an older one without a record has lost it."""
LISTED = 1000
PARALLEL_READS = 8
QUEUE_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is open at one moment. `seen` and `done` are the recent files, and those that have come to rest.

    Of the datasets with `pending` files some are `paused`.
    """

    seen: int = 0
    done: int = 0
    messages: int = 0
    unknown: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    pending: dict[str, int] = field(default_factory=dict)
    batches: tuple[str, ...] = ()
    executions: int = 0
    paused: tuple[str, ...] = ()

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to wait for."""
        return not self.open

    @property
    def open(self) -> dict[str, Any]:
        """What is left, by kind; kinds of which nothing is left are left out."""
        kinds: dict[str, Any] = {
            "messages": self.messages,
            "not_yet_in_ledger": list(self.unknown),
            "unfinished_files": list(self.unfinished),
            "pending_files": self.pending,
            "open_batches": list(self.batches),
            "running_executions": self.executions,
        }
        return {kind: what for kind, what in kinds.items() if what}

    @property
    def sentence(self) -> str:
        """Progress in a few words."""
        return f"{self.done:,} of {count(self.seen, 'file')} done"


class Watch:
    """Looks again and again at what is on its way. Files that have finished are not read again."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._ledger = target.ledger
        self._since = datetime.now(UTC) - RECENT
        self._finished: dict[str, FileRecord] = {}

    @property
    def finished(self) -> list[FileRecord]:
        """The recent files that had come to rest when they were looked at."""
        return list(self._finished.values())

    def look(self) -> Snapshot:
        """One look, in the direction of the flow, so that nothing slips past from a place not yet looked at."""
        messages = self._messages()
        recent = list(landed_since(self._target, self._since))
        unknown, unfinished = self._open_files(recent)
        pending = self._pending()
        return Snapshot(
            seen=len(recent),
            done=len(recent) - len(unknown) - len(unfinished),
            messages=messages,
            unknown=unknown,
            unfinished=unfinished,
            pending=pending,
            batches=self._open_batches(),
            executions=self._executions(),
            paused=tuple(name for name in pending if self._ledger.lanes.state(name, LIVE).pause),
        )

    def _messages(self) -> int:
        queue = self._target.output("IntakeQueueUrl")
        answer = self._target.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=list(QUEUE_COUNTS))
        return sum(int(answer["Attributes"].get(name, 0)) for name in QUEUE_COUNTS)

    def _open_files(self, recent: list[Landed]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        left = [landed for landed in recent if landed.file_id not in self._finished]
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            files = list(pool.map(self._file, left))
        self._finished |= {file.file_id: file for file in files if file and file.status in AT_REST}
        unknown = tuple(landed.key for landed, file in zip(left, files, strict=True) if file is None)
        unfinished = tuple(file.key for file in files if file and file.status not in AT_REST)
        return unknown, unfinished

    def _file(self, landed: Landed) -> FileRecord | None:
        """What the ledger knows of an object; None while its event is on its way."""
        try:
            return self._ledger.files.get(landed.file_id)
        except KeyError:
            return None

    def _pending(self) -> dict[str, int]:
        counts = {
            name: sum(len(self._ledger.lanes.pending(name, lane, LISTED)) for lane in LANES)
            for name in self._target.contracts
        }
        return {name: found for name, found in counts.items() if found}

    def _open_batches(self) -> tuple[str, ...]:
        states = (self._ledger.lanes.state(name, lane) for name in self._target.contracts for lane in LANES)
        return tuple(state.open_batch for state in states if state.open_batch)

    def _executions(self) -> int:
        machine = self._target.output("IngestStateMachineArn")
        answer = self._target.client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        return len(answer["executions"])
