"""The event that a statement submitted `WithEvent` leaves on the default bus when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.api.describing import described
from headrace_local.redshift.api.statement_store import KEPT_SECONDS

if TYPE_CHECKING:
    from headrace_local.redshift.api.statement_store import Statement

SOURCE = "aws.redshift-data"
DETAIL_TYPE = "Redshift Data Statement Status Change"


@dataclass(frozen=True)
class StatementEvent:
    """An event without its envelope; the workgroup or cluster is what its `resources` name."""

    principal: str
    detail: dict[str, Any]
    workgroup: str | None
    cluster: str | None


Publish = Callable[[StatementEvent], None]


def publish_nothing(_: StatementEvent) -> None:
    """What becomes of events where there is no bus."""


def event_of(statement: Statement) -> StatementEvent:
    """The event of a statement that has ended. It says neither the error nor the sub-statements, as on AWS."""
    description = described(statement)
    detail = {
        "principal": statement.principal,
        "statementName": statement.request.get("StatementName", ""),
        "statementId": statement.id,
        "redshiftQueryId": -1 if statement.is_batch else description["RedshiftQueryId"],
        "state": statement.status.value,
        "rows": description["ResultRows"],
        "expireAt": int(statement.created_at + KEPT_SECONDS),
    }
    request = statement.request
    return StatementEvent(statement.principal, detail, request.get("WorkgroupName"), request.get("ClusterIdentifier"))
