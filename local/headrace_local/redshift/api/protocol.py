"""AWS JSON 1.1 over HTTP for the Data API: what plain boto3 and the AWS CLI speak."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.errors import DataApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[[str, dict[str, Any]], dict[str, Any]]

TARGET_PREFIX = "RedshiftData."
CONTENT_TYPE = "application/x-amz-json-1.1"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HttpResponse:
    """What to send back."""

    status: int
    headers: dict[str, str]
    body: bytes


def respond(call: Call, target: str, body: bytes) -> HttpResponse:
    """Answer a POST with header `X-Amz-Target: <target>`; it may block as long as `call` does."""
    try:
        answer = call(target.removeprefix(TARGET_PREFIX), _request(body))
    except DataApiError as error:
        members = {"__type": error.code, "message": error.message, **error.members}
        return _response(error.http_status, members, {"x-amzn-ErrorType": error.code})
    except Exception:
        _logger.exception("%s", target)
        return _response(500, {"__type": "InternalServerException", "message": "internal error"}, {})
    return _response(200, answer, {})


def _request(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise DataApiError("SerializationException", "the request is not JSON") from error
    if not isinstance(request, dict):
        raise DataApiError("SerializationException", "the request is not a JSON object")
    return request


def _response(status: int, content: dict[str, Any], headers: dict[str, str]) -> HttpResponse:
    body = json.dumps(content).encode()
    return HttpResponse(status, {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(body)), **headers}, body)
