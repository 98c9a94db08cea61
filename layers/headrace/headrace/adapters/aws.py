"""How AWS is called: one set of time-outs and retries, and one judgement of which errors are worth another try."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore import exceptions
from botocore.config import Config
from botocore.session import Session

from headrace.domain.ingest.failure import classify

CALLS = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=5, read_timeout=60)
WITHOUT_CHECKSUMS = CALLS.merge(Config(request_checksum_calculation="when_required"))
"""For multipart uploads part by part: botocore adds a CRC32 to each part unless configured not to, which S3 refused for
an upload that was begun without an algorithm (https://github.com/boto/botocore/issues/3216), and which would have to be
listed at its end."""
DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
CONNECTION_LOST = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)
"""The last two are bytes that were lost or damaged on their way."""


def client(service: str, config: Config = CALLS) -> Any:
    """A botocore client of the service, in the function's own region; boto3 makes the same, only slower to import."""
    return _session().create_client(service, config=config)


@cache
def _session() -> Session:
    return Session()


def is_transient(error: BaseException) -> bool:
    """Whether a failed AWS call may work when it is made again."""
    if isinstance(error, exceptions.ClientError):
        return _status(error) >= 500 or any(map(_passes, (_code(error), *_reasons(error))))
    return isinstance(error, CONNECTION_LOST)


def is_denied(error: BaseException) -> bool:
    """Whether AWS refused a call for want of a right."""
    return isinstance(error, exceptions.ClientError) and _code(error) in DENIED_CODES


def _code(error: exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: exceptions.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _reasons(error: exceptions.ClientError) -> list[str]:
    """Why a transaction of DynamoDB was cancelled."""
    return [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]


def _passes(code: str) -> bool:
    """Whether the catalogue of errors has a code as transient; the words beside it do not matter."""
    treatment = classify(f"An error occurred ({code}) when calling AWS").treatment
    return treatment.passes and not treatment.systemic
