"""Where a laptop's state is kept, and whether the process it names is still that laptop."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "us-east-1"
ACCOUNT = "000000000000"
STACK = "headrace"
SERVER_MODULE = "headrace_local.server"
KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HEADRACE_TOKEN")
PRIVATE_FILE = 0o600


@dataclass(frozen=True)
class Keys:
    """What gives access: the root user's access key, and the token in the address of the laptop's own pages."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def random(cls) -> Keys:
        """Keys of a new laptop, which nobody can guess."""
        return cls(f"LAPTOP{secrets.token_hex(7).upper()}", secrets.token_urlsafe(30), secrets.token_urlsafe(24))

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Keys:
        """The keys that `environment` has put there. Raises KeyError when they are missing."""
        return cls(*(environment[name] for name in KEY_VARIABLES))

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the daemon: a command line can be read by every user of the machine."""
        return dict(zip(KEY_VARIABLES, (self.access_key_id, self.secret_access_key, self.token), strict=True))


@dataclass(frozen=True)
class LaptopState:
    """A running laptop, as written to `laptop.json` in its home."""

    pid: int
    port: int
    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)
    region: str = REGION
    stack: str = STACK
    account: str = ACCOUNT

    @property
    def slack_url(self) -> str:
        """Where the Slack sink takes messages."""
        return self.page("slack")

    @property
    def notifications_url(self) -> str:
        """Where the messages that the Slack sink took can be read."""
        return self.page("notifications")

    def page(self, name: str) -> str:
        """The address of one of the laptop's own pages. Who has it may use the page, as with a Slack webhook."""
        return f"{self.endpoint_url}/_headrace/{self.token}/{name}"

    def client_arguments(self) -> dict[str, str]:
        """Keyword arguments that make a boto3 client talk to this laptop as the account's root."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }

    def client(self, service: str) -> Any:
        """A client of a service of this laptop, as the account's root."""
        from headrace_local.clients import direct, isolated  # noqa: PLC0415 - botocore takes longer than reading the state

        session = isolated(self.region, self.access_key_id, self.secret_access_key)
        return session.create_client(service, endpoint_url=self.endpoint_url, config=direct())

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make any AWS tool talk to this laptop as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
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
    """Write the state in one step, so that a reader never sees half of it; it has the keys, so it is the owner's."""
    partial = home / "laptop.json.partial"
    partial.touch(PRIVATE_FILE)
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
