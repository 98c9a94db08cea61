"""What every function's handler shares: who and what in each log line, and transient errors under one name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from headrace.adapters.aws import ending_in, is_transient
from headrace.domain.ingest.failure import UNKNOWN, advised, classify
from headrace.errors import TerminalError, TransientError
from headrace.observability import logger

BOUND = ("dataset", "lane", "generation", "batch", "unit", "export", "date", "attempt")
Handler = Callable[[dict[str, Any], Any], Any]
SecondsLeft = Callable[[], float]


def entrypoint(handle: Callable[[dict[str, Any]], Any]) -> Handler:
    """Make a Lambda handler of a function that takes the event.

    AWS errors that may pass are raised as TransientError, the name that the state machine retries.
    """
    return timed_entrypoint(wraps(handle)(lambda event, _left: handle(event)))


def explained_entrypoint(handle: Callable[[dict[str, Any]], Any]) -> Handler:
    """The same, for a function whose errors people read as they are: known ones say cause and remedy."""

    @wraps(handle)
    def explained(event: dict[str, Any]) -> Any:
        try:
            return handle(event)
        except Exception as error:
            if isinstance(error, TransientError) or is_transient(error) or classify(str(error)) is UNKNOWN:
                raise
            raise TerminalError(advised(str(error))) from error

    return entrypoint(explained)


def timed_entrypoint(handle: Callable[[dict[str, Any], SecondsLeft], Any]) -> Handler:
    """The same, for a function that also wants to know how many seconds it has left."""

    @wraps(handle)
    @logger.inject_lambda_context(clear_state=True)
    def lambda_handler(event: dict[str, Any], context: Any) -> Any:
        logger.append_keys(**{name: event[name] for name in BOUND if name in event})

        def left() -> float:
            return float(context.get_remaining_time_in_millis()) / 1000

        try:
            with ending_in(left()):
                return handle(event, left)
        except Exception as error:
            if is_transient(error):
                raise TransientError(str(error)) from error
            raise

    handler: Handler = lambda_handler
    return handler
