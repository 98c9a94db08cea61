"""What the functions of ingest, quality and recovery work with."""

from __future__ import annotations

from functools import cached_property

from headrace.adapters import aws
from headrace.adapters.accounts import AccountServices
from headrace.adapters.contracts_layer import ContractsLayer
from headrace.adapters.lake import S3Lake
from headrace.adapters.landing import LandingBucket
from headrace.adapters.ledger import DynamoLedger, LedgerServices
from headrace.adapters.notices import Topic
from headrace.adapters.queues import DeadLetterQueue
from headrace.adapters.secret import read_login
from headrace.adapters.warehouse import Connection, Warehouse
from headrace.adapters.workflow import IngestWorkflow
from headrace.config import setting
from headrace.domain.contracts import Contracts, Exports
from headrace.domain.ingest.lane import WakeUps


class AwsServices(LedgerServices, AccountServices):
    """The services of `usecases.ports` on AWS, as the function's environment names them."""

    @cached_property
    def contracts(self) -> Contracts:
        """The contracts of the contracts layer."""
        return self._layer.contracts()

    @cached_property
    def declared_exports(self) -> Exports:
        """The exports of the contracts layer."""
        return self._layer.exports()

    @property
    def sql(self) -> ContractsLayer:
        """The SQL of the contracts layer."""
        return self._layer

    @cached_property
    def _layer(self) -> ContractsLayer:
        return ContractsLayer()

    @property
    def spark(self) -> bool:
        """Whether the stack has a Glue job."""
        return bool(setting("SPARK_JOB"))

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger table."""
        return DynamoLedger(aws.client("dynamodb"), setting("LEDGER_TABLE"), int(setting("KEEP_DAYS")))

    @cached_property
    def lake(self) -> S3Lake:
        """The lake bucket."""
        return S3Lake(aws.client("s3"), setting("LAKE_BUCKET"))

    @cached_property
    def workflow(self) -> IngestWorkflow:
        """The ingest state machine."""
        return IngestWorkflow(aws.client("stepfunctions"), setting("INGEST_STATE_MACHINE"))

    @cached_property
    def wake_ups(self) -> WakeUps:
        """How groups share wake-ups of the warehouse."""
        return WakeUps(setting("SHARED_WAKE_UPS") == "true", int(setting("LONGEST_WAIT")))

    @cached_property
    def unreadable(self) -> DeadLetterQueue:
        """The intake's dead-letter queue."""
        return DeadLetterQueue(aws.client("sqs"), setting("INTAKE_DEAD_LETTER_QUEUE"))

    @cached_property
    def topic(self) -> Topic:
        """The topic of the notices."""
        return Topic(aws.client("sns"), setting("NOTIFICATION_TOPIC"))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, as the user in its secret."""
        return Warehouse(aws.client("redshift-data"), _connection("WAREHOUSE_SECRET"))

    @property
    def warehouse_admin(self) -> Warehouse:
        """The warehouse as its admin, for making the user that all else logs in as."""
        return Warehouse(aws.client("redshift-data"), _connection("ADMIN_SECRET"))

    @property
    def warehouse_login(self) -> tuple[str, str]:
        """Username and password of the user that all else logs in as, from its secret."""
        return read_login(aws.client("secretsmanager"), setting("WAREHOUSE_SECRET"))

    @property
    def reader_login(self) -> tuple[str, str]:
        """Username and password of the user that only reads, from its secret."""
        return read_login(aws.client("secretsmanager"), setting("READER_SECRET"))

    @cached_property
    def landing(self) -> LandingBucket:
        """The landing bucket."""
        return LandingBucket(aws.client("s3"), setting("LANDING_BUCKET"))


def _connection(secret: str) -> Connection:
    """To the stack's warehouse, as the user in a secret that the function's environment names."""
    where = setting("WORKGROUP"), setting("DATABASE"), setting(secret)
    return Connection(*where, setting("CLUSTER"), setting("DB_USER"))


services = AwsServices()
