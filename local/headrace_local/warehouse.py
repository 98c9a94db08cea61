"""The embedded Redshift behind IAM, for HTTP and for Step Functions alike."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from headrace_local.access import Caller, authorize
from headrace_local.redshift import Boto3Reader, DataApiError, EmbeddedRedshift

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Protocol

    class DataApi(Protocol):
        """The Redshift Data API; requests and answers are its JSON documents, with times as numbers."""

        def call(self, operation: str, request: dict[str, Any], *, principal: str) -> dict[str, Any]:
            """Answer one operation. Raises DataApiError."""
            ...


TARGET_PREFIX = "RedshiftData."
logger = logging.getLogger(__name__)


def embedded_redshift(database_file: Path, s3: Any) -> EmbeddedRedshift:
    """A Redshift over this DuckDB file, whose COPY reads through this boto3 client."""
    return EmbeddedRedshift(database_file, Boto3Reader(s3))


class Warehouse:
    """Calls of the Data API, each allowed to its caller by IAM first."""

    def __init__(self, data_api: DataApi) -> None:
        self._data_api = data_api

    def call(self, caller: Caller, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One operation for a caller. Raises DataApiError."""
        principal = authorize(caller, operation, request)
        return self._data_api.call(operation, request, principal=principal)

    async def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and document for an HTTP request with an `X-Amz-Target` of the Data API."""
        operation = headers["x-amz-target"].removeprefix(TARGET_PREFIX)
        try:
            caller = Caller.of_request(dict(headers))
            return 200, await asyncio.to_thread(self.call, caller, operation, document(body))
        except DataApiError as error:
            return error.http_status, {"__type": error.code, "message": error.message, **error.members}
        except Exception:
            logger.exception("%s failed", operation)
            return 500, {"__type": "InternalServerException", "message": "Look into laptop.log."}


def document(body: bytes) -> dict[str, Any]:
    """The JSON object of a request. Raises DataApiError."""
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise DataApiError("SerializationException", "The request is not JSON.") from error
    if not isinstance(request, dict):
        raise DataApiError("SerializationException", "The request is not a JSON object.")
    return request
