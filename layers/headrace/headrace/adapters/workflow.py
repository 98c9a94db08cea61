"""Step Functions: one execution per dataset and generation, whose name is the lock."""

from __future__ import annotations

import json
from typing import Any

from headrace.domain.exportrun import Run


class IngestWorkflow:
    """The ingest state machine. `client` is a boto3 Step Functions client."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, dataset: str, lane: str, generation: int, wait_seconds: int) -> bool:
        """Start the execution of a generation. False when it was started before, whatever became of it."""
        order = {"dataset": dataset, "lane": lane, "generation": generation, "wait_seconds": wait_seconds}
        try:
            self._client.start_execution(
                stateMachineArn=self._arn, name=execution_name(dataset, lane, generation), input=json.dumps(order)
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def status(self, dataset: str, lane: str, generation: int) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; None when there is no such execution."""
        name = execution_name(dataset, lane, generation)
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return str(self._client.describe_execution(executionArn=arn)["status"])
        except self._client.exceptions.ExecutionDoesNotExist:
            return None


def execution_name(dataset: str, lane: str, generation: int) -> str:
    """`readings-17`; other lanes than the live one say so: `readings-backfill-17`."""
    return f"{dataset}-{generation}" if lane == "live" else f"{dataset}-{lane}-{generation}"


class RunWorkflow:
    """The export state machine: one execution per attempt of a run. `client` is a boto3 Step Functions client."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, run: Run) -> bool:
        """Start the execution of an attempt. False when it was started before, whatever became of it."""
        order = {"export": run.export, "date": run.date, "attempt": run.attempt}
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=run.name, input=json.dumps(order))
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def status(self, run: Run) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; None when there is no such execution."""
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{run.name}"
        try:
            return str(self._client.describe_execution(executionArn=arn)["status"])
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
