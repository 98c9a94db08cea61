"""The use cases' services, on the stack that a command works against."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

from headrace.adapters.lake import S3Lake
from headrace.adapters.ledger import DynamoLedger, LedgerServices
from headrace.adapters.notices import Topic
from headrace.adapters.warehouse import Connection, Warehouse
from headrace.adapters.workflow import IngestWorkflow
from headrace.domain.contract import Contract
from headrace.domain.export import Export
from headrace.domain.judgement import Scope
from headrace_cli.output.failures import CommandError


class Stack(Protocol):
    """What is needed of the stack that a command works against."""

    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def contracts(self) -> dict[str, Contract]: ...
    def contract(self, dataset: str) -> Contract: ...
    def client(self, service: str) -> Any: ...
    def output(self, name: str) -> str: ...


class DeployedCatalog:
    """The contracts that the stack was deployed with. Their SQL is the functions' business alone."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def all(self) -> list[Contract]:
        """Every deployed contract."""
        return list(self._stack.contracts.values())

    def contract(self, dataset: str) -> Contract:
        """One dataset's contract. Raises CommandError."""
        return self._stack.contract(dataset)

    def exports(self) -> list[Export]:
        """None: only a deployment asks for them here; commands ask the target."""
        return []

    def load_sql(self, dataset: str) -> str:
        """Not available here."""
        raise CommandError(f"the SQL of {dataset} is in the functions' layer only")

    merge_sql = table_sql = stage_sql = load_sql

    def views_sql(self, dataset: str) -> str:
        """Not available here."""
        raise CommandError(f"the SQL of {dataset} is in the functions' layer only")

    def measure_sql(self, dataset: str, scope: Scope) -> str:
        """Not available here."""
        raise CommandError(f"the SQL that measures a {scope} of {dataset} is in the functions' layer only")

    def migrations(self) -> list[tuple[str, str]]:
        """None: only a deployment migrates."""
        return []


class TargetServices(LedgerServices):
    """The services of the use cases, with the rights of the person at the keyboard."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    @cached_property
    def catalog(self) -> DeployedCatalog:
        """The deployed contracts."""
        return DeployedCatalog(self._stack)

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

    @cached_property
    def topic(self) -> Topic:
        """The notification topic."""
        return Topic(self._stack.client("sns"), self._stack.output("NotificationTopicArn"))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, as the user in its secret."""
        stack = self._stack
        connection = Connection(*(stack.output(name) for name in ("Workgroup", "Database", "WarehouseSecretArn")))
        return Warehouse(stack.client("redshift-data"), connection)
