"""The use cases' services, on the stack that a command works against."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from headrace.adapters.lake import S3Lake
from headrace.adapters.notices import Topic
from headrace.adapters.warehouse import Connection, Warehouse
from headrace.adapters.workflow import IngestWorkflow
from headrace.domain.contract import Contract
from headrace.domain.export import Export
from headrace.domain.judgement import Scope
from headrace_cli.failures import CommandError

if TYPE_CHECKING:
    from headrace.adapters.ledger import DynamoLedger
    from headrace_cli.target import Target


class DeployedCatalog:
    """The contracts that the stack was deployed with. Their SQL is the functions' business alone."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def all(self) -> list[Contract]:
        """Every deployed contract."""
        return list(self._target.contracts.values())

    def contract(self, dataset: str) -> Contract:
        """One dataset's contract. Raises CommandError."""
        return self._target.contract(dataset)

    def exports(self) -> list[Export]:
        """None: only a deployment asks for them here; commands ask the target."""
        return []

    def load_sql(self, dataset: str) -> str:
        """Not to be had from here."""
        raise CommandError(f"the SQL of {dataset} is in the functions' layer only")

    merge_sql = table_sql = stage_sql = load_sql

    def views_sql(self, dataset: str) -> str:
        """Not to be had from here."""
        raise CommandError(f"the SQL of {dataset} is in the functions' layer only")

    def measure_sql(self, dataset: str, scope: Scope) -> str:
        """Not to be had from here."""
        raise CommandError(f"the SQL that measures a {scope} of {dataset} is in the functions' layer only")

    def migrations(self) -> list[tuple[str, str]]:
        """None: only a deployment migrates."""
        return []


class TargetServices:
    """`usecases.ports.Services` with the rights of the person at the keyboard."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def catalog(self) -> DeployedCatalog:
        """The deployed contracts."""
        return DeployedCatalog(self._target)

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger table."""
        return self._target.ledger

    @cached_property
    def lake(self) -> S3Lake:
        """The lake bucket."""
        return S3Lake(self._target.client("s3"), self._target.output("LakeBucket"))

    @cached_property
    def workflow(self) -> IngestWorkflow:
        """The ingest state machine."""
        return IngestWorkflow(self._target.client("stepfunctions"), self._target.output("IngestStateMachineArn"))

    @cached_property
    def topic(self) -> Topic:
        """The topic that people listen to."""
        return Topic(self._target.client("sns"), self._target.output("NotificationTopicArn"))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, as the user in its secret."""
        target = self._target
        connection = Connection(*(target.output(name) for name in ("Workgroup", "Database", "WarehouseSecretArn")))
        return Warehouse(target.client("redshift-data"), connection)
