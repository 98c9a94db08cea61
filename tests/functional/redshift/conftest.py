"""An embedded Redshift on a file of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace_local.redshift import EmbeddedRedshift
from tests.functional.redshift.client import Client, FakeS3


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    s3 = FakeS3()
    redshift = EmbeddedRedshift(tmp_path / "warehouse.duckdb", s3)
    yield Client(redshift, s3)
    redshift.close()
