"""How AWS is called: one set of time-outs and retries, and one judgement of which errors are worth another try."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore import exceptions
from botocore.config import Config
from botocore.session import Session

from headrace.domain.ingest.failure import classify
from headrace.errors import TransientError

CONNECT_SECONDS = 2
ANSWER_SECONDS = {"s3": 15, "redshift-data": 40, "glue": 20}
"""Within which the first bytes of an answer come, or the next ones: a look at a statement waits for it 20 s."""
QUICK_SECONDS = 6
"""The same of all other services, which answer within milliseconds."""
SPARE_SECONDS = 1
MOST_RESERVED = 0.5
"""At most this share of a function's time is kept for a call that gets no answer."""
LONGEST_PAUSE = 20
"""Seconds that botocore waits before it makes a call again, at most; it doubles them from one on
(https://github.com/boto/botocore/blob/develop/botocore/retries/standard.py)."""
FOR_UPLOADS = Config(request_checksum_calculation="when_required", read_timeout=60)
"""For multipart uploads part by part: botocore adds a CRC32 to each part unless configured not to, which S3 refused for
an upload that was begun without an algorithm (https://github.com/boto/botocore/issues/3216), and which would have to be
listed at its end. Parts of gigabytes are copied."""
DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
CONNECTION_LOST = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)
"""The last two are bytes that were lost or damaged on their way."""


def client(service: str, config: Config | None = None) -> Any:
    """A botocore client of the service, in the function's own region; boto3 makes the same, only slower to import.

    It makes no call that could still be without an answer when the function's time is over: a function that is
    killed says nothing, one that raises an error says which service it waits for.
    """
    calls = calls_of(service) if config is None else calls_of(service).merge(config)
    made = _session().create_client(service, config=calls)
    watch = _Watch(service, reserved(calls))
    made.meta.events.register_first("before-send", watch.before_send)
    made.meta.events.register_first("needs-retry", watch.needs_retry)
    return made


def calls_of(service: str) -> Config:
    """Time-outs and retries of a service's calls."""
    retries = {"mode": "standard", "max_attempts": 6}
    read = ANSWER_SECONDS.get(service, QUICK_SECONDS)
    return Config(retries=retries, connect_timeout=CONNECT_SECONDS, read_timeout=read)


def reserved(calls: Config) -> float:
    """The seconds that a call may take to fail."""
    return float(calls.connect_timeout + calls.read_timeout + SPARE_SECONDS)


class _Clock:
    """When the function's time is over, and how much it had; never, outside of an invocation."""

    ends = float("inf")
    whole = float("inf")

    @property
    def left(self) -> float:
        return self.ends - time.monotonic()


_clock = _Clock()


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """The function has so many seconds for all that is called meanwhile."""
    _clock.ends, _clock.whole = time.monotonic() + seconds, seconds
    try:
        yield
    finally:
        _clock.ends = _clock.whole = float("inf")


class _Watch:
    """Sees each attempt of a client's calls."""

    def __init__(self, service: str, seconds: float) -> None:
        self._service = service
        self._seconds = seconds

    def before_send(self, **_: Any) -> None:
        """Raises TransientError instead of an attempt that may not end in time."""
        if _clock.left < self._reserved:
            left = f"{max(0, _clock.left):.0f} s of the function's time are left"
            raise TransientError(f"{self._service} is not called any more: {left}, and an answer may take longer")

    def needs_retry(
        self, response: tuple[Any, dict[str, Any]] | None, operation: Any, attempts: int, **more: Any
    ) -> None:
        """Raises a transient error at once where the pause before the next attempt would be too long."""
        error = more.get("caught_exception") or _error_of(response, operation)
        pause = min(2 ** (attempts - 1), LONGEST_PAUSE)
        if error is not None and _clock.left < pause + self._reserved and is_transient(error):
            raise error

    @property
    def _reserved(self) -> float:
        return min(self._seconds, MOST_RESERVED * _clock.whole)


def _error_of(response: tuple[Any, dict[str, Any]] | None, operation: Any) -> exceptions.ClientError | None:
    if response is None or response[0].status_code < 300:
        return None
    return exceptions.ClientError(response[1], operation.name)


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
