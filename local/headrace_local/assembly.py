"""Puts the laptop together. It imports ministack, which reads the environment: `server` sets that first."""

from __future__ import annotations

import os
import venv
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import boto3
import ministack.app
import pyarrow as pa
from ministack.core import lambda_runtime

from headrace_local.aws import counting, glue_runs, patches
from headrace_local.aws.glue_runs import Runs
from headrace_local.aws.layer_store import LayerStore
from headrace_local.faults import Faults, FaultyDataApi, FaultyGateway, role_of
from headrace_local.request_counts import CountingGateway, RequestCounts
from headrace_local.state import LaptopState
from headrace_local.warehouse import Warehouse, Workgroups
from headrace_local.web.door import FrontDoor
from headrace_local.web.gateway import Gateway
from headrace_local.web.signatures import Signer
from headrace_local.web.sink import NotificationSink

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace_local.state import Keys


def assemble(home: Path, port: int, keys: Keys, fetching: Mapping[str, str]) -> FrontDoor:
    """The front door with everything behind it: the emulated AWS, the embedded Redshift, the Slack sink."""
    pa.set_memory_pool(pa.system_memory_pool())
    arguments = running_here(port, keys).client_arguments()
    s3, workflow, secrets = (boto3.client(name, **arguments) for name in ("s3", "stepfunctions", "secretsmanager"))
    workgroups = Workgroups(home, s3, secrets, patches.put_statement_event)
    counts = RequestCounts()
    faults = Faults(lambda: stop_executions(workflow), workgroups.faults, counts=counts)
    s3.meta.events.register("before-call.s3", faults.strike_read)
    warehouse = Warehouse(FaultyDataApi(workgroups, faults))
    runs = Runs(
        home / "glue",
        f"http://127.0.0.1:{port}",
        lambda bucket, key: bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read()),
        fetching,
    )
    patches.apply(bare_interpreter(home / "runtime"), LayerStore(home / "layers"), faults, keys, runs)
    counting.apply(counts, role_of)
    gateway = Gateway(ministack.app.app, warehouse, NotificationSink(home / "notifications.jsonl"), workgroups)
    counted = CountingGateway(FaultyGateway(gateway, faults), counts, role_of)
    return FrontDoor(counted, port, keys.token, Signer(keys).answer_to)


def running_here(port: int, keys: Keys) -> LaptopState:
    """The laptop that is this process, as `laptop.json` describes it."""
    return LaptopState(os.getpid(), port, f"http://127.0.0.1:{port}", **asdict(keys))


def stop_executions(workflow: Any) -> None:
    """Stop all running executions, as a person does by hand."""
    for machine in workflow.list_state_machines()["stateMachines"]:
        arguments = {"stateMachineArn": machine["stateMachineArn"], "statusFilter": "RUNNING"}
        for execution in workflow.list_executions(**arguments)["executions"]:
            workflow.stop_execution(executionArn=execution["executionArn"], cause="a fault was asked for")


def bare_interpreter(folder: Path) -> Path:
    """A Python with nothing installed, for functions: what they import has to come from their layers."""
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def end_workers() -> None:
    """End the processes that functions and Glue's runs work in."""
    glue_runs.kill_runs()
    lambda_runtime.reset()
