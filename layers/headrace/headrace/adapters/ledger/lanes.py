"""The lanes of datasets: their generations, what waits in them, and the trouble that people were notified of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from headrace.adapters.ledger.items import TOOK, file_of, file_pk, lane_pk, pending_pk, pending_sk
from headrace.adapters.table import Table
from headrace.domain.bounds import LONGEST_NAME, LONGEST_REASON, cut
from headrace.domain.clock import now
from headrace.domain.ingest.lane import LaneState, Pause, Sleeper
from headrace.domain.ingest.ledger import MERGE, BatchRecord, FileRecord, FileStatus

ASLEEP = "SLEEPERS#"
"""The partition of the executions that wait: one item for each lane, so that one query finds them all."""
PROMISED = "attribute_not_exists(released) AND reload = :no"
"""Of what a file's record says: that it is not loaded again, nor was held up by people."""


class DynamoLanes:
    """States of lanes."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def state(self, dataset: str, lane: str) -> LaneState:
        """The lane's generation and open batch. A consistent read."""
        return _state(self._table.get(lane_pk(dataset, lane), "STATE"))

    def pending(self, dataset: str, lane: str, limit: int) -> list[FileRecord]:
        """The files that wait for a batch, the oldest first. A consistent read."""
        items = self._table.query("pk = :pk", {"pk": pending_pk(dataset, lane)}, Limit=limit)  # no page of 1 MB for one
        return [file_of(item) for item in islice(items, limit)]

    def states(self, lanes: Iterable[tuple[str, str]]) -> dict[tuple[str, str], LaneState]:
        """The states of many lanes, each a dataset and a lane, for people: they may lag a moment."""
        keys = {(lane_pk(*lane), "STATE"): lane for lane in lanes}
        items = self._table.read(keys, consistent=False)
        return {lane: _state(items.get(key, {})) for key, lane in keys.items()}

    def waiting(self, dataset: str, lane: str, before: str = "", *, promised: bool = False) -> int:
        """How many files wait in a lane, of those that arrived before then; only those to which a promise applies.

        For people: it may lag a moment.
        """
        values: dict[str, Any] = {"pk": pending_pk(dataset, lane), "before": before or None}
        condition = "pk = :pk" + (" AND sk < :before" if before else "")
        how: dict[str, Any] = {"FilterExpression": PROMISED} if promised else {}
        return self._table.number(condition, values | ({"no": False} if promised else {}), **how)

    def advance(self, dataset: str, lane: str, generation: int) -> bool:
        """Move the lane from `generation` to the next, once: a second call changes nothing. Returns whether it did."""
        condition = "attribute_not_exists(generation) OR generation = :now"
        values = {"next": generation + 1, "now": generation}
        return self._update(dataset, lane, "SET generation = :next", condition, **values)

    def unlist(self, dataset: str, lane: str, batch: str) -> None:
        """Let a lane name a batch no more, as its open one or as held."""
        self._update(dataset, lane, "REMOVE open_batch", "open_batch = :batch", batch=batch)
        self._update(dataset, lane, "DELETE held :batch", batch={batch})

    def drop_marker(self, file: FileRecord, lane: str) -> None:
        """Take away the mark that a file waits in a lane, unless it does."""
        merges = lane == MERGE
        condition = "attribute_not_exists(pk) OR #status <> :waiting" + ("" if merges else " OR #lane <> :lane")
        values: dict[str, Any] = {"waiting": str(FileStatus.STAGED if merges else FileStatus.PENDING)}
        values |= {} if merges else {"lane": lane}
        check = self._table.checking(file_pk(file.file_id), "FILE", condition, **values)
        self._table.transact([check, self._table.deleting(pending_pk(file.dataset, lane), pending_sk(file))])

    def note_trouble(self, batch: BatchRecord, cause: str, *, waits: bool) -> None:
        """Write what people were notified of, and, where the batch's lane `waits` for it to end, since when."""
        since = " SET failing_since = if_not_exists(failing_since, :since)" if waits else ""
        values: dict[str, Any] = {
            "cause": {cut(cause, LONGEST_NAME)},
            "since": batch.failed_at or now() if waits else None,
        }
        self._update(batch.dataset, batch.lane, f"ADD told :cause{since}", **values)

    def end_trouble(self, dataset: str, lane: str, since: str) -> None:
        """Write that people were notified of the end of the trouble that began then."""
        self._update(dataset, lane, "REMOVE failing_since", "failing_since = :since", since=since)

    def pause(self, dataset: str, lane: str, pause: Pause) -> None:
        """Let no new batch of the lane begin; it takes the place of an earlier pause."""
        kept = asdict(replace(pause, reason=cut(pause.reason, LONGEST_REASON)))
        self._update(dataset, lane, "SET #pause = :pause", pause=kept)

    def resume(self, dataset: str, lane: str, pause: Pause) -> bool:
        """End this pause of a lane. False, and nothing changed, where it has ended, or another has taken its place."""
        key, expression = lane_pk(dataset, lane), "SET resumed_at = :now REMOVE #pause"
        condition = "#pause.#since = :since"
        return self._table.update(
            self._table.updating(key, "STATE", expression, condition, now=now(), since=pause.since)
        )

    def note_given_up(self, batch: BatchRecord, at: str) -> None:
        """Write when a batch was given up of which people were notified: the last one counts."""
        self._update(batch.dataset, batch.lane, "SET given_up_at = :at", at=at)

    def end_given_up(self, dataset: str, lane: str, at: str) -> None:
        """Write that people know that other batches load since the one that was given up then."""
        self._update(dataset, lane, "REMOVE given_up_at", "given_up_at = :at", at=at)

    def _update(self, dataset: str, lane: str, expression: str, condition: str = "", **values: Any) -> bool:
        return self._table.update(
            self._table.updating(lane_pk(dataset, lane), "STATE", expression, condition, **values)
        )


