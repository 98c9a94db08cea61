"""CloudFormation custom resources: what a deployment does beside creating resources, each by a module of this folder.

CloudFormation waits for an answer until the resource's ServiceTimeout, so there is always one: everything but the
standard library is imported where a failure is answered, and the work ends before the function's time does.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import importlib
import json
import signal
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

RESERVE_SECONDS = 60  # of the function's time, for the answer
ANSWER_WAITS = (1, 2, 4, 8, 0)  # seconds after each try; with the time-outs of the tries less than the reserve
ANSWER_TIMEOUT = 7
LONGEST_ANSWER = 4096  # bytes that CloudFormation takes
LONGEST_REASON = 2000
MODULES = {"Custom::WarehouseTables": "migration", "Custom::GlueFiles": "glue_files"}
"""Who does what a type of resource asks for: `run(event)` returns what the answer says besides."""


class TimeIsUp(BaseException):
    """The work has to be answered for now."""


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Do what the resource asks for, and answer. A failure stops the deployment, but never the end of a stack."""
    reason, given = attempt(event, context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    respond(event, "" if event["RequestType"] == "Delete" else reason, given)


def attempt(event: dict[str, Any], seconds: float) -> tuple[str, dict[str, Any]]:
    """Why the work failed, or nothing; and what the answer says besides."""
    try:
        with limited(seconds):
            return "", importlib.import_module(MODULES[event["ResourceType"]]).run(event) or {}
    except TimeIsUp:
        late = f"TimeIsUp: {event['LogicalResourceId']} was not ready after {seconds:.0f} seconds"
        if event["ResourceType"] != "Custom::WarehouseTables":
            return f"{late}: deploy again", {}
        wait = "wait until it has ended (SYS_QUERY_HISTORY shows it), then deploy again"
        return f"{late}. A statement may still run in the warehouse: {wait}", {}
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}", {}


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeIsUp in what is done here after this many seconds."""

    def end(*_: object) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def respond(event: dict[str, Any], failure: str, given: dict[str, Any]) -> None:
    """Put the outcome to CloudFormation: FAILED with the reason when there is one, else SUCCESS. Tries some times."""
    url = event["ResponseURL"]  # signed by CloudFormation, which also signed for an empty content type
    request = urllib.request.Request(url, answer(event, failure, given), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's
    for number, wait in enumerate(ANSWER_WAITS, 1):
        try:
            urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT).close()  # noqa: S310 - the same
        except OSError as error:
            print(f"CloudFormation did not take the answer ({error}), try {number} of {len(ANSWER_WAITS)}")
            if number == len(ANSWER_WAITS):
                raise
            time.sleep(wait)
        else:
            return


def answer(event: dict[str, Any], failure: str, given: dict[str, Any]) -> bytes:
    """The outcome as CloudFormation takes it, with what the work gave, and as much of the reason as fits."""
    for length in range(LONGEST_REASON, -1, -100):
        body = json.dumps(
            {
                "Status": "FAILED" if failure else "SUCCESS",
                "Reason": failure[:length] or "done",
                "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
                "StackId": event["StackId"],
                "RequestId": event["RequestId"],
                "LogicalResourceId": event["LogicalResourceId"],
                **given,
            }
        ).encode()
        if len(body) <= LONGEST_ANSWER:
            break
    return body
