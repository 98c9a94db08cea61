"""Step Functions: an execution's name is its lock, so that none is started twice."""

from __future__ import annotations

import json
from typing import Any

from headrace.domain.executions import execution_arn, execution_name


class Executions:
    """The executions of one state machine. `client` is a boto3 Step Functions client."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start_named(self, name: str, order: dict[str, Any]) -> bool:
        """Start an execution. False when one of this name was started before, however it ended."""
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(order))
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def status_of(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; None when there is no such execution."""
        return self._described(name).get("status")

    def error_of(self, name: str) -> tuple[str, str]:
        """Error and cause of an execution that failed; both are empty otherwise."""
        described = self._described(name)
        return described.get("error", ""), described.get("cause", "")

    def _described(self, name: str) -> dict[str, Any]:
        try:
            return dict(self._client.describe_execution(executionArn=execution_arn(self._arn, name)))
        except self._client.exceptions.ExecutionDoesNotExist:
            return {}


class IngestWorkflow(Executions):
    """The ingest state machine: one execution per dataset, lane and generation."""

    def start(self, dataset: str, lane: str, generation: int, wait_seconds: int) -> bool:
        """Start the execution of a generation. False when it was started before, however it ended."""
        order = {"dataset": dataset, "lane": lane, "generation": generation, "wait_seconds": wait_seconds}
        return self.start_named(execution_name(dataset, lane, generation), order)

    def status(self, dataset: str, lane: str, generation: int) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; None when there is no such execution."""
        return self.status_of(execution_name(dataset, lane, generation))

    def error(self, dataset: str, lane: str, generation: int) -> tuple[str, str]:
        """Error and cause of an execution that failed; both are empty otherwise."""
        return self.error_of(execution_name(dataset, lane, generation))
