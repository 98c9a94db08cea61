"""Puts the laptop together. It imports ministack, which reads the environment: `server` sets that first."""

from __future__ import annotations

import venv
from typing import TYPE_CHECKING

import boto3
import ministack.app
from ministack.core import lambda_runtime

from headrace_local import patches
from headrace_local.gateway import Gateway
from headrace_local.layer_store import LayerStore
from headrace_local.sink import NotificationSink
from headrace_local.state import client_arguments
from headrace_local.warehouse import Warehouse, embedded_redshift

if TYPE_CHECKING:
    from pathlib import Path


def assemble(home: Path, port: int) -> Gateway:
    """The gateway with everything behind it: the emulated AWS, the embedded Redshift, the Slack sink."""
    s3 = boto3.client("s3", **client_arguments(f"http://127.0.0.1:{port}"))
    warehouse = Warehouse(embedded_redshift(home / "warehouse.duckdb", s3, patches.put_statement_event))
    patches.apply(bare_interpreter(home / "runtime"), LayerStore(home / "layers"), warehouse)
    return Gateway(ministack.app.app, warehouse, NotificationSink(home / "notifications.jsonl"))


def bare_interpreter(folder: Path) -> Path:
    """A Python with nothing installed, for functions: what they import has to come from their layers."""
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def end_function_workers() -> None:
    """End the processes that functions run in."""
    lambda_runtime.reset()
