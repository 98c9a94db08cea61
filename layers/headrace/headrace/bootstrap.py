"""The one place that picks adapters. Each is made when first used, and kept for the function's next invocation."""

from __future__ import annotations

from functools import cached_property

from headrace.adapters import aws
from headrace.adapters.catalog import Catalog
from headrace.adapters.lake import S3Lake
from headrace.adapters.landing import LandingBucket
from headrace.adapters.ledger import DynamoLedger
from headrace.adapters.notices import Topic
from headrace.adapters.pagerduty import Routing
from headrace.adapters.secret import address, read_login, read_secret
from headrace.adapters.warehouse import Connection, Warehouse
from headrace.adapters.workflow import IngestWorkflow
from headrace.config import setting
from headrace.exports.adapters.bucket import ExportBucket
from headrace.exports.adapters.ledger import DynamoExports
from headrace.exports.adapters.run_queue import ExportQueue
from headrace.exports.adapters.workflow import RunWorkflow
from headrace.sources.adapters.connector import Connector
from headrace.sources.adapters.ledger import DynamoSourceLedger
from headrace.sources.adapters.poll_queue import PollOrders
from headrace.sources.adapters.staging import S3Incoming


class AwsServices:
    """The services of `usecases.ports` on AWS, as the function's environment names them."""

    @cached_property
    def catalog(self) -> Catalog:
        """The contracts of the contracts layer."""
        return Catalog()

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
    def topic(self) -> Topic:
        """The topic of the notices."""
        return Topic(aws.client("sns"), setting("NOTIFICATION_TOPIC"))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, as the user in its secret."""
        connection = Connection(setting("WORKGROUP"), setting("DATABASE"), setting("WAREHOUSE_SECRET"))
        return Warehouse(aws.client("redshift-data"), connection)

    @property
    def warehouse_admin(self) -> Warehouse:
        """The warehouse as its admin, for making the user that all else logs in as."""
        connection = Connection(setting("WORKGROUP"), setting("DATABASE"), setting("ADMIN_SECRET"))
        return Warehouse(aws.client("redshift-data"), connection)

    @property
    def warehouse_login(self) -> tuple[str, str]:
        """Username and password of the user that all else logs in as, from its secret."""
        return read_login(aws.client("secretsmanager"), setting("WAREHOUSE_SECRET"))

    @cached_property
    def landing(self) -> LandingBucket:
        """The landing bucket."""
        return LandingBucket(aws.client("s3"), setting("LANDING_BUCKET"))

    @cached_property
    def exports(self) -> DynamoExports:
        """The runs of exports, in the ledger table."""
        return DynamoExports(aws.client("dynamodb"), setting("LEDGER_TABLE"), int(setting("KEEP_DAYS")))

    @cached_property
    def requests(self) -> ExportQueue:
        """The queue of the exports' requests."""
        return ExportQueue(aws.client("sqs"), setting("EXPORT_QUEUE"))

    @cached_property
    def bucket(self) -> ExportBucket:
        """The bucket of exported files."""
        return ExportBucket(aws.client("s3"), setting("EXPORT_BUCKET"))

    @cached_property
    def export_workflow(self) -> RunWorkflow:
        """The export state machine."""
        return RunWorkflow(aws.client("stepfunctions"), setting("EXPORT_STATE_MACHINE"))

    @cached_property
    def unloader(self) -> Warehouse:
        """The warehouse, for statements that are not waited for."""
        return self.warehouse

    @cached_property
    def copy_role(self) -> str:
        """The role that the warehouse reads and writes the lake with."""
        return setting("COPY_ROLE")

    @cached_property
    def slack_webhook(self) -> str:
        """The webhook's URL, from Secrets Manager; a rotated secret is seen by the next cold start."""
        name, parameter = setting("SLACK_WEBHOOK_SECRET"), "SlackWebhookSecret"
        text = read_secret(aws.client("secretsmanager"), name, parameter)
        form = "the address of Slack's incoming webhook, https://hooks.slack.com/services/…,"
        return address(text, f"the secret {name} (parameter {parameter})", form)

    @cached_property
    def source_ledger(self) -> DynamoSourceLedger:
        """Servers and their files, in the ledger table."""
        return DynamoSourceLedger(aws.client("dynamodb"), setting("LEDGER_TABLE"), int(setting("KEEP_DAYS")))

    @cached_property
    def incoming(self) -> S3Incoming:
        """Files on their way from a server into the landing bucket."""
        return S3Incoming(aws.client("s3", aws.WITHOUT_CHECKSUMS), setting("LAKE_BUCKET"), setting("LANDING_BUCKET"))

    @cached_property
    def connect(self) -> Connector:
        """Servers, with the credentials in their secrets."""
        return Connector(aws.client("secretsmanager"), setting("SOURCE_SECRETS"))

    @cached_property
    def poll_orders(self) -> PollOrders:
        """The queue of polls to be made."""
        return PollOrders(aws.client("sqs"), setting("POLL_QUEUE_URL"))

    @property
    def pagerduty(self) -> Routing:
        """PagerDuty's routing key, from Secrets Manager, read for each of the few incidents."""
        name, parameter = setting("PAGERDUTY_SECRET"), "PagerDutySecret"
        text = read_secret(aws.client("secretsmanager"), name, parameter)
        return Routing.from_secret(text, f"the secret {name} (parameter {parameter})")


services = AwsServices()
