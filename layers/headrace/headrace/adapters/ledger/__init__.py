"""The ledger in DynamoDB: one table, read consistently wherever a decision depends on it.

pk                         sk                       what
FILE#<file_id>             FILE                     one landed object version, and how its history begins
FILE#<file_id>             EVENT#<time>#<step>      its history, append only
KEY#<bucket>/<key>         <sequencer>#<file_id>    the versions of a key, in S3's own order; in the index by_dataset
LOADED#<bucket>/<key>      <sequencer>#<file_id>    those that have rows in the target, and the last two that had
PENDING#<dataset>#<lane>   <arrived_at>#<file_id>   a file that waits for a batch; a staged one in the lane `merge`
CONTENT#<dataset>#<sha256> CLAIM                    which file brought this content first
COPIES#<file_id>           <hash of bucket/key>     the last duplicate of a file under each other key
LANE#<dataset>#<lane>      STATE                    generation, the batch that is open, those that are held, a pause
SLEEPERS#                  <dataset>#<lane>         until when an execution waits for its group
PROMISE#<dataset>          LATE, VIEW#<view>        since when people know that its promise is broken, a view stale
PROMISE#<dataset>          WATCHED                  which expected files have come, and what people know to be wrong
COVERAGE#<dataset>         COVERAGE                 how far the nights have come with comparing its objects
BATCH#<batch>              BATCH                    a group of files loaded in one transaction
BATCH#<batch>              EVENT#<time>#<step>      its history
AUDIT#<month>              <time>#<id>              what a person did by hand, why, and what came of it

`counting.py` has the counters of datasets, `storms.py` what else is in the table of refused objects. A write that spans
records is in the module of the port that decides on it, and the form of all records in `items.py`.

Every write can be done again with the same effect, so any function may be retried at any point.
"""

from __future__ import annotations

from typing import Any, Protocol

from headrace.adapters.ledger.audit import DynamoAudit
from headrace.adapters.ledger.batches import DynamoBatches
from headrace.adapters.ledger.contents import DynamoContents
from headrace.adapters.ledger.counters import DynamoCounters
from headrace.adapters.ledger.events import DynamoEvents
from headrace.adapters.ledger.files import DynamoFiles
from headrace.adapters.ledger.lanes import DynamoLanes, DynamoSleepers
from headrace.adapters.ledger.storms import DynamoStorms
from headrace.adapters.ledger.watches import DynamoWatches
from headrace.adapters.table import Table
from headrace.domain.ingest.ledger import UNROUTABLE

__all__ = ["UNROUTABLE", "DynamoLedger", "LedgerServices"]


class DynamoLedger:
    """Each port of the ledger over the same table. `client` is a boto3 DynamoDB client.

    Events and notes of copies go after `keep_days`, the audit after `audit_days`, what decisions hang on stays; 0 keeps
    everything.
    """

    def __init__(self, client: Any, table: str, keep_days: int = 0, audit_days: int = 0) -> None:
        items = Table(client, table, keep_days)
        self.files = DynamoFiles(items)
        self.contents = DynamoContents(items)
        self.batches = DynamoBatches(items)
        self.lanes = DynamoLanes(items)
        self.sleepers = DynamoSleepers(items)
        self.events = DynamoEvents(items)
        self.watches = DynamoWatches(items)
        self.counters = DynamoCounters(items)
        self.storms = DynamoStorms(items)
        self.audit = DynamoAudit(Table(client, table, audit_days))


class HasLedger(Protocol):
    """Services with a ledger."""

    @property
    def ledger(self) -> DynamoLedger: ...


class LedgerServices:
    """The ledger's ports as services of their own, of what has a `ledger`."""

    @property
    def files(self: HasLedger) -> DynamoFiles:
        """The files of the ledger."""
        return self.ledger.files

    @property
    def contents(self: HasLedger) -> DynamoContents:
        """The contents and versions of files."""
        return self.ledger.contents

    @property
    def batches(self: HasLedger) -> DynamoBatches:
        """The batches of the ledger."""
        return self.ledger.batches

    @property
    def lanes(self: HasLedger) -> DynamoLanes:
        """The lanes of datasets."""
        return self.ledger.lanes

    @property
    def sleepers(self: HasLedger) -> DynamoSleepers:
        """The lanes whose execution waits for its group."""
        return self.ledger.sleepers

    @property
    def events(self: HasLedger) -> DynamoEvents:
        """The history of files and batches."""
        return self.ledger.events

    @property
    def watches(self: HasLedger) -> DynamoWatches:
        """What is remembered between two looks."""
        return self.ledger.watches

    @property
    def counters(self: HasLedger) -> DynamoCounters:
        """The counters of datasets."""
        return self.ledger.counters

    @property
    def storms(self: HasLedger) -> DynamoStorms:
        """Groups of refused objects."""
        return self.ledger.storms
