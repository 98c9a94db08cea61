"""What the functions of sources work with."""

from __future__ import annotations

from functools import cached_property

from headrace.adapters import aws
from headrace.bootstrap.ingest import AwsServices
from headrace.config import setting
from headrace.sources.adapters.connector import Connector
from headrace.sources.adapters.ledger import DynamoSourceLedger
from headrace.sources.adapters.poll_queue import PollOrders
from headrace.sources.adapters.staging import S3Incoming


class SourceAwsServices(AwsServices):
    """The services of `sources.ports` on AWS, as the function's environment names them."""

    @cached_property
    def source_ledger(self) -> DynamoSourceLedger:
        """Servers and their files, in the ledger table."""
        return DynamoSourceLedger(aws.client("dynamodb"), setting("LEDGER_TABLE"), int(setting("KEEP_DAYS")))

    @cached_property
    def incoming(self) -> S3Incoming:
        """Files on their way from a server into the landing bucket."""
        return S3Incoming(aws.client("s3", aws.FOR_UPLOADS), setting("LAKE_BUCKET"), setting("LANDING_BUCKET"))

    @cached_property
    def connect(self) -> Connector:
        """Servers, with the credentials in their secrets."""
        return Connector(aws.client("secretsmanager"), setting("SOURCE_SECRETS"))

    @cached_property
    def poll_orders(self) -> PollOrders:
        """The queue of polls to be made."""
        return PollOrders(aws.client("sqs"), setting("POLL_QUEUE_URL"))


services = SourceAwsServices()
