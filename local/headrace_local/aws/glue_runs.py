"""Glue's job runs, each a real Spark in a separate process. `apply` is called once, before the emulator serves.

As far as the workflow uses Glue: StartJobRun, GetJobRun, GetJobRuns, BatchStopJobRun, and `glue:startJobRun.sync` of
Step Functions (https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html), which gives the run when it has
succeeded, fails as `States.TaskFailed` with the run as its cause, and stops it with the execution. States and messages
are those of https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html. A run has the rights of the job's role.
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import eventbridge, glue, stepfunctions, sts
from ministack.services.cloudformation import provisioners

from headrace_local.aws import workflow_limits
from headrace_local.aws.patching import require
from headrace_local.spark import made_spark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


WORKING = frozenset({"STARTING", "RUNNING", "STOPPING"})
ACTIVE = WORKING | {"WAITING"}
KEPT = ("ExecutionProperty", "JobRunQueuingEnabled")
"""Properties of a job that the emulator drops."""
LOOKS_EVERY = 0.25
ENDS_WITHIN = 5.0
"""Seconds that a stopped run's processes have to end before they are killed."""
SESSION_SECONDS = 12 * 3600
LONGEST_MESSAGE = 1000
BY_SIGNAL = 128
"""A shell adds the signal's number to it."""
DPU = {"G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8}
START = "arn:aws:states:::glue:startJobRun"
OWN_ARGUMENTS = ("--extra-py-files", "--additional-python-modules", "--python-modules-installer-option")
"""Arguments that are for Glue; the script gets the others."""


_processes: set[subprocess.Popen[bytes]] = set()
"""Those of the runs that work."""


class Tasks(Protocol):
    """What fails a task of the workflow on request: `faults.Faults`."""

    def around_task(self, call: str, arguments: dict[str, Any], act: Callable[[], Any]) -> Any:
        """What `act` returns, or a fault's answer before or after it."""


def apply(runs: Runs, faults: Tasks) -> None:
    """Let the emulator's Glue run jobs here. A start of a run may fail on request, as any task may."""
    create = glue._create_job
    for name in ("_create_job", "_start_job_run", "_batch_stop_job_run"):
        require(list(inspect.signature(getattr(glue, name)).parameters) == ["data"], f"glue.{name}")
    require("Role" in inspect.getsource(provisioners._glue_job_fields), "jobs of stacks have other fields")
    require(not any(name in inspect.getsource(create) for name in KEPT), "it keeps these itself")
    fields = provisioners._glue_job_fields

    def create_job(data: dict[str, Any]) -> Any:
        answer = create(data)
        if data.get("Name") in glue._jobs:
            glue._jobs[data["Name"]].update({name: data[name] for name in KEPT if name in data})
        return answer

    def job_fields(properties: dict[str, Any]) -> dict[str, Any]:
        kept = {name: properties[name] for name in KEPT if name in properties}
        return {**fields(properties), **kept}

    glue._create_job = create_job
    provisioners._glue_job_fields = job_fields
    glue._start_job_run = runs.start
    glue._batch_stop_job_run = runs.stop
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::glue:startJobRun"] = functools.partial(runs.task, faults)


@dataclass(frozen=True)
class Runs:
    """Runs below a folder of the laptop. `read` gives an object of S3, `fetching` says how to fetch packages."""

    folder: Path
    endpoint_url: str
    read: Callable[[str, str], bytes]
    fetching: Mapping[str, str]

    def start(self, data: dict[str, Any]) -> Any:
        """StartJobRun."""
        name = str(data.get("JobName"))
        job = glue._jobs.get(name)
        if job is None:
            return error_response_json(
                "EntityNotFoundException", "Failed to start job run due to missing metadata", 400
            )
        allowed = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1)
        before = glue._job_runs.setdefault(name, [])
        queued = str(job.get("JobRunQueuingEnabled")).lower() == "true"
        if not queued and sum(run["JobRunState"] in ACTIVE for run in before) >= allowed:
            return error_response_json("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}", 400)
        run = new_run(job, data)
        before.insert(0, run)
        turn = functools.partial(await_turn, run, before, allowed)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._execute, job, run, turn), daemon=True).start()
        return json_response({"JobRunId": run["Id"]})

    def stop(self, data: dict[str, Any]) -> Any:
        """BatchStopJobRun."""
        name, stopped, errors = str(data.get("JobName")), [], []
        known = {run["Id"]: run for run in glue._job_runs.get(name, [])}
        for number in data.get("JobRunIds", []):
            run = known.get(number)
            if run is not None and run["JobRunState"] in ACTIVE:
                set_stopping(run)
                stopped.append({"JobName": name, "JobRunId": number})
                continue
            code = "EntityNotFoundException" if run is None else "InvalidInputException"
            detail = {"ErrorCode": code, "ErrorMessage": f"Job run {number} is not running"}
            errors.append({"JobName": name, "JobRunId": number, "ErrorDetail": detail})
        return json_response({"SuccessfulSubmissions": stopped, "Errors": errors})

    def task(self, faults: Tasks, resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """`glue:startJobRun`, and with `.sync` its end."""
        status, _, body = faults.around_task(START, arguments, lambda: self.start(arguments))
        answer = json.loads(body)
        if status != 200:
            code = str(answer.get("__type", "AWSGlueException")).rsplit("#", 1)[-1]
            raise stepfunctions._ExecutionError(f"Glue.{code}", answer.get("message") or answer.get("Message") or code)
        run = next(run for run in glue._job_runs[arguments["JobName"]] if run["Id"] == answer["JobRunId"])
        if not resource.endswith(".sync"):
            return {"JobRunId": run["Id"]}
        self._wait(run)
        if run["JobRunState"] != "SUCCEEDED":
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(run))
        return dict(run)

    def _wait(self, run: dict[str, Any]) -> None:
        """Until the run has ended; it is stopped where its execution is."""
        running = workflow_limits._running.get()
        while run["JobRunState"] in ACTIVE:
            if running and running.execution["status"] != "RUNNING" and run["JobRunState"] != "STOPPING":
                set_stopping(run)
            time.sleep(LOOKS_EVERY)

    def _execute(self, job: dict[str, Any], run: dict[str, Any], turn: Callable[[], bool]) -> None:
        folder = self.folder / run["Id"]
        folder.mkdir(parents=True)
        has_turn, begun = turn(), time.time()
        try:
            state, message = self._run_script(job, run, folder) if has_turn else ("STOPPED", "Job run was stopped")
        except Exception as error:
            state, message = "FAILED", f"{type(error).__name__}: {error}"
        now = time.time()
        run.update(CompletedOn=int(now), LastModifiedOn=int(now), ExecutionTime=round(now - begun))
        run.update(DPUSeconds=run["ExecutionTime"] * run["MaxCapacity"], ErrorMessage=message[:LONGEST_MESSAGE])
        run["JobRunState"] = state
        put_event(run)
        shutil.rmtree(folder / "tmp", ignore_errors=True)

    def _run_script(self, job: dict[str, Any], run: dict[str, Any], folder: Path) -> tuple[str, str]:
        """The state in which the run ends, and what it says."""
        spark = made_spark(self.fetching)
        arguments = {**job["DefaultArguments"], **run["Arguments"]}
        script = self._fetched(job["Command"]["ScriptLocation"], folder)
        files = [self._fetched(url, folder) for url in filter(None, arguments.get("--extra-py-files", "").split(","))]
        code = [file.parent if file.suffix == ".py" else file for file in files]
        for url in filter(None, arguments.get("--additional-python-modules", "").split(",")):
            self._fetched(url, folder)  # they are in the environment already; on AWS they must be there to be installed
        scratch = folder / "tmp"
        scratch.mkdir()
        given = {name: value for name, value in arguments.items() if name not in OWN_ARGUMENTS}
        given |= {"--JOB_NAME": run["JobName"], "--JOB_RUN_ID": run["Id"]}
        environment = spark.environment(scratch, code) | credentials(job["Role"], self.endpoint_url)
        with (folder / "output.log").open("wb") as output, (folder / "error.log").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - the job's own script
                spark.command(script, given), env=environment, stdout=output, stderr=errors, start_new_session=True
            )
        run["JobRunState"] = "RUNNING" if run["JobRunState"] == "STARTING" else run["JobRunState"]
        _processes.add(process)
        try:
            state = end_of(process, run)
        finally:
            _processes.discard(process)
        return state, message_of(state, folder / "error.log", process.returncode)

    def _fetched(self, url: str, folder: Path) -> Path:
        """An object of S3 as a file. Raises FileNotFoundError where there is none."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        path = folder / key.rsplit("/", 1)[-1]
        path.write_bytes(self.read(bucket, key))
        return path


def new_run(job: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A run as GetJobRun shows it."""
    now = round(time.time(), 3)
    worker, workers = job.get("WorkerType") or "G.1X", int(data.get("NumberOfWorkers") or job["NumberOfWorkers"])
    return {
        "Id": f"jr_{secrets.token_hex(32)}",
        "Attempt": 0,
        "JobName": job["Name"],
        "StartedOn": now,
        "LastModifiedOn": now,
        "JobRunState": "WAITING",
        "Arguments": dict(data.get("Arguments") or {}),
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "Timeout": int(data.get("Timeout") or job.get("Timeout") or 480),
        "MaxCapacity": DPU.get(worker, 1) * workers,
        "WorkerType": worker,
        "NumberOfWorkers": workers,
        "GlueVersion": job.get("GlueVersion"),
        "LogGroupName": "/aws-glue/jobs",
    }


