"""The form of the ledger's records: their keys, their items, and the writes that several ports have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from headrace.adapters.table import Key, Table, Write
from headrace.domain.bounds import LONGEST_NAME, LONGEST_REASON, MOST_DETAIL, MOST_DETECTED, cut, within
from headrace.domain.clock import now
from headrace.domain.ingest.lane import REMEMBERED
from headrace.domain.ingest.ledger import UNROUTABLE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts

RUNS = "#status = :running"
TOOK = tuple(f"took{number}" for number in range(REMEMBERED))
"""Attributes of a lane: the seconds that its last loads took, by their generation's remainder."""
KINDS_OF_ROWS = frozenset(RowCounts.__dataclass_fields__)


def file_pk(file_id: str) -> str:
    """The partition of a file and its events."""
    return f"FILE#{file_id}"


def batch_pk(batch: str) -> str:
    """The partition of a batch and its events."""
    return f"BATCH#{batch}"


def lane_pk(dataset: str, lane: str) -> str:
    """The partition of a lane's state."""
    return f"LANE#{dataset}#{lane}"


def pending_pk(dataset: str, lane: str) -> str:
    """The partition of the files that wait in a lane."""
    return f"PENDING#{dataset}#{lane}"


def loaded_pk(place: tuple[str, str]) -> str:
    """The partition of the versions of a bucket and key that have rows."""
    return f"LOADED#{'/'.join(place)}"


def pending_sk(file: FileRecord) -> str:
    """A file's place among those that wait."""
    return f"{file.arrived_at}#{file.file_id}"


def order_sk(file: FileRecord) -> str:
    """A version's place among those of its key."""
    return "#".join(file.order)


def place_sk(file: FileRecord) -> str:
    """A bucket and key, which together may be longer than a sort key."""
    return hashlib.sha256("/".join(file.place).encode()).hexdigest()[:32]


def file_item(file: FileRecord) -> dict[str, Any]:
    """The file's record."""
    return _plain_file(file)


def marker(file: FileRecord) -> dict[str, Any]:
    """What a batch wants to know of a file before it takes it."""
    return _plain_file(replace(file, reason=None, detected={}, replays=()))


def _plain_file(file: FileRecord) -> dict[str, Any]:
    """The file as an item that DynamoDB takes, cut where what was found in it is too large."""
    return asdict(file) | {
        "status": str(file.status),
        "replays": list(file.replays),
        "reason": _cut(file.reason, LONGEST_REASON),
        "contract_version": _cut(file.contract_version, LONGEST_NAME),
        "detected": within(file.detected, MOST_DETECTED),
        "revision": file.revision or None,  # records of versions before have none either
    }


def _cut(text: str | None, most: int) -> str | None:
    return text if text is None else cut(text, most)


def file_of(item: dict[str, Any]) -> FileRecord:
    """The inverse of `file_item`, and of `marker` as far as it goes."""
    known = {name: item[name] for name in FileRecord.__dataclass_fields__ if name in item}
    known |= {"status": FileStatus(item["status"]), "rows": _rows_of(item)}
    return FileRecord(**known | {"replays": tuple(item.get("replays", ()))})


def batch_item(batch: BatchRecord) -> dict[str, Any]:
    """The batch as an item that DynamoDB takes."""
    reason = _cut(batch.reason, LONGEST_REASON)
    return asdict(batch) | {"status": str(batch.status), "file_ids": list(batch.file_ids), "reason": reason}


def batch_of(item: dict[str, Any]) -> BatchRecord:
    """The inverse of `batch_item`."""
    known = {name: item[name] for name in BatchRecord.__dataclass_fields__ if name in item}
    known |= {"status": BatchStatus(item["status"]), "rows": _rows_of(item)}
    return BatchRecord(**known | {"file_ids": tuple(item["file_ids"])})


def _rows_of(item: dict[str, Any]) -> RowCounts:
    """The counts that this version knows: a later one, which was taken back, may have written others."""
    return RowCounts(**{name: count for name, count in item.get("rows", {}).items() if name in KINDS_OF_ROWS})


