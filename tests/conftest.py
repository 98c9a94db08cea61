"""No test reaches beyond this machine."""

from __future__ import annotations

import os

from hypothesis import settings
from pytest_socket import socket_allow_hosts

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # boto3 would look for credentials on a link-local address
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


def pytest_runtest_setup() -> None:
    """Only loopback addresses can be connected to."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