_turns = threading.Lock()


def set_stopping(run: dict[str, Any]) -> None:
    """Have a run end that works or waits."""
    with _turns:
        run["JobRunState"] = "STOPPING" if run["JobRunState"] in ACTIVE else run["JobRunState"]


def await_turn(run: dict[str, Any], runs: list[dict[str, Any]], allowed: int) -> bool:
    """Wait until fewer than the allowed of a job's runs, the newest first, work. False where the run is stopped before.

    https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html
    """
    while run["JobRunState"] == "WAITING":
        with _turns:
            first = next((each for each in reversed(runs) if each["JobRunState"] == "WAITING"), None)
            if first is run and sum(each["JobRunState"] in WORKING for each in runs) < allowed:
                run["JobRunState"] = "STARTING"
                return True
        time.sleep(LOOKS_EVERY)
    return False


def end_of(process: subprocess.Popen[bytes], run: dict[str, Any]) -> str:
    """Waits for a run's process, and ends it where the run is stopped or its minutes are over."""
    latest = time.monotonic() + run["Timeout"] * 60
    while process.poll() is None:
        if run["JobRunState"] == "STOPPING" or time.monotonic() > latest:
            end_group(process)
            return "STOPPED" if run["JobRunState"] == "STOPPING" else "TIMEOUT"
        time.sleep(LOOKS_EVERY)
    return "SUCCEEDED" if process.returncode == 0 else "FAILED"


