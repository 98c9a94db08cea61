"""A day's run of an export: its categories, the requests made of it, and the answers to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

RUNNER_TRIES = 3
"""Deliveries of a request before it is a dead letter; the queue's maxReceiveCount."""
PUT_OFF_SECONDS = 300
MOST_PUT_OFF = 72
"""For six hours a request waits for a service that is out of order."""


class RunStatus(StrEnum):
    """Where a run stands. A partial run did the part that was asked for; the day is not complete."""

    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    PARTIAL = "partial"


class UnloadStatus(StrEnum):
    """Where a category stands."""

    WAITING = "waiting"
    UNLOADING = "unloading"
    UNLOADED = "unloaded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A run, one per export and date; each attempt is one execution. `parts` is 0 until it is planned.

    `stale` is a complete day that is exported again, until what is known of its files is forgotten. `category` and
    `account` are what a person narrowed this attempt to. `plan` is the key of the list of its accounts. `nudged` is how
    many answers there were when lost requests were made again. Times are ISO 8601 in UTC. `turn` counts the changes:
    what was read at an earlier turn is not written any more.
    """

    export: str
    date: str
    attempt: int
    status: RunStatus
    started_at: str
    attempt_at: str
    ended_at: str = ""
    accounts: int = 0
    parts: int = 0
    category: str | None = None
    account: str | None = None
    stray_rows: int = 0
    progress_at: str = ""
    answered: int = 0
    nudged: int | None = None
    statements: int = 0
    usual_seconds: float = 0.0
    seconds: float = 0.0
    reason: str = ""
    plan: str = ""
    turn: int = 0
    stale: bool = False

    @property
    def name(self) -> str:
        """The name of the attempt, and of its execution."""
        return f"{self.export}-{self.date}-{self.attempt}"

    @property
    def narrowed(self) -> bool:
        """Whether only a part of the day was asked for."""
        return self.category is not None or self.account is not None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**value | {"status": RunStatus(value["status"])})


@dataclass(frozen=True, slots=True)
class CategoryState:
    """One category of a run. `folder` is where it is unloaded to, `unloaded_by` by which attempt;
    `asked` is the attempt whose requests were made, `narrowed` whether they were for one account.

    `only` are the accounts that the UNLOAD is narrowed to, none for all. `rows` counts those of the whole category.
    `turn` counts the changes.
    """

    category: str
    status: UnloadStatus = UnloadStatus.WAITING
    folder: str = ""
    statement: str = ""
    tries: int = 0
    asked: int = 0
    unloaded_by: int = 0
    rows: int = 0
    narrowed: bool = False
    only: tuple[str, ...] = ()
    reason: str = ""
    turn: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**value | {"status": UnloadStatus(value["status"]), "only": tuple(value.get("only", ()))})


@dataclass(frozen=True, slots=True)
class Request:
    """The requests for the accounts of one part, in one message; `files` are the keys of the part's Parquet, `folder`
    that of its UNLOAD: once the category has another, the answer is ignored.

    An account whose request has failed travels `alone` from then on. `put_off` counts how often a request was put off,
    because a service was out of order.
    """

    export: str
    date: str
    category: str
    part: int
    accounts: tuple[str, ...]
    files: tuple[str, ...]
    alone: bool = False
    folder: str = ""
    put_off: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**value | {"accounts": tuple(value["accounts"]), "files": tuple(value["files"])})

    def for_alone(self, account: str) -> Request:
        """The request for one of the accounts."""
        return replace(self, accounts=(account,), alone=True)


@dataclass(frozen=True, slots=True)
class FileResult:
    """One account's file; `key` is empty when the account had no rows and the export writes no empty files."""

    account: str
    key: str
    rows: int
    bytes: int
    sha256: str

    def to_list(self) -> list[Any]:
        """As a JSON list: thousands of these are kept."""
        return [self.account, self.key, self.rows, self.bytes, self.sha256]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the files that were written, or the reason why its one account has none."""

    request: Request
    files: tuple[FileResult, ...] = ()
    failure: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """The answers of one category, counted. `seconds` is the runners' time."""

    done: int = 0
    failed: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    answers: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Count in what another tally has counted."""
        for name in ("done", "failed", "rows", "bytes", "seconds", "answers"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failures.update(other.failures)


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of all; failures are counted, not named."""
    summed = Tally()
    for tally in tallies:
        summed.add(replace(tally, failures={}))
    return summed


def deliveries(message: dict[str, Any]) -> int:
    """How often a message of SQS has come, this time included."""
    return int(message["attributes"]["ApproximateReceiveCount"])
