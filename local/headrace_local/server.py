"""The laptop's daemon: `python -m headrace_local.server --home FOLDER --port PORT`.

One process holds the emulated AWS (ministack), the embedded Redshift (DuckDB) and the Slack sink behind one port of
127.0.0.1. It stops cleanly on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hypercorn.asyncio import serve
from hypercorn.config import Config

from headrace_local.state import REGION, Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace_local.web.door import FrontDoor

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
FETCHING = "HEADRACE_FETCHING"
"""The person's settings for fetching packages, as JSON: for the make of Spark's environment, and nothing else."""
PARAMETERS = ("HEADRACE_LAMBDA_CONCURRENCY", "HEADRACE_STATEMENT_LIMIT")
"""Variables of the person's that change what the laptop refuses: docs/laptop.md."""
OTHERS = 0o077
"""What no file of the laptop lets the machine's other users do: anything."""


def main() -> None:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(description="The embedded AWS of the laptop.")
    parser.add_argument("--home", type=Path, required=True, help="folder for everything the laptop keeps")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()
    home = arguments.home.resolve()
    keys = Keys.of_environment(os.environ)
    fetching = json.loads(os.environ.get(FETCHING, "{}"))
    become_the_laptop(home, arguments.port, keys)

    from headrace_local import assembly  # noqa: PLC0415 - reads the environment while it is imported

    door = assembly.assemble(home, arguments.port, keys, fetching)
    asyncio.run(serve_and_exit(door, arguments.port, assembly.end_workers))


def become_the_laptop(home: Path, port: int, keys: Keys) -> None:
    """Replace the environment: ministack reads it while it is imported, and function workers inherit it."""
    os.umask(OTHERS)
    scratch = home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in (*KEPT_VARIABLES, *PARAMETERS) if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        {
            "AUTH": "true",
            # The emulator's root user; functions get keys of their own instead.
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "BIND_HOST": "127.0.0.1",
            # No Docker, even where there is one: ministack would remove containers that carry its label.
            "DOCKER_HOST": f"unix://{home}/no-docker.sock",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            # Without it, as many as this machine has memory for.
            "LAMBDA_ACCOUNT_CONCURRENCY": kept.get("HEADRACE_LAMBDA_CONCURRENCY", ""),
            "LAMBDA_EXECUTOR": "local",
            # After a burst, all but one process of a function end this many seconds after their last invocation.
            "LAMBDA_WARM_TTL_SECONDS": "60",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_REGION": REGION,
            # Objects on disk: in memory they would make the laptop grow by every file that lands.
            "S3_DATA_DIR": str(home / "s3"),
            "S3_PERSIST": "1",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(scratch),
        }
    )
    tempfile.tempdir = None


async def serve_and_exit(door: FrontDoor, port: int, end_workers: Callable[[], None]) -> NoReturn:
    """Answer requests until SIGTERM or SIGINT, then end the process."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(door, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    end_workers()
    # At once: threads that wait for something, as an execution in a Wait state does, must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
