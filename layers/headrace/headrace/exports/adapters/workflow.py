"""The export state machine."""

from __future__ import annotations

from headrace.adapters.workflow import Executions
from headrace.exports.model.run import Run


class RunWorkflow(Executions):
    """The export state machine: one execution per attempt of a run."""

    def start(self, run: Run) -> bool:
        """Start the execution of an attempt. False when it was started before, however it ended."""
        return self.start_named(run.name, {"export": run.export, "date": run.date, "attempt": run.attempt})

    def status(self, run: Run) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; None when there is no such execution."""
        return self.status_of(run.name)
