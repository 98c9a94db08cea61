"""No test reaches beyond this machine."""

from __future__ import annotations

from pytest_socket import socket_allow_hosts


def pytest_runtest_setup() -> None:
    """Only loopback addresses can be connected to."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
