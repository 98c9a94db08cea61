"""An embedded Redshift: the Redshift Data API over a DuckDB file, with Redshift's own refusals.

redshift = EmbeddedRedshift(Path("warehouse.duckdb"), Boto3Store(s3_client))
redshift.call("ExecuteStatement", {"WorkgroupName": "w", "Database": "dev", "Sql": "SELECT 1"}, principal="me")
"""

from headrace_local.redshift.api.data_api import EmbeddedRedshift
from headrace_local.redshift.api.events import Publish, StatementEvent
from headrace_local.redshift.api.protocol import TARGET_PREFIX, HttpResponse, respond
from headrace_local.redshift.errors import DataApiError
from headrace_local.redshift.files.s3 import Boto3Store, S3Store

__all__ = [
    "TARGET_PREFIX",
    "Boto3Store",
    "DataApiError",
    "EmbeddedRedshift",
    "HttpResponse",
    "Publish",
    "S3Store",
    "StatementEvent",
    "respond",
]
