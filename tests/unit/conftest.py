"""No unit test finds a laptop that happens to run near it, or what the shell has chosen of AWS."""

from __future__ import annotations

import pytest

CHOSEN = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def nothing_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without a laptop, and a shell without settings of AWS."""
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path_factory.getbasetemp() / "no-laptop"))
    for name in CHOSEN:
        monkeypatch.delenv(name, raising=False)
