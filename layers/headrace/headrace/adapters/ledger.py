"""The ledger in DynamoDB: one table, read consistently wherever a decision hangs on it.

pk                         sk                       what
FILE#<file_id>             FILE                     one landed object version; index by_dataset lists them
FILE#<file_id>             EVENT#<time>#<step>      its story, append only
KEY#<bucket>/<key>         <sequencer>#<file_id>    the versions of a key, in S3's own order
LOADED#<bucket>/<key>      <sequencer>#<file_id>    those that have rows in the target, and the last two that had
PENDING#<dataset>#<lane>   <arrived_at>#<file_id>   a file that waits for a batch; a staged one in the lane `merge`
CONTENT#<dataset>#<sha256> CLAIM                    which file brought this content first
COPIES#<file_id>           <hash of bucket/key>     the last duplicate of a file under each other key
LANE#<dataset>#<lane>      STATE                    generation, the batch that is open, those that are held
PROMISE#<dataset>          LATE                     since when people know that its promise is broken
COVERAGE#<dataset>         COVERAGE                 how far the nights have come with comparing its objects
BATCH#<batch>              BATCH                    a group of files loaded in one transaction
BATCH#<batch>              EVENT#<time>#<step>      its story

`adapters/storms.py` has what else is in the table of refused objects.

Every write can be done again with the same effect, so any function may be retried at any point.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, TypeVar

from headrace.adapters.attributes import attribute_of
from headrace.adapters.storms import DynamoStorms
from headrace.adapters.table import MOST_IN_TRANSACTION, condition_failed, expiry, from_item, read_all, to_item
from headrace.domain.bounds import LONGEST_NAME, LONGEST_REASON, MOST_DETAIL, MOST_DETECTED, cut, within
from headrace.domain.clock import now
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import (
    BEFORE,
    MERGE,
    BatchRecord,
    BatchStatus,
    Event,
    FileRecord,
    FileStatus,
    RowCounts,
)
from headrace.domain.ingest.reported import Reported
from headrace.domain.ingest.storm import Group

PARALLEL_WRITES = 8
TAKEN_TOGETHER = (MOST_IN_TRANSACTION - 1) // 2
"""Files that one transaction takes: a check of the batch, then the file and its marker for each."""
RUNS = "#status = :running"
OR_FAILED = "#status IN (:running, :failed)"
"""So that giving up can be done again to its end by the function that began it."""
MOST_VERSIONS = 100
"""Versions of a key that are looked at, the newest ones: behind them are those that nothing hangs on."""
MOST_LOADED = 700
"""Versions of a key that have rows at once, as far as one batch takes them out: with `onNewVersion: add` all have."""
MOST_COPIES = 100
LOSE = "SET #rows.loaded = :loaded, #rows.superseded = replayed + :gone"
RELEASE = (
    "SET #rows.quarantined = #rows.quarantined - :rows, #rows.superseded = #rows.superseded + :rows,"
    " replayed = if_not_exists(replayed, :zero) + :rows, replays = list_append(if_not_exists(replays, :none), :one)"
)
UNROUTABLE = "#unroutable"
"""Where the index lists the files of no dataset. No dataset can be named so."""

A = TypeVar("A")
B = TypeVar("B")


class DynamoLedger:
    """The ledger over one DynamoDB table. `client` is a boto3 DynamoDB client.

    Stories and notes of copies go after `keep_days`, what decisions hang on stays; 0 keeps everything.
    """

    def __init__(self, client: Any, table: str, keep_days: int = 0) -> None:
        self._client = client
        self._table = table
        self._keep_days = keep_days
        self.storms = DynamoStorms(client, table)

    # -- arrivals -------------------------------------------------------------------------------------------------

    def record_arrival(self, file: FileRecord, group: Group | None = None) -> FileRecord:
        """Write a new file, or count one more delivery of a known one. Returns what the ledger holds.

        A new one is counted in the `group` whose objects are reported together.
        """
        puts = [
            self._put(f"FILE#{file.file_id}", "FILE", _file_item(file), "attribute_not_exists(pk)"),
            self._put(f"KEY#{file.bucket}/{file.key}", _order(file),
                      {"file_id": file.file_id}),
        ]  # fmt: skip
        if file.status is FileStatus.PENDING:
            puts.append(self._put(_pending_pk(file.dataset, file.lane), _pending_sk(file), _marker(file)))
        story = {"key": file.key, "size": file.size, "version": file.version}
        puts.append(self._line(f"FILE#{file.file_id}", "Arrived", story, file.arrived_at))
        puts.append(self._line(f"FILE#{file.file_id}", "Seen by the starter", {}, now()))
        puts += [self.storms.counting(group, file)] if group else []
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise
            return self._count_delivery(file.file_id)
        return file

    def _count_delivery(self, file_id: str) -> FileRecord:
        self._client.update_item(**self._updating(f"FILE#{file_id}", "FILE", "ADD deliveries :one", {":one": 1}))
        known = self.file(file_id)
        self.tell_file(file_id, "Delivered again", {"status": known.status})
        return known

    def requeue(self, file: FileRecord, was: FileRecord) -> bool:
        """Let a known file wait for a batch, in its lane and at its old place; a staged one for a merge.

        `file` is given as it is to be kept. False, and nothing changed, when it is no longer what it `was`, or has
        gone to another batch since.
        """
        waiting = file if file.status is FileStatus.STAGED else replace(file, status=FileStatus.PENDING)
        put = self._put(_pending_pk(file.dataset, waiting.queue), _pending_sk(file), _marker(waiting))
        try:
            self._client.transact_write_items(TransactItems=[{"Update": self._saving_if(waiting, was)}, put])
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def knows(self, file_id: str) -> bool:
        """Whether the object was written down before."""
        return bool(self._get(f"FILE#{file_id}", "FILE"))

    def pending(self, dataset: str, lane: str, limit: int) -> list[FileRecord]:
        """The files that wait for a batch, the oldest first. A consistent read."""
        query = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": attribute_of(_pending_pk(dataset, lane))},
            "ConsistentRead": True,
        }
        found: list[FileRecord] = []
        for item in self._query(query):
            found.append(_file(item))
            if len(found) == limit:
                break
        return found

    # -- promises -------------------------------------------------------------------------------------------------

    def reported(self, dataset: str, matter: str) -> Reported:
        """What people know of a lasting trouble of the dataset."""
        item = self._get(f"PROMISE#{dataset}", matter)
        return Reported(item.get("since"), item.get("what", ""), item.get("quiet_since"))

    def note_reported(self, dataset: str, matter: str, was: Reported, becomes: Reported) -> bool:
        """Write down what people were notified of last, unless that is no longer what it `was`. Returns whether."""
        values = {":since": becomes.since, ":what": becomes.what, ":quiet": becomes.quiet_since, ":was": was.since}
        given = {name: value for name, value in values.items() if value}
        words = [("since", ":since"), ("what", ":what"), ("quiet_since", ":quiet")]
        kept = ", ".join(f"{name} = {word}" for name, word in words if word in given)
        gone = ", ".join(name for name, word in words if word not in given)
        expression = " ".join(f"{verb} {what}" for verb, what in (("SET", kept), ("REMOVE", gone)) if what)
        condition = "since = :was" if was.since else "attribute_not_exists(since)"
        return self._update_if(f"PROMISE#{dataset}", matter, expression, given, condition)

    # -- group commit ---------------------------------------------------------------------------------------------

    def lane_state(self, dataset: str, lane: str) -> LaneState:
        """The lane's generation and open batch. A consistent read."""
        item = self._get(_lane_pk(dataset, lane), "STATE")
        return LaneState(
            item.get("generation", 1),
            item.get("open_batch"),
            tuple(sorted(item.get("held", ()))),
            item.get("loaded_at"),
            item.get("failing_since"),
            tuple(sorted(item.get("told", ()))),
        )

    def advance_generation(self, dataset: str, lane: str, generation: int) -> None:
        """Move the lane from `generation` to the next, once: a second call changes nothing."""
        self._update_if(
            _lane_pk(dataset, lane),
            "STATE",
            "SET generation = :next",
            {":next": generation + 1, ":now": generation},
            "attribute_not_exists(generation) OR generation = :now",
        )

    def open_batch(self, batch: BatchRecord) -> BatchRecord | None:
        """Write the batch and make it the lane's open one. Its list of files is what counts from here on.

        None, and nothing written, when the lane has moved on from the batch's generation or has another batch open:
        a function may still run whose execution was stopped, and must not take files that the next one has taken.
        Where the same function was called twice, the batch of the faster one is returned.
        """
        values = {":batch": batch.batch, ":generation": batch.generation}
        lane = self._updating(_lane_pk(batch.dataset, batch.lane), "STATE", "SET open_batch = :batch", values)
        first = "attribute_not_exists(generation) OR " if batch.generation == LaneState().generation else ""
        lane["ConditionExpression"] = (
            f"({first}generation = :generation) AND (attribute_not_exists(open_batch) OR open_batch = :batch)"
        )
        put = self._put(f"BATCH#{batch.batch}", "BATCH", _batch_item(batch), "attribute_not_exists(pk)")
        try:
            self._client.transact_write_items(TransactItems=[put, {"Update": lane}])
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise
            same = self.lane_state(batch.dataset, batch.lane).open_batch == batch.batch
            return self.batch(batch.batch) if same else None
        return batch

    def take(self, batch: BatchRecord) -> list[FileRecord]:
        """Move the files that wait for the batch into it, as often as needed. Returns them as they are now.

        A batch that has ended, or is condemned, takes none: a function may still run whose execution was stopped, and
        must not take files that wait for the next batch by now.
        """
        waiting = [file for file in self.files(batch.file_ids) if file.waits_in(batch.lane)]
        for start in range(0, len(waiting), TAKEN_TOGETHER):
            self._take(batch, waiting[start : start + TAKEN_TOGETHER])
        return self.files(batch.file_ids)

    def _take(self, batch: BatchRecord, files: list[FileRecord]) -> None:
        """In one transaction; where another write was faster for one of them, each alone."""
        writes = [write for file in files for write in self._taking(batch, file)]
        try:
            self._client.transact_write_items(TransactItems=[self._still_runs(batch), *writes])
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise
            for file in files if len(files) > 1 else ():
                self._take(batch, [file])

    def _taking(self, batch: BatchRecord, file: FileRecord) -> list[dict[str, Any]]:
        marker = {"pk": _pending_pk(batch.dataset, batch.lane), "sk": _pending_sk(file)}
        update = self._saving_if(file.taken_by(batch), file)
        return [{"Update": update}, {"Delete": {"TableName": self._table, "Key": to_item(marker)}}]

    def _still_runs(self, batch: BatchRecord) -> dict[str, Any]:
        check = {
            "TableName": self._table,
            "Key": to_item({"pk": f"BATCH#{batch.batch}", "sk": "BATCH"}),
            "ConditionExpression": "#status = :running AND condemned = :no",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item({":running": str(BatchStatus.RUNNING), ":no": False}),
        }
        return {"ConditionCheck": check}

    def save_batch(self, batch: BatchRecord) -> None:
        """Write the batch as it is now; one that has ended is no longer its lane's open batch, and never runs again.

        The lane lists it while it is held, and only then. What was decided otherwise meanwhile stays.
        """
        put = self._put_batch(batch)
        if batch.status is BatchStatus.HELD:
            self._hold(put, batch)
        else:
            with suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.put_item(**put)
        if batch.status is not BatchStatus.RUNNING:
            loaded = "SET loaded_at = :now REMOVE told, open_batch" if batch.brought_rows else ""
            self._update_if(
                _lane_pk(batch.dataset, batch.lane),
                "STATE",
                loaded or "REMOVE open_batch",
                {":batch": batch.batch, ":now": now() if loaded else None},
                "open_batch = :batch",
            )
        if batch.status in {BatchStatus.RELEASED, BatchStatus.REJECTED}:
            self._client.update_item(**self._listing("DELETE", batch))

    def _put_batch(self, batch: BatchRecord) -> dict[str, Any]:
        before = {f":before{place}": str(status) for place, status in enumerate(BEFORE[batch.status])}
        return {
            "TableName": self._table,
            "Item": to_item({"pk": f"BATCH#{batch.batch}", "sk": "BATCH"} | _batch_item(batch)),
            "ConditionExpression": f"attribute_not_exists(pk) OR #status IN ({', '.join(before)})",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item(before),
        }

    def _hold(self, put: dict[str, Any], batch: BatchRecord) -> None:
        """Write and list it together: a late function lists no batch that is decided already."""
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": self._listing("ADD", batch)}])
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise

    def _listing(self, verb: str, batch: BatchRecord) -> dict[str, Any]:
        lane = _lane_pk(batch.dataset, batch.lane)
        return self._updating(lane, "STATE", f"{verb} held :batch", {":batch": {batch.batch}})

    def unlist(self, dataset: str, lane: str, batch: str) -> None:
        """Let a lane name a batch no more, as its open one or as held."""
        key, values = _lane_pk(dataset, lane), {":batch": batch}
        self._update_if(key, "STATE", "REMOVE open_batch", values, "open_batch = :batch")
        self._client.update_item(**self._updating(key, "STATE", "DELETE held :batch", {":batch": {batch}}))

    def drop_marker(self, file: FileRecord, lane: str) -> None:
        """Take away the mark that a file waits in a lane, unless it does."""
        check = {
            "TableName": self._table,
            "Key": to_item({"pk": f"FILE#{file.file_id}", "sk": "FILE"}),
            "ConditionExpression": "attribute_not_exists(pk) OR NOT #status IN (:pending, :staged)",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item(
                {":pending": str(FileStatus.PENDING), ":staged": str(FileStatus.STAGED)}
            ),
        }
        marker = {"pk": _pending_pk(file.dataset, lane), "sk": _pending_sk(file)}
        delete = {"TableName": self._table, "Key": to_item(marker)}
        try:
            self._client.transact_write_items(TransactItems=[{"ConditionCheck": check}, {"Delete": delete}])
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise

    def take_up(self, batch: BatchRecord, execution: str) -> BatchRecord:
        """Let another execution go on with a batch that was left open: one more attempt. Returns it as it is now.

        Nothing is changed when it has ended, or a third execution has it by now.
        """
        values = {":next": execution, ":one": 1}
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._change_batch(batch, "SET execution = :next ADD attempts :one", values)
        return self.batch(batch.batch)

    def condemn(self, batch: BatchRecord, reason: str) -> bool:
        """Say that the batch is given up, and why. False when it has ended otherwise, or another execution has it."""
        values = {":reason": cut(reason, LONGEST_REASON), ":yes": True, ":failed": str(BatchStatus.FAILED)}
        try:
            self._change_batch(batch, "SET condemned = :yes, reason = :reason", values, OR_FAILED)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def note_reason(self, batch: BatchRecord, reason: str) -> None:
        """Write why the batch failed, and when it did so first.

        Nothing is written when it has ended, is condemned, or another execution has taken it up since.
        """
        values = {":reason": cut(reason, LONGEST_REASON), ":no": False, ":at": batch.failed_at or now()}
        expression = "SET reason = :reason, failed_at = if_not_exists(failed_at, :at)"
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._change_batch(batch, expression, values, f"{RUNS} AND condemned = :no")

    def note_trouble(self, batch: BatchRecord, told: str, *, waits: bool) -> None:
        """Write what people were notified of, and, where the batch's lane `waits` for it to end, since when."""
        expression, values = "ADD told :told", dict[str, Any]({":told": {cut(told, LONGEST_NAME)}})
        if waits:
            expression += " SET failing_since = if_not_exists(failing_since, :since)"
            values |= {":since": batch.failed_at or now()}
        self._client.update_item(**self._updating(_lane_pk(batch.dataset, batch.lane), "STATE", expression, values))

    def end_trouble(self, dataset: str, lane: str, since: str) -> None:
        """Write that people were notified of the end of the trouble that began then."""
        values = {":since": since}
        self._update_if(_lane_pk(dataset, lane), "STATE", "REMOVE failing_since", values, "failing_since = :since")

    def _change_batch(self, batch: BatchRecord, expression: str, values: dict[str, Any], condition: str = RUNS) -> None:
        """Change a batch that its execution still has. Raises ConditionalCheckFailedException."""
        values = values | {":running": str(BatchStatus.RUNNING), ":execution": batch.execution}
        update = self._updating(f"BATCH#{batch.batch}", "BATCH", expression, values)
        update["ConditionExpression"] = f"execution = :execution AND {condition}"
        update["ExpressionAttributeNames"] = {"#status": "status"}
        self._client.update_item(**update)

    # -- content --------------------------------------------------------------------------------------------------

    def claim_content(self, dataset: str, sha256: str, file_id: str, instead_of: str | None = None) -> str:
        """Claim a content for a file. Returns the file that holds the claim: `file_id` itself, or an earlier one.

        `instead_of` names a holder that has lost its right, a failed file for example; the claim then moves.
        """
        key = {"pk": f"CONTENT#{dataset}#{sha256}", "sk": "CLAIM"}
        condition = "attribute_not_exists(pk) OR file_id = :me" + (" OR file_id = :other" if instead_of else "")
        values = {":me": file_id, ":other": instead_of}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(key | {"file_id": file_id}),
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            holder = self._get(key["pk"], key["sk"])
            return str(holder["file_id"])
        return file_id

    def note_copy(self, holder: str, copy: FileRecord) -> None:
        """Remember that `copy` is a duplicate of `holder`: of the copies under one key the newest version."""
        key = {"pk": f"COPIES#{holder}", "sk": _place_sk(copy)}
        item = {**key, "file_id": copy.file_id, "version": _order(copy), **expiry(self._keep_days)}
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table,
                Item=to_item(item),
                ConditionExpression="attribute_not_exists(pk) OR #version < :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues=to_item({":version": _order(copy)}),
            )

    def copies(self, holder: str) -> list[FileRecord]:
        """The newest duplicate of `holder` under each other key, as it is now; of very many the first `MOST_COPIES`."""
        return self.files(item["file_id"] for item in self._few(f"COPIES#{holder}", MOST_COPIES))

    # -- files and batches ----------------------------------------------------------------------------------------

    def file(self, file_id: str) -> FileRecord:
        """One file. Raises KeyError when the ledger does not know it."""
        return _file(self._must(f"FILE#{file_id}", "FILE"))

    def note_content(self, file: FileRecord, sha256: str) -> None:
        """Write which content a file has, while its batch still works on it."""
        update = self._updating(f"FILE#{file.file_id}", "FILE", "SET sha256 = :sha256", {
            ":sha256": sha256, ":mine": file.batch, ":running": str(FileStatus.RUNNING)
        })  # fmt: skip
        update["ConditionExpression"] = "#batch = :mine AND #status = :running"
        update["ExpressionAttributeNames"] = {"#batch": "batch", "#status": "status"}
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**update)

    def release_rows(self, origin: FileRecord, replay: str, rows: int) -> bool:
        """Count bad rows of a file as superseded by those of a replay, once. False when that was done, or it changed.

        Lanes may do that for one file at the same time, and earlier files lose rows meanwhile: so it adds.
        """
        values = {":rows": rows, ":name": replay, ":one": [replay], ":none": [], ":zero": 0, ":batch": origin.batch}
        update = self._updating(f"FILE#{origin.file_id}", "FILE", RELEASE, values)
        update["ConditionExpression"] = "#batch = :batch AND NOT contains(replays, :name)"
        update["ExpressionAttributeNames"] = {"#rows": "rows", "#batch": "batch"}
        try:
            self._client.update_item(**update)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _saving(self, file: FileRecord) -> dict[str, Any]:
        item = _file_item(replace(file, updated_at=now()))
        item.pop("deliveries")
        names = {f"#{index}": name for index, name in enumerate(item)}
        values = {f":{index}": value for index, value in enumerate(item.values())}
        kept = [index for index, value in enumerate(values.values()) if value is not None]
        gone = [index for index, value in enumerate(values.values()) if value is None]
        expression = "SET " + ", ".join(f"#{index} = :{index}" for index in kept)
        expression += " REMOVE " + ", ".join(f"#{index}" for index in gone) if gone else ""
        return self._updating(f"FILE#{file.file_id}", "FILE", expression, values) | {"ExpressionAttributeNames": names}

    def _saving_if(self, file: FileRecord, was: FileRecord) -> dict[str, Any]:
        """Write the file where its status and its batches are still what they were."""
        update = self._saving(file)
        conditions = ["#status = :was_status"]
        values = {":was_status": str(was.status)}
        for name, batch in (("batch", was.batch), ("merge", was.merge)):
            conditions.append(f"#was_{name} = :was_{name}" if batch else f"attribute_not_exists(#was_{name})")
            update["ExpressionAttributeNames"] |= {f"#was_{name}": name}
            values |= {f":was_{name}": batch} if batch else {}
        update["ConditionExpression"] = " AND ".join(conditions)
        update["ExpressionAttributeNames"] |= {"#status": "status"}
        update["ExpressionAttributeValues"] |= to_item(values)
        return update

    def settle(self, batch: BatchRecord, files: Iterable[FileRecord]) -> None:
        """Write what became of a batch's files. One that has left the batch since stays as it is."""
        self._in_parallel(lambda file: self._settle(batch, file), files)

    def _settle(self, batch: BatchRecord, file: FileRecord) -> None:
        if file.status is FileStatus.LOADED:  # listed first: no file has rows and is not listed
            self._client.put_item(**self._put(_loaded_pk(file.place), _order(file), {"file_id": file.file_id})["Put"])
        update = self._saving(file)
        update["ConditionExpression"] = "#mine = :mine"
        update["ExpressionAttributeNames"] |= {"#mine": "merge" if batch.lane == MERGE else "batch"}
        update["ExpressionAttributeValues"] |= to_item({":mine": batch.batch})
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**update)

    def correct_rows(self, files: Iterable[FileRecord]) -> None:
        """Write which rows files have lost, where no later batch has counted more of them."""
        self._in_parallel(self._correct_rows, files)

    def _correct_rows(self, file: FileRecord) -> None:
        values = {":loaded": file.rows.loaded, ":gone": file.rows.superseded - file.replayed, ":batch": file.batch}
        update = self._updating(f"FILE#{file.file_id}", "FILE", LOSE, values)
        same = "#batch = :batch" if file.batch else "attribute_not_exists(#batch)"
        update["ConditionExpression"] = f"{same} AND #rows.loaded > :loaded"
        update["ExpressionAttributeNames"] = {"#rows": "rows", "#batch": "batch"}
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**update)

    def note_corrected(self, batch: BatchRecord, last: str) -> None:
        """Write up to which file the batch's outcome has corrected the rows of earlier files."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._change_batch(batch, "SET corrected = :last", {":last": last})

    def change(self, file: FileRecord, was: FileRecord) -> bool:
        """Write the file, if its status and batches are still what they were. Returns whether they were."""
        try:
            self._client.update_item(**self._saving_if(file, was))
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def files(self, file_ids: Iterable[str]) -> list[FileRecord]:
        """Several files by id, in the order asked. Raises KeyError when the ledger does not know one."""
        wanted = list(file_ids)
        known = self.known(wanted)
        missing = [file_id for file_id in wanted if file_id not in known]
        if missing:
            raise KeyError(f"the ledger does not know FILE#{missing[0]}")
        return [known[file_id] for file_id in wanted]

    def known(self, file_ids: Iterable[str]) -> dict[str, FileRecord]:
        """Those of the files that the ledger knows, by id."""
        items = read_all(self._client, self._table, [(f"FILE#{file_id}", "FILE") for file_id in file_ids])
        return {item["file_id"]: _file(item) for item in items.values()}

    def versions(self, bucket: str, key: str, before: FileRecord | None = None) -> list[FileRecord]:
        """The newest versions of a key, or those before one of them, the oldest first by S3's own order.

        No more than `MOST_VERSIONS`: what a batch costs does not grow with how often its keys were written.
        """
        items = self._few(f"KEY#{bucket}/{key}", MOST_VERSIONS, _order(before) if before else None)
        return self.files(item["file_id"] for item in reversed(items))

    def loaded_versions(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[FileRecord]]:
        """Of each bucket and key the versions whose rows the target has, and the last two that it had rows of.

        The oldest first; no more than the newest `MOST_LOADED` of one key.
        """
        wanted = list(dict.fromkeys(places))
        found = dict(zip(wanted, self._in_parallel(self._loaded_ids, wanted), strict=True))
        known = self.known(file_id for ids in found.values() for file_id in ids)
        return {place: [known[name] for name in ids if name in known and known[name].has_rows]
                for place, ids in found.items()}  # fmt: skip

    def _loaded_ids(self, place: tuple[str, str]) -> list[str]:
        return [str(item["file_id"]) for item in reversed(self._few(_loaded_pk(place), MOST_LOADED))]

    def forget_loaded(self, files: Iterable[FileRecord]) -> None:
        """List versions no more that have lost all their rows; one that is loaded again meanwhile stays."""
        self._in_parallel(self._forget_loaded, files)

    def _forget_loaded(self, file: FileRecord) -> None:
        check = {
            "TableName": self._table,
            "Key": to_item({"pk": f"FILE#{file.file_id}", "sk": "FILE"}),
            "ConditionExpression": "#status = :loaded AND #rows.loaded = :none",
            "ExpressionAttributeNames": {"#status": "status", "#rows": "rows"},
            "ExpressionAttributeValues": to_item({":loaded": str(FileStatus.LOADED), ":none": 0}),
        }
        listed = {"TableName": self._table, "Key": to_item({"pk": _loaded_pk(file.place), "sk": _order(file)})}
        try:
            self._client.transact_write_items(TransactItems=[{"ConditionCheck": check}, {"Delete": listed}])
        except self._client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                raise

    def files_of(self, dataset: str, since: str = "") -> Iterator[FileRecord]:
        """A dataset's files that arrived since then (ISO 8601), by time of arrival; `UNROUTABLE` for those of none.

        The index may lag a moment.
        """
        query = {
            "IndexName": "by_dataset",
            "KeyConditionExpression": "dataset_files = :dataset AND arrived_at >= :since",
            "ExpressionAttributeValues": {":dataset": attribute_of(dataset), ":since": attribute_of(since or "0")},
        }
        return map(_file, self._query(query))

    def newest(self, dataset: str, most: int) -> list[FileRecord]:
        """The files of a dataset that arrived last, at most this many, newest first. The index may lag a moment."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="by_dataset",
            KeyConditionExpression="dataset_files = :dataset",
            ExpressionAttributeValues={":dataset": attribute_of(dataset)},
            ScanIndexForward=False,
            Limit=most,
        )
        return [_file(from_item(item)) for item in answer["Items"]]

    def coverage(self, dataset: str) -> Coverage:
        """How far the nights have come with comparing a dataset's objects."""
        item = self._get(f"COVERAGE#{dataset}", "COVERAGE")
        return Coverage.from_json({name: value for name, value in item.items() if name not in {"pk", "sk"}})

    def note_coverage(self, dataset: str, coverage: Coverage) -> bool:
        """Write that down. False, and nothing written, when it was changed since it was read."""
        item = coverage.to_json() | {"turn": coverage.turn + 1}
        put = self._put(f"COVERAGE#{dataset}", "COVERAGE", item, "attribute_not_exists(pk) OR turn = :turn")["Put"]
        try:
            self._client.put_item(**put, ExpressionAttributeValues=to_item({":turn": coverage.turn}))
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def batch(self, batch: str) -> BatchRecord:
        """One batch. Raises KeyError when the ledger does not know it."""
        return _batch(self._must(f"BATCH#{batch}", "BATCH"))

    # -- the trail ------------------------------------------------------------------------------------------------

    def tell_file(self, file_id: str, step: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to a file's story."""
        self._tell(f"FILE#{file_id}", step, detail or {})

    def tell_batch(self, batch: str, step: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to a batch's story."""
        self._tell(f"BATCH#{batch}", step, detail or {})

    def file_events(self, file_id: str) -> list[Event]:
        """A file's story, the oldest line first."""
        return self._events(f"FILE#{file_id}")

    def batch_events(self, batch: str) -> list[Event]:
        """A batch's story, the oldest line first."""
        return self._events(f"BATCH#{batch}")

    def scrub(self, file_id: str, text: str, *, dry_run: bool) -> int:
        """Empty the lines of a file's story in which a text stands. Returns how many those are, or would be."""
        pk = f"FILE#{file_id}"
        found = [
            event for event in self._events(pk) if text in json.dumps(event.detail, ensure_ascii=False, default=str)
        ]
        for event in found if not dry_run else ():
            self._client.put_item(**self._line(pk, event.step, {"detail": "erased"}, event.at)["Put"])
        return len(found)

    def _tell(self, pk: str, step: str, detail: dict[str, Any]) -> None:
        self._client.put_item(**self._line(pk, step, detail, now())["Put"])

    def _line(self, pk: str, step: str, detail: dict[str, Any], at: str) -> dict[str, Any]:
        line = {"at": at, "step": step, "detail": within(detail, MOST_DETAIL), **expiry(self._keep_days)}
        return self._put(pk, f"EVENT#{at}#{step}", line)

    def _events(self, pk: str) -> list[Event]:
        query = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :event)",
            "ExpressionAttributeValues": to_item({":pk": pk, ":event": "EVENT#"}),
            "ConsistentRead": True,
        }
        return [Event(item["at"], item["step"], item["detail"]) for item in self._query(query)]

    # -- DynamoDB -------------------------------------------------------------------------------------------------

    def _put(self, pk: str, sk: str, item: dict[str, Any], condition: str | None = None) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": to_item({"pk": pk, "sk": sk} | item)}
        if condition:
            put["ConditionExpression"] = condition
        return {"Put": put}

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        key = to_item({"pk": pk, "sk": sk})
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return from_item(answer.get("Item", {}))

    def _must(self, pk: str, sk: str) -> dict[str, Any]:
        item = self._get(pk, sk)
        if not item:
            raise KeyError(f"the ledger does not know {pk}")
        return item

    def _updating(self, pk: str, sk: str, expression: str, values: dict[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": to_item({"pk": pk, "sk": sk}),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": to_item(values),
        }

    def _update_if(self, pk: str, sk: str, expression: str, values: dict[str, Any], condition: str) -> bool:
        try:
            update = self._updating(pk, sk, expression, values)
            self._client.update_item(**update, ConditionExpression=condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _query(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for page in self._client.get_paginator("query").paginate(TableName=self._table, **query):
            for item in page["Items"]:
                yield from_item(item)

    def _few(self, pk: str, most: int, before: str | None = None) -> list[dict[str, Any]]:
        """The last items of a partition, or those before a sort key: at most this many, the last one first."""
        query = {
            "KeyConditionExpression": "pk = :pk" + (" AND sk < :before" if before else ""),
            "ExpressionAttributeValues": to_item({":pk": pk, ":before": before}),
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": most,
        }
        answer = self._client.query(TableName=self._table, **query)
        return [from_item(item) for item in answer["Items"]]

    def _in_parallel(self, do: Callable[[A], B], items: Iterable[A]) -> list[B]:
        with ThreadPoolExecutor(PARALLEL_WRITES) as pool:
            return list(pool.map(do, items))


def _pending_pk(dataset: str, lane: str) -> str:
    return f"PENDING#{dataset}#{lane}"


def _pending_sk(file: FileRecord) -> str:
    return f"{file.arrived_at}#{file.file_id}"


def _order(file: FileRecord) -> str:
    return "#".join(file.order)


def _loaded_pk(place: tuple[str, str]) -> str:
    return f"LOADED#{'/'.join(place)}"


def _place_sk(file: FileRecord) -> str:
    """A bucket and key, which together may be longer than a sort key."""
    return hashlib.sha256("/".join(file.place).encode()).hexdigest()[:32]


def _lane_pk(dataset: str, lane: str) -> str:
    return f"LANE#{dataset}#{lane}"


def _file_item(file: FileRecord) -> dict[str, Any]:
    """The file as the index lists it, once."""
    return _plain_file(file) | {"dataset_files": file.dataset or UNROUTABLE}


def _plain_file(file: FileRecord) -> dict[str, Any]:
    """The file as an item that DynamoDB takes, cut where what was found in it is too large."""
    return asdict(file) | {
        "status": str(file.status),
        "replays": list(file.replays),
        "reason": _cut(file.reason, LONGEST_REASON),
        "contract_version": _cut(file.contract_version, LONGEST_NAME),
        "detected": within(file.detected, MOST_DETECTED),
    }


def _marker(file: FileRecord) -> dict[str, Any]:
    """What a batch wants to know of a file before it takes it."""
    return _plain_file(replace(file, reason=None, detected={}, replays=()))


def _cut(text: str | None, most: int) -> str | None:
    return text if text is None else cut(text, most)


def _file(item: dict[str, Any]) -> FileRecord:
    known = {name: item[name] for name in FileRecord.__dataclass_fields__ if name in item}
    known |= {"status": FileStatus(item["status"]), "rows": RowCounts(**item.get("rows", {}))}
    return FileRecord(**known | {"replays": tuple(item.get("replays", ()))})


def _batch_item(batch: BatchRecord) -> dict[str, Any]:
    reason = _cut(batch.reason, LONGEST_REASON)
    return asdict(batch) | {"status": str(batch.status), "file_ids": list(batch.file_ids), "reason": reason}


def _batch(item: dict[str, Any]) -> BatchRecord:
    known = {name: item[name] for name in BatchRecord.__dataclass_fields__ if name in item}
    known |= {"status": BatchStatus(item["status"]), "rows": RowCounts(**item.get("rows", {}))}
    return BatchRecord(**known | {"file_ids": tuple(item["file_ids"])})
