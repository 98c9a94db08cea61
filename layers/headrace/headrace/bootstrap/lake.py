"""What the function of the lake's tables works with."""

from __future__ import annotations

from functools import cached_property

from headrace.adapters import aws
from headrace.adapters.glue_tables import GlueTables
from headrace.adapters.table_orders import TableOrders
from headrace.bootstrap.ingest import AwsServices
from headrace.config import setting


class LakeAwsServices(AwsServices):
    """The services of `usecases.lake_tables` on AWS, as the function's environment names them."""

    @cached_property
    def lake_catalog(self) -> GlueTables:
        """The tables in Glue's catalogue."""
        return GlueTables(setting("LAKE_DATABASE"), setting("LAKE_WORKGROUP"), setting("LAKE_BUCKET"))

    @cached_property
    def table_orders(self) -> TableOrders:
        """The queue of what is to be registered."""
        return TableOrders(aws.client("sqs"), setting("LAKE_QUEUE"))


services = LakeAwsServices()
