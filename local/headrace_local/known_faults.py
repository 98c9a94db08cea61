"""The errors of the catalogue as faults: each is raised where it arises, in the words that the catalogue has."""

from __future__ import annotations

import json
import re
from typing import Any

from headrace.domain.ingest.failure import NO_CAUSE, Failure, Place, catalogue

ANSWER = re.compile(
    r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<operation>\w+) operation: (?P<text>.*)"
)
CALLS = {
    "GetObject": ("s3", "GET", "TransformFunction"),
    "PutObject": ("s3", "PUT", "PrepareLoadFunction"),
    "GetItem": ("dynamodb", "GetItem", "HandOverFunction"),
    "UpdateItem": ("dynamodb", "UpdateItem", "RecordOutcomeFunction"),
    "TransactWriteItems": ("dynamodb", "TransactWriteItems", "RecordBatchFunction"),
    "StartExecution": ("states", "StartExecution", "StarterFunction"),
    "GetSecretValue": ("secretsmanager", "GetSecretValue", ""),
    "SendMessage": ("sqs", "SendMessage", ""),
    "ReceiveMessage": ("sqs", "ReceiveMessage", ""),
    "BatchExecuteStatement": ("redshift-data", "BatchExecuteStatement", "RunStatementsFunction"),
    "DescribeStatement": ("redshift-data", "DescribeStatement", "RunStatementsFunction"),
}
"""Which service an operation belongs to, what the laptop calls it, and a function on a file's way that makes it."""
STATEMENTS = {Place.LOAD: "COPY ", Place.REFRESH: "REFRESH MATERIALIZED VIEW", Place.UNLOAD: "UNLOAD"}
GLUE = "Glue"
RUN_ENDED = re.compile(r"GlueRun(?P<state>\w+): (?P<text>.*) \(run (?P<run>\S+) of the Glue job (?P<job>\S+)\)")
"""A run that did not succeed, as Headrace words it."""
FORBIDDEN, UNAUTHORIZED = 403, {"AccessDenied", "InvalidObjectState", "RequestTimeTooSkewed"}


def known_fault(name: str, **given: Any) -> dict[str, Any]:
    """The fields of the fault that raises an entry; `given` ones go before. Raises ValueError for an unknown name."""
    return _fields(_entry(name)) | given


def text_of(name: str) -> str:
    """The text of an entry, as it is quoted. Raises ValueError for an unknown name."""
    return _entry(name).text


def _entry(name: str) -> Failure:
    failure = next((entry for entry in catalogue() if entry.name == name), None)
    if failure is None:
        raise ValueError(f"the catalogue has no error {name!r}")
    return failure


def _fields(failure: Failure) -> dict[str, Any]:
    if failure.place in STATEMENTS:
        kind = "abort" if failure.text.startswith("LoadAborted") else "fail"
        text = failure.text.removeprefix("ERROR: ")
        return {"service": "redshift", "operation": kind, "path": STATEMENTS[failure.place], "text": text}
    code, _, text = failure.text.partition(": ")
    if failure.place is Place.EVENT:
        return {"service": "events", "operation": "putEvents", "code": code, "text": text}
    if code == "States.DataLimitExceeded":
        return {"service": "lambda", "operation": "invoke", "path": "PrepareLoad", "what": "bloat"}
    if failure.service == GLUE:
        return {"service": "glue", "operation": "startJobRun"} | _glue_error(failure.text)
    if failure.place is Place.TASK:
        cause = text if "." in code else json.dumps({"errorMessage": text, "errorType": code})
        return {"service": "lambda", "operation": "invoke", "path": "PrepareLoad", "code": code, "text": cause}
    return _call(failure)


def _glue_error(text: str) -> dict[str, str]:
    """What `.sync` raises: the refused call, or the run that did not succeed, as the cause."""
    ended = RUN_ENDED.fullmatch(text)
    if ended is None:
        code, _, said = text.partition(": ")
        return {"code": code, "text": said}
    run = {"JobRunState": ended["state"].upper(), "Id": ended["run"], "JobName": ended["job"]}
    run |= {} if ended["text"] == NO_CAUSE else {"ErrorMessage": ended["text"]}
    return {"code": "States.TaskFailed", "text": json.dumps(run)}


def _call(failure: Failure) -> dict[str, Any]:
    """An answer of AWS; an error that has no code is a connection that breaks off."""
    answer = ANSWER.search(failure.text)
    if answer and answer["operation"] == "Publish":  # the workflow's own: it publishes each outcome
        code = f"SNS.{answer['code']}Exception"
        return {"service": "sns", "operation": "publish", "code": code, "text": answer["text"]}
    service, operation, caller = CALLS[answer["operation"] if answer else "GetObject"]
    call = {"service": service, "operation": operation, "caller": caller}
    return call | ({"code": answer["code"], "text": answer["text"]} if answer else {"what": "drop"})


def status_of(code: str) -> int:
    """The HTTP status with which AWS sends an error."""
    return FORBIDDEN if code in UNAUTHORIZED else 400
