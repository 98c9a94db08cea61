"""The embedded Redshift behind IAM, for HTTP and for Step Functions alike."""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from headrace_local.access import Caller, authorize
from headrace_local.redshift import Boto3Store, DataApiError, EmbeddedRedshift, HttpResponse, Publish, respond

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Protocol

    class DataApi(Protocol):
        """The Redshift Data API; requests and answers are its JSON documents, with times as numbers."""

        def call(self, operation: str, request: dict[str, Any], *, principal: str) -> dict[str, Any]:
            """Answer one operation. Raises DataApiError."""
            ...


WAITING_CALLS = 64
WORKGROUP = DATABASE = "headrace"


def embedded_redshift(database_file: Path, s3: Any, secrets: Any, publish: Publish) -> EmbeddedRedshift:
    """A Redshift over this DuckDB file, whose COPY and UNLOAD, and whose logins, go through these boto3 clients."""

    @cache
    def user_of_secret(arn: str) -> str:
        return str(json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["username"])

    # docs/laptop.md: AWS does not say whether its limit is for a statement or for a batch.
    limit_batches = os.environ.get("HEADRACE_STATEMENT_LIMIT") == "batch"
    return EmbeddedRedshift(database_file, Boto3Store(s3), publish, user_of_secret, limit_batches=limit_batches)


def refuse_other_warehouses(request: dict[str, Any]) -> None:
    """There is one workgroup with one database, as the stack names them by default. Raises DataApiError."""
    if request.get("WorkgroupName", WORKGROUP) != WORKGROUP or "ClusterIdentifier" in request:
        raise DataApiError("ValidationException", "Redshift endpoint doesn't exist in this region.")
    if request.get("Database", DATABASE) != DATABASE:
        raise DataApiError("ValidationException", f'FATAL: database "{request["Database"]}" does not exist')


class Warehouse:
    """Calls of the Data API, each allowed to its caller by IAM first."""

    def __init__(self, data_api: DataApi) -> None:
        self._data_api = data_api
        # A describe may wait for half a minute; nobody else must wait for it.
        self._threads = ThreadPoolExecutor(WAITING_CALLS, thread_name_prefix="data-api")

    def call(self, caller: Caller, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One operation for a caller. Raises DataApiError."""
        principal = authorize(caller, operation, request)
        refuse_other_warehouses(request)
        return self._data_api.call(operation, request, principal=principal)

    async def answer(self, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """The answer to an HTTP request with an `X-Amz-Target` of the Data API."""

        def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            return self.call(Caller.of_request(dict(headers)), operation, request)

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, respond, call, headers["x-amz-target"], body)
