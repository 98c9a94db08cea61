"""The use cases' services, on the stack that a command works against."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

from headrace.adapters.accounts import AccountServices
from headrace.adapters.lake import S3Lake
from headrace.adapters.ledger import DynamoLedger, LedgerServices
from headrace.adapters.notices import Topic
from headrace.adapters.warehouse import Connection, Warehouse
from headrace.adapters.workflow import IngestWorkflow
from headrace.domain.contract import Contract
from headrace.domain.contracts import Contracts
from headrace.domain.ingest.lane import ALONE, WakeUps

READER = "ReaderSecretArn"
"""The output that names the secret of the user who only reads."""


class Stack(Protocol):
    """What is needed of the stack that a command works against."""

    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def contracts(self) -> dict[str, Contract]: ...
    @property
    def outputs(self) -> dict[str, str]: ...
    def client(self, service: str) -> Any: ...
    def output(self, name: str) -> str: ...


class TargetServices(LedgerServices, AccountServices):
    """The services of the use cases, with the rights of the person at the keyboard."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    @cached_property
    def contracts(self) -> Contracts:
        """The contracts that the stack was deployed with. Their SQL is the functions' business alone."""
        return Contracts(self._stack.contracts.values())

    @property
    def spark(self) -> bool:
        """Whether the stack has a Glue job."""
        return "SparkJob" in self._stack.outputs

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger table."""
        return self._stack.ledger

    @cached_property
    def lake(self) -> S3Lake:
        """The lake bucket."""
        return S3Lake(self._stack.client("s3"), self._stack.output("LakeBucket"))

    @cached_property
    def workflow(self) -> IngestWorkflow:
        """The ingest state machine."""
        return IngestWorkflow(self._stack.client("stepfunctions"), self._stack.output("IngestStateMachineArn"))

    @property
    def wake_ups(self) -> WakeUps:
        """What a person starts waits as its contract says, and is not taken along: the stack's settings are unknown."""
        return ALONE

    @cached_property
    def topic(self) -> Topic:
        """The notification topic."""
        return Topic(self._stack.client("sns"), self._stack.output("NotificationTopicArn"))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, as the user in its secret."""
        return Warehouse(self._stack.client("redshift-data"), connection_of(self._stack))

    @cached_property
    def reading(self) -> Warehouse:
        """The warehouse, as the user who only reads. Only for a stack that has one."""
        return Warehouse(self._stack.client("redshift-data"), connection_of(self._stack, reads=True))


def connection_of(stack: Stack, *, reads: bool = False) -> Connection:
    """To the stack's warehouse, as the user in its secret, who owns the tables; or as the one who only `reads` them.

    A stack that has no such user is read as the owner.
    """
    workgroup, database = map(stack.output, ("Workgroup", "Database"))
    cluster, user = (stack.outputs.get(name, "") for name in ("ClusterIdentifier", "DbUser"))
    secret = "" if user else stack.output("WarehouseSecretArn")
    if reads:
        secret = stack.outputs.get(READER, secret)
    return Connection(workgroup, database, secret, cluster, user)