def _pause_of(item: dict[str, Any] | None) -> Pause | None:
    """A pause as far as this version knows it."""
    return Pause(item["by"], item["since"], item["until"], item.get("reason", "")) if item else None


def _state(item: dict[str, Any]) -> LaneState:
    return LaneState(
        item.get("generation", 1),
        item.get("open_batch"),
        tuple(sorted(item.get("held", ()))),
        item.get("loaded_at"),
        item.get("failing_since"),
        tuple(sorted(item.get("told", ()))),
        _pause_of(item.get("pause")),
        item.get("resumed_at"),
        item.get("given_up_at"),
        tuple(item[name] for name in TOOK if name in item),
        item.get("began_at"),
    )


class DynamoSleepers:
    """Which lanes wait, and until when. What is there may be over: `take` looks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note(self, sleeper: Sleeper) -> None:
        """Write that an execution waits."""
        values = asdict(sleeper) | {"until": int(sleeper.until)}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        self._table.update(self._table.updating(ASLEEP, _place(sleeper), expression, **values))

    def all(self) -> list[Sleeper]:
        """What was noted last of each lane, also of those that have begun since."""
        items = self._table.partition(ASLEEP)
        return [Sleeper(item["dataset"], item["lane"], item["generation"], item["until"]) for item in items]

    def take(self, sleeper: Sleeper) -> bool:
        """Move the lane on to its next generation, if its execution has not begun a batch, and nobody else has done so.

        The execution that waits finds, when it wakes, that it is no longer its turn.
        """
        gone = self._table.deleting(ASLEEP, _place(sleeper), "#generation = :generation", generation=sleeper.generation)
        first = "attribute_not_exists(generation) OR " if sleeper.generation == LaneState().generation else ""
        condition = f"({first}generation = :now) AND attribute_not_exists(open_batch)"
        values = {"next": sleeper.generation + 1, "now": sleeper.generation}
        lane = lane_pk(sleeper.dataset, sleeper.lane)
        moved = self._table.updating(lane, "STATE", "SET generation = :next", condition, **values)
        return self._table.transact([gone, moved])


def _place(sleeper: Sleeper) -> str:
    return f"{sleeper.dataset}#{sleeper.lane}"
