"""Where a laptop's state is kept, and whether the process it names is still that laptop."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

REGION = "us-east-1"
ACCOUNT = "000000000000"
STACK = "headrace"
SERVER_MODULE = "headrace_local.server"


@dataclass(frozen=True)
class LaptopState:
    """A running laptop, as written to `laptop.json` in its home."""

    pid: int
    port: int
    endpoint_url: str
    region: str = REGION
    stack: str = STACK
    account: str = ACCOUNT

    @property
    def slack_url(self) -> str:
        """Where the Slack sink takes messages."""
        return f"{self.endpoint_url}/_headrace/slack"

    @property
    def pagerduty_url(self) -> str:
        """Where the sink takes PagerDuty's events."""
        return f"{self.endpoint_url}/_headrace/pagerduty"

    @property
    def notifications_url(self) -> str:
        """Where the messages that the Slack sink took can be read."""
        return f"{self.endpoint_url}/_headrace/notifications"

    def client_arguments(self) -> dict[str, str]:
        """Keyword arguments that make a boto3 client talk to this laptop."""
        return client_arguments(self.endpoint_url, self.region)


def client_arguments(endpoint_url: str, region: str = REGION) -> dict[str, str]:
    """Keyword arguments for a boto3 client of a laptop: the emulator takes `test` for the account's root."""
    return {
        "endpoint_url": endpoint_url,
        "region_name": region,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }


def home_folder() -> Path:
    """`$HEADRACE_HOME`, or `.headrace` in the checkout."""
    chosen = os.environ.get("HEADRACE_HOME")
    return Path(chosen).resolve() if chosen else project_root() / ".headrace"


def project_root() -> Path:
    """The checkout this module is part of: the laptop builds and deploys its template."""
    return Path(__file__).resolve().parents[2]


def read_state(home: Path) -> LaptopState | None:
    """The laptop of this home while its process is alive; a file left behind by one that is gone counts for nothing."""
    try:
        state = LaptopState(**json.loads((home / "laptop.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if daemon_process(state.pid, home) else None


def write_state(home: Path, state: LaptopState) -> None:
    """Write the state in one step, so that a reader never sees half of it."""
    partial = home / "laptop.json.partial"
    partial.write_text(json.dumps(asdict(state), indent=2) + "\n", "utf-8")
    partial.replace(home / "laptop.json")


def daemon_process(pid: int, home: Path) -> psutil.Process | None:
    """The daemon of this home if process `pid` is it. Pids are given out again, so the command line decides."""
    try:
        process = psutil.Process(pid)
        arguments = process.cmdline()
        alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if alive and SERVER_MODULE in arguments and str(home.resolve()) in arguments else None