def kill_runs() -> None:
    """End the processes of all runs at once, as the loss of a driver does."""
    for process in list(_processes):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started."""
    for number, patience in ((signal.SIGTERM, ENDS_WITHIN), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def message_of(state: str, errors: Path, code: int | None) -> str:
    """What a run says of its end: the script's last words, as Glue has them."""
    if state == "SUCCEEDED":
        return ""
    if state == "TIMEOUT":
        return "Job run exceeded the timeout value"
    if state == "STOPPED":
        return "Job run was stopped"
    if code is not None and code < 0:  # killed: what it wrote last was no last word
        return f"Command failed with exit code {BY_SIGNAL - code}"
    lines = [line for line in errors.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"Command failed with exit code {code}"


def credentials(role: str, endpoint_url: str) -> dict[str, str]:
    """An environment in which the job's role calls the laptop."""
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    access_key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session = {"Arn": f"arn:aws:sts::{account}:assumed-role/{name}/GlueJobRunnerSession", "UserId": f"{name}:Glue"}
    session |= {"SecretAccessKey": secret, "SessionToken": token}
    sts.register_session(access_key, session | {"Expiration": time.time() + SESSION_SECONDS})
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "AWS_DEFAULT_REGION": get_region(),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint_url,
    }


def put_event(run: dict[str, Any]) -> None:
    """`Glue Job State Change` (https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html)."""
    severity = "INFO" if run["JobRunState"] == "SUCCEEDED" else "ERROR"
    detail = {"jobName": run["JobName"], "severity": severity, "state": run["JobRunState"], "jobRunId": run["Id"]}
    detail["message"] = run["ErrorMessage"] or "Job run succeeded"
    entry = {"Source": "aws.glue", "DetailType": "Glue Job State Change", "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
