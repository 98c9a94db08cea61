"""Servers of each protocol, and benches that poll them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.source import Protocol
from headrace.sources.model.credentials import Credentials
from tests.servers.certificates import Authority
from tests.servers.faults import PASSWORD, USER
from tests.servers.ftp import FtpServer
from tests.servers.sftp import SftpServer
from tests.support.sources import Bench, source

ROWS = b"meter,read_at,value\na,2026-01-01T00:00:00Z,1\n"
Make = Callable[..., tuple[Any, Bench]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that servers serve."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Iterator[Callable[..., tuple[Any, Bench]]]:
    """Starts a server of a protocol; `server` are its options, the rest the source's."""
    with ExitStack() as stack:

        def started(protocol: Protocol, server: dict[str, Any] | None = None, **changes: Any) -> tuple[Any, Bench]:
            running: Any
            if protocol is Protocol.SFTP:
                running = stack.enter_context(SftpServer(root))
                credentials = Credentials(USER, PASSWORD, host_keys=(running.host_key,))
            elif protocol is Protocol.FTPS:
                authority = Authority(tmp_path)
                running = stack.enter_context(FtpServer(root, certificate=authority.certificate(), **server or {}))
                credentials = Credentials(USER, PASSWORD, ca=authority.pem)
            else:
                running = stack.enter_context(FtpServer(root, **server or {}))
                credentials = Credentials(USER, PASSWORD)
            bench = Bench.of(source(protocol, running.port, **changes))
            bench.credentials = credentials
            return running, bench

        yield started


@pytest.fixture(params=list(Protocol))
def make(request: pytest.FixtureRequest, start: Any) -> Make:
    """The same, once with each protocol."""
    return lambda **changes: start(request.param, **changes)


def write(path: Path, body: bytes = ROWS, at: float = 1_772_000_000) -> Path:
    """A file of a set time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (at, at))
    return path
