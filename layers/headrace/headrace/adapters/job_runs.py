"""The runs of the Glue job, as a run sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from headrace.domain.ingest.job_run import JobRun

NEWEST = 200
"""Runs of one answer of GetJobRuns, the newest first. Those of one unit that matter are minutes or hours old."""


class GlueRuns:
    """Runs of one job. `client` is a boto3 Glue client."""

    def __init__(self, client: Any, job: str) -> None:
        self._client = client
        self._job = job

    def get(self, run: str) -> JobRun:
        """One run."""
        return _run_of(self._client.get_job_run(JobName=self._job, RunId=run)["JobRun"])

    def newest(self) -> Iterator[JobRun]:
        """The newest runs of the job."""
        return map(_run_of, self._client.get_job_runs(JobName=self._job, MaxResults=NEWEST)["JobRuns"])

    def stop(self, runs: Iterable[str]) -> None:
        """Stop runs; one that has ended meanwhile is no error."""
        self._client.batch_stop_job_run(JobName=self._job, JobRunIds=list(runs))


def _run_of(found: dict[str, Any]) -> JobRun:
    given = found.get("Arguments") or {}
    return JobRun(
        id=found["Id"],
        state=found["JobRunState"],
        started=found["StartedOn"],
        batch=given.get("--batch", ""),
        unit=given.get("--unit", ""),
        execution=given.get("--execution", ""),
    )
