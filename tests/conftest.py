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


class TwoLaptops(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Where tests run side by side, those of a file stay together, and end-to-end ones share two laptops: they wait
    more than they work, so the machine has time for both and for the others.
    """

    def _split_scope(self, nodeid: str) -> str:
        laptops = ("tests/e2e/failures/", "tests/e2e/")
        return next((folder for folder in laptops if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_configure() -> None:
    """Every request that a test makes of AWS is held to the service's model before it is sent."""
    check_requests()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Gzip notes the second in which it compressed: as the name of a test, it would differ between two workers."""
    return argname if isinstance(val, bytes) and b"\x1f\x8b" in val else None


def pytest_xdist_make_scheduler(config: Any, log: Any) -> TwoLaptops:
    """pytest-xdist asks for this."""
    return TwoLaptops(config, log)


def pytest_runtest_setup() -> None:
    """Only loopback addresses can be connected to."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
