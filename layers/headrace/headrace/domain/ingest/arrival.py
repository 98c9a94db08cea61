"""From an S3 event to a decision: which dataset a new object belongs to, and whether it can be loaded at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.domain.clock import precise
from headrace.domain.contract import LAMBDA, Contract
from headrace.domain.files.names import ignored_by, matches
from headrace.domain.ingest.groups import folder_of, opens, waits_for
from headrace.domain.ingest.ledger import Arrival, FileStatus
from headrace.domain.ingest.replay import replay_of

MAX_FILE_BYTES = 20 * 2**30
"""What one function can stream within Lambda's fifteen minutes."""
MAX_SPARK_BYTES = 5 * 2**40
"""The same of a Glue job: one stream hashes it at `HASH_RATE` in 15 of the 20 hours of `GlueTimeoutMinutes`."""
HASH_RATE = 100_000_000
"""Bytes of a file that a run reads in a second at least."""

LONGEST_KEY = 1024
"""Bytes of a key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html; of a version's name, too:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html."""
LARGEST_OBJECT = 1 << 50
"""Bytes: more than S3 holds as one object, and few enough for whatever counts them."""


class Cause(StrEnum):
    """Why an object is refused, one word for all objects that are refused for the same."""

    FOLDER = "folder marker"
    STRAY = "no dataset"
    EMPTY = "empty"
    TOO_LARGE = "too large"
    OTHER = "none of the files"


@dataclass(frozen=True, slots=True)
class Routing:
    """Where an object goes. `reason` is set when it goes nowhere, in words for a person, and with it its `cause`.

    An object that is ignored has none: nobody is notified.
    """

    dataset: str
    status: FileStatus
    reason: str | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter queue, an event that could not be recorded, and the receipt to handle it by."""

    body: str
    receipt: str


def arrival_of(event: dict[str, Any]) -> Arrival:
    """An EventBridge `Object Created` event as an Arrival. Raises one of NOT_AS_EXPECTED when it is something else.

    EventBridge gives the key as it is; only the classic S3 notification encodes it.
    """
    detail = event["detail"]
    item = detail["object"]
    return Arrival(
        bucket=text_of("bucket", detail["bucket"]["name"]),
        key=text_of("key", item["key"]),
        version=text_of("version", item.get("version-id") or item["etag"]),
        size=_size(item.get("size", 0)),
        etag=text_of("etag", item.get("etag", ""), least=0),
        sequencer=text_of("sequencer", item.get("sequencer", ""), least=0),
        at=precise(event["time"]),
    )


def text_of(name: str, value: Any, least: int = 1) -> str:
    """A text as S3 may have it: a lone half of a character would be refused by whatever stores or hashes it."""
    if not isinstance(value, str) or not least <= len(value.encode()) <= LONGEST_KEY:
        raise ValueError(f"its {name} is no text of {least} to {LONGEST_KEY:,} bytes")
    return value


def _size(value: Any) -> int:
    size = int(value)
    if not 0 <= size <= LARGEST_OBJECT:
        raise ValueError("its size is none that an object has")
    return size


def route(arrival: Arrival, contracts: Iterable[Contract], *, spark: bool = False) -> Routing:
    """The dataset whose prefix the key has, the longest one if there are several, if the object is one of its files.

    With `spark` a Glue job takes the files that are too large for a function.
    """
    if arrival.key.endswith("/") and arrival.size == 0:
        reason = "a folder marker: it has no rows, nothing is to be done"
        return Routing("", FileStatus.UNROUTABLE, reason, Cause.FOLDER)
    known = list(contracts)
    contract = contract_of(arrival.key, known)
    if not contract:
        listed = ", ".join(sorted({contract.prefix for contract in known})) or "none"
        reason = f"no contract has a prefix of this key (known prefixes: {listed})"
        return Routing("", FileStatus.UNROUTABLE, reason, Cause.STRAY)
    if contract.grouped and opens(contract, arrival.key):
        return _opening(arrival, contract)
    if out := left_out(arrival.key, contract):
        return out
    if contract.grouped and not replay_of(contract, arrival.key):
        return Routing(contract.dataset, FileStatus.WAITING, waits_for(contract))
    return _admit(arrival, contract.dataset, spark=spark and contract.engine != LAMBDA)


def _opening(arrival: Arrival, contract: Contract) -> Routing:
    """A marker is often empty, and its name one that is ignored otherwise. So is the folder that manifests are in."""
    folder = folder_of(arrival.key.removeprefix(contract.prefix))
    if contract.marker and (pattern := ignored_by(folder, contract.ignore)):
        return _ignored(pattern)
    if contract.manifest and arrival.size == 0:
        return Routing(contract.dataset, FileStatus.FAILED, "the manifest is empty (0 bytes)", Cause.EMPTY)
    return Routing(contract.dataset, FileStatus.PENDING)


def _ignored(pattern: str) -> Routing:
    reason = f"ignored: a name in its key fits {pattern}, which the contract's `ignore` has"
    return Routing("", FileStatus.UNROUTABLE, reason)


def contract_of(key: str, contracts: Iterable[Contract]) -> Contract | None:
    """The contract in whose folder an object is, one of its files or not: that of the longest prefix."""
    fitting = [contract for contract in contracts if key.startswith(contract.prefix)]
    return max(fitting, key=lambda contract: len(contract.prefix), default=None)


def left_out(key: str, contract: Contract) -> Routing | None:
    """Why an object below a dataset's folder is none of its files; None when it is one.

    What a source fetched was chosen by its own pattern, and what comes back from quarantine by Headrace.
    """
    below = key.removeprefix(contract.prefix)
    name = below.rpartition("/")[2]
    if replay_of(contract, key) or (contract.sources and below.startswith("server=")):
        return None
    if pattern := ignored_by(below, contract.ignore):
        return _ignored(pattern)
    if contract.files and not any(matches(name, pattern) for pattern in contract.files):
        reason = f"its name fits none of the contract's `files`: {', '.join(contract.files)}"
        return Routing("", FileStatus.UNROUTABLE, reason, Cause.OTHER)
    return None


def _admit(arrival: Arrival, dataset: str, *, spark: bool) -> Routing:
    if arrival.size == 0:
        return Routing(dataset, FileStatus.FAILED, "the file is empty (0 bytes)", Cause.EMPTY)
    most, whose = (MAX_SPARK_BYTES, "one run's") if spark else (MAX_FILE_BYTES, "one function's")
    if arrival.size > most:
        reason = (
            f"the file has {arrival.size / 2**30:.1f} GiB; more than {most / 2**30:.0f} GiB do not fit in {whose} time:"
            " split it before it is sent"
        )
        return Routing(dataset, FileStatus.FAILED, reason, Cause.TOO_LARGE)
    return Routing(dataset, FileStatus.PENDING)
