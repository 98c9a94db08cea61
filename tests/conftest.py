"""No test reaches beyond this machine."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings
from pytest_socket import socket_allow_hosts
from xdist.scheduler import LoadScopeScheduling

from tests.reference.models import check_requests

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # boto3 would look for credentials on a link-local address
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


class OneLaptop(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Where tests run side by side, those of a file stay together, and all end-to-end ones: they share a laptop."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e/" if nodeid.startswith("tests/e2e/") else nodeid.partition("::")[0]


def pytest_configure() -> None:
    """Every request that a test makes of AWS is held to the service's model before it is sent."""
    check_requests()


def pytest_xdist_make_scheduler(config: Any, log: Any) -> OneLaptop:
    """pytest-xdist asks for this."""
    return OneLaptop(config, log)


def pytest_runtest_setup() -> None:
    """Only loopback addresses can be connected to."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
