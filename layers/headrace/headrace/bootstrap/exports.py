"""What the functions of exports work with."""

from __future__ import annotations

from functools import cached_property

from headrace.adapters import aws
from headrace.adapters.warehouse import Warehouse
from headrace.bootstrap.ingest import AwsServices
from headrace.config import setting
from headrace.exports.adapters.bucket import ExportBucket
from headrace.exports.adapters.ledger import DynamoExports
from headrace.exports.adapters.run_queue import ExportQueue
from headrace.exports.adapters.workflow import RunWorkflow
from headrace.exports.model.calendar import Calendar


class ExportAwsServices(AwsServices):
    """The services of `exports.ports` on AWS, as the function's environment names them."""

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
    def export_calendar(self) -> Calendar:
        """When exports are due, and which day that is."""
        return Calendar(setting("EXPORT_SCHEDULE"), setting("EXPORT_TIME_ZONE"))

    @cached_property
    def unloader(self) -> Warehouse:
        """The warehouse, for statements that are not waited for."""
        return self.warehouse

    @cached_property
    def copy_role(self) -> str:
        """The role that the warehouse reads and writes the lake with."""
        return setting("COPY_ROLE")


services = ExportAwsServices()
