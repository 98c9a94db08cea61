"""An embedded Redshift on a file of its own for each test, directly and behind HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace_local.redshift import EmbeddedRedshift, StatementEvent
from tests.functional.redshift.client import ROOT, Client, FakeS3
from tests.functional.redshift.server import Aws, Served, boto_client, serving


def let_make_schemas(redshift: EmbeddedRedshift) -> None:
    """Give the role `loader` the right that those who make tables need."""
    Client(redshift, FakeS3(), principal=ROOT).run('GRANT CREATE ON DATABASE dev TO "IAMR:loader"')


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    s3 = FakeS3()
    redshift = EmbeddedRedshift(tmp_path / "warehouse.duckdb", s3)
    let_make_schemas(redshift)
    yield Client(redshift, s3)
    redshift.close()


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Served, Any, Any]]:
    served = Served()
    with serving(served) as url:
        api, stranger = boto_client(url), boto_client(url, role="stranger")
        yield served, api, stranger
        api.close()
        stranger.close()


@pytest.fixture
def aws(tmp_path: Path, served: tuple[Served, Any, Any]) -> Iterator[Aws]:
    server, api, stranger = served
    s3, events = FakeS3(), list[StatementEvent]()
    redshift = EmbeddedRedshift(tmp_path / "warehouse.duckdb", s3, events.append, lambda arn: arn.rpartition(":")[2])
    let_make_schemas(redshift)
    server.redshift = redshift
    yield Aws(api, stranger, s3, redshift, events)
    redshift.close()
