"""SERIALIZABLE isolation: which transactions read and wrote what, and whether any order of them explains it.

Tables are what is read and written, as in Redshift. A transaction comes before another if it read a table as it was
before the other wrote it, if the other's snapshot has what it wrote, or if it wrote a table first. When these make a
circle no order is left, and the statement that closes it fails:
https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace_local.redshift.catalog.history import utc_now
from headrace_local.redshift.errors import SqlError

if TYPE_CHECKING:
    import datetime as dt

    from headrace_local.redshift.catalog.locks import Requests

SERIALIZABLE, SNAPSHOT = "Serializable", "Snapshot Isolation"


@dataclass(eq=False)
class Transaction:
    """One transaction; `snapshot` and `committed` are moments of one clock, and in UTC it `began`."""

    number: int
    pid: int
    snapshot: int
    began: dt.datetime = field(default_factory=utc_now)
    committed: int | None = None
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)

    def precedes(self, other: Transaction) -> bool:
        """Whether this one must come before `other` in any order that explains both."""
        if not self.reads.isdisjoint(other.writes) and not other.is_before(self.snapshot):
            return True
        seen = not self.writes.isdisjoint(other.reads) and self.is_before(other.snapshot)
        return seen or (self.committed is not None and self._wrote_before(other))

    def is_before(self, moment: int) -> bool:
        """Whether a snapshot of `moment` has what this one wrote."""
        return self.committed is not None and self.committed <= moment

    def _wrote_before(self, other: Transaction) -> bool:
        """Writers of one table hold its lock to their end, so one of them has committed before the other wrote."""
        return not self.writes.isdisjoint(other.writes) and not other.is_before(self.committed or 0)


class ViolationError(SqlError):
    """No order of the transactions is left: error 1023 on `table`, which ends `transaction`."""

    def __init__(self, table: str, transaction: Transaction, circle: list[Transaction]) -> None:
        self.table, self.transaction = table, transaction
        self._numbers = ", ".join(str(each.number) for each in circle)
        super().__init__("1023")
        self.on(0)

    def on(self, table_id: int) -> None:
        """Name the table by its number, as Redshift does."""
        pid = self.transaction.pid
        forming = f"transactions forming the cycle are: {self._numbers} (pid:{pid})"
        self.message = f"1023\n  Detail: Serializable isolation violation on table - {table_id}, {forming}"


class Isolation:
    """The database's isolation level; under SERIALIZABLE it remembers what transactions that overlap have done."""

    def __init__(self, level: str) -> None:
        self.level = level
        self._lock = threading.Lock()
        self._clock = itertools.count(1)
        self._numbers = itertools.count(1000)
        self._transactions: list[Transaction] = []

    @property
    def is_serializable(self) -> bool:
        """Whether the level is SERIALIZABLE."""
        return self.level == SERIALIZABLE

    def begin(self, pid: int, open_snapshot: Callable[[], None]) -> Transaction | None:
        """Open a snapshot, at one moment for the database and for this record; None under SNAPSHOT."""
        if not self.is_serializable:
            open_snapshot()
            return None
        with self._lock:
            open_snapshot()
            transaction = Transaction(next(self._numbers), pid, next(self._clock))
            self._transactions.append(transaction)
            return transaction

    def use(self, transaction: Transaction | None, requests: Requests) -> None:
        """Record what a statement reads and writes. Raises ViolationError if that leaves no order."""
        if transaction is None:
            return
        with self._lock:
            for key in sorted(requests):
                if requests[key].reads:
                    transaction.reads.add(key)
                if requests[key].writes:
                    transaction.writes.add(key)
                circle = self._circle(transaction)
                if circle:
                    raise ViolationError(key, transaction, circle)

    def commit(self, transaction: Transaction | None, commit: Callable[[], object]) -> None:
        """Commit, at one moment for the database and for this record."""
        if transaction is None:
            commit()
            return
        with self._lock:
            commit()
            transaction.committed = next(self._clock)
            self._forget_old()

    def forget(self, transaction: Transaction | None) -> None:
        """What was rolled back has not been."""
        if transaction is None or transaction.committed is not None:
            return
        with self._lock:
            self._transactions.remove(transaction)
            self._forget_old()

    def _circle(self, start: Transaction) -> list[Transaction]:
        """The transactions from `start` back to it, or none."""
        ways = [[start]]
        seen = {start}
        while ways:
            way = ways.pop()
            for following in self._following(way[-1]):
                if following is start:
                    return way
                if following not in seen:
                    seen.add(following)
                    ways.append([*way, following])
        return []

    def _following(self, transaction: Transaction) -> Iterator[Transaction]:
        return (other for other in self._transactions if other is not transaction and transaction.precedes(other))

    def _forget_old(self) -> None:
        """Keep the open transactions, and those that overlap with one that is kept."""
        kept = [each for each in self._transactions if each.committed is None]
        others = [each for each in self._transactions if each.committed is not None]
        while kept and others:
            since = min(each.snapshot for each in kept)
            overlapping = [each for each in others if not each.is_before(since)]
            if not overlapping:
                break
            kept += overlapping
            others = [each for each in others if each.is_before(since)]
        self._transactions = kept