def known_files(table: Table, file_ids: Iterable[str], *, consistent: bool = True) -> dict[str, FileRecord]:
    """Those of the files that the ledger knows, by id."""
    items = table.read(((file_pk(file_id), "FILE") for file_id in file_ids), consistent=consistent)
    return {item["file_id"]: file_of(item) for item in items.values()}


def all_files(table: Table, file_ids: Iterable[str]) -> list[FileRecord]:
    """Several files by id, in the order asked. Raises KeyError when the ledger does not know one."""
    wanted = list(file_ids)
    known = known_files(table, wanted)
    missing = [file_id for file_id in wanted if file_id not in known]
    if missing:
        raise KeyError(f"the ledger does not know {file_pk(missing[0])}")
    return [known[file_id] for file_id in wanted]


def record(table: Table, pk: str, sk: str) -> dict[str, Any]:
    """An item that must be there. Raises KeyError."""
    item = table.get(pk, sk)
    if not item:
        raise KeyError(f"the ledger does not know {pk}")
    return item


def waiting(table: Table, file: FileRecord) -> Write:
    """The mark that a file waits in its lane, at its old place."""
    return table.putting(*waits_at(file), marker(file))


def listing(table: Table, file: FileRecord) -> Write:
    """The file among the versions of its key, and in the index among the files of its dataset.

    It is written once, whatever becomes of the file: so the index costs one write unit a file. Records of versions of
    Headrace before are in the index themselves.
    """
    item = {"file_id": file.file_id, "arrived_at": file.arrived_at, "dataset_files": file.dataset or UNROUTABLE}
    return table.putting(*listed_at(file), item)


def listed_at(file: FileRecord) -> Key:
    """The key of the file's place among the versions of its key."""
    return f"KEY#{file.bucket}/{file.key}", order_sk(file)


def waits_at(file: FileRecord) -> Key:
    """The key of the mark that the file waits."""
    return pending_pk(file.dataset, file.queue), pending_sk(file)


def saving(table: Table, file: FileRecord, condition: str = "", *, moved: bool = False, **values: Any) -> Write:
    """Write the whole file but for its deliveries, which others count. One that is `moved` is listed anew beside."""
    item = file_item(replace(file, updated_at=now()))
    item.pop("deliveries")
    kept = [name for name, value in item.items() if value is not None]
    gone = [name for name in item if name not in kept] + (["dataset_files"] if moved else [])
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
    expression += " REMOVE " + ", ".join(f"#{name}" for name in gone) if gone else ""
    return table.updating(file_pk(file.file_id), "FILE", expression, condition, **item | values)


def saving_if(table: Table, file: FileRecord, was: FileRecord) -> Write:
    """Write the file where it is still what it was: nothing of it was changed since it was read.

    A version of Headrace before, which may still run beside this one, counts no revisions: so status, batches and group
    are compared, too.
    """
    file = replace(file, revision=was.revision + 1)
    conditions = ["#status = :was_status"]
    known = {"batch": was.batch, "merge": was.merge, "group": was.group}
    for name, value in known.items():
        conditions.append(f"#{name} = :was_{name}" if value else f"attribute_not_exists(#{name})")
    conditions.append("revision = :was_revision" if was.revision else "attribute_not_exists(revision)")
    values: dict[str, Any] = {"was_status": str(was.status), "was_revision": was.revision or None}
    values |= {f"was_{name}": value for name, value in known.items()}
    return saving(table, file, " AND ".join(conditions), moved=file.dataset != was.dataset, **values)


def event(table: Table, pk: str, step: str, detail: dict[str, Any], at: str) -> Write:
    """One line of the history of what has this partition."""
    line = {"at": at, "step": step, "detail": within(detail, MOST_DETAIL), **table.expiry()}
    return table.putting(pk, f"EVENT#{at}#{step}", line)
