"""Glue on the laptop: each run is a real Spark, with the rights of its role, seen as AWS shows it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from .conftest import Account

BUCKET = "glue-scripts"
COUNTS = """
import sys
import boto_free
from pyspark import SparkContext
context = SparkContext()
print(sum(context.parallelize(range(4), 4).map(lambda number: number * boto_free.FACTOR).collect()))
if "fail" in sys.argv:
    sys.exit("TransientError: the lake is away")
"""
SLEEPS = "import time, subprocess; subprocess.Popen(['sleep', '600']); time.sleep(600)"
CAUSE = "{% $parse($states.errorOutput.Cause) %}"
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"}


@pytest.fixture(scope="module")
def scripts(account: Account) -> Account:
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for name, body in (("counts.py", COUNTS), ("sleeps.py", SLEEPS), ("boto_free.py", "FACTOR = 10")):
        s3.put_object(Bucket=BUCKET, Key=name, Body=body.encode())
    return account


def job(account: Account, name: str, script: str, **more: Any) -> Any:
    glue = account.client("glue")
    glue.create_job(
        Name=name,
        Role=account.role(f"{name}-role"),
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/{script}"},
        DefaultArguments={"--extra-py-files": f"s3://{BUCKET}/boto_free.py"},
        GlueVersion="5.0",
        WorkerType="G.1X",
        NumberOfWorkers=3,
        **more,
    )
    return glue


def ended(glue: Any, name: str, run: str, seconds: int = 120) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        if found["JobRunState"] in ENDED:
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def test_a_task_waits_for_a_run_and_fails_as_it_does(scripts: Account) -> None:
    """Both runs at once: a Spark takes some seconds to start."""
    glue = job(scripts, "counts", "counts.py", ExecutionProperty={"MaxConcurrentRuns": 2})
    role = scripts.role("runs-glue", "glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")
    states = {
        "Do": {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Arguments": {"JobName": "counts", "Arguments": "{% $states.input %}"},
            "End": True,
            "Catch": [
                {
                    "ErrorEquals": ["States.TaskFailed"],
                    "Output": "{% $parse($states.errorOutput.Cause) %}",
                    "Next": "Caught",
                }
            ],
        },
        "Caught": {"Type": "Pass", "End": True},
    }
    machine = scripts.machine("runs-glue", states, role=role)
    well, badly = (scripts.start(machine, given) for given in ({"--a": "well"}, {"--a": "fail"}))
    run = json.loads(scripts.ended(well)["output"])
    assert (run["JobRunState"], run["Arguments"], run["MaxCapacity"]) == ("SUCCEEDED", {"--a": "well"}, 3), run
    assert run["DPUSeconds"] == 3 * run["ExecutionTime"] > 0
    failed = json.loads(scripts.ended(badly)["output"])
    assert (failed["JobRunState"], failed["ErrorMessage"]) == ("FAILED", "TransientError: the lake is away")
    assert {found["Id"] for found in glue.get_job_runs(JobName="counts")["JobRuns"]} == {run["Id"], failed["Id"]}


def test_a_run_beyond_the_jobs_own_limit_is_refused_and_one_may_be_stopped(scripts: Account) -> None:
    glue = job(scripts, "sleeps", "sleeps.py")
    run = glue.start_job_run(JobName="sleeps")["JobRunId"]
    with pytest.raises(ClientError) as refused:
        glue.start_job_run(JobName="sleeps")
    assert refused.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    stopped = glue.batch_stop_job_run(JobName="sleeps", JobRunIds=[run, "jr_none"])
    assert [found["JobRunId"] for found in stopped["SuccessfulSubmissions"]] == [run]
    assert [error["ErrorDetail"]["ErrorCode"] for error in stopped["Errors"]] == ["EntityNotFoundException"]
    assert ended(glue, "sleeps", run)["JobRunState"] == "STOPPED"


def test_a_run_is_stopped_with_its_execution(scripts: Account) -> None:
    glue = job(scripts, "endless", "sleeps.py")
    role = scripts.role("runs-endless", "glue:*")
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": "endless"}}
    execution = scripts.start(scripts.machine("runs-endless", {"Do": task | {"End": True}}, role=role))
    while not (runs := glue.get_job_runs(JobName="endless")["JobRuns"]):
        time.sleep(0.2)
    scripts.client("stepfunctions").stop_execution(executionArn=execution)
    assert ended(glue, "endless", runs[0]["Id"])["JobRunState"] == "STOPPED"


def test_a_task_needs_the_right_to_start_the_job(scripts: Account) -> None:
    job(scripts, "forbidden", "sleeps.py")
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": "forbidden"}}
    ended = scripts.run("forbidden", scripts.role("may-nothing"), task)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Permissions")


def test_a_job_that_is_not_there_is_an_error_with_its_name(scripts: Account) -> None:
    role = scripts.role("starts-nothing", "glue:*")
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": "none"}}
    assert scripts.run("no-job", role, task)["error"] == "Glue.EntityNotFoundException"
