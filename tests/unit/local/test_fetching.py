"""The laptop fetches Spark's packages as the person does, and knows nothing else of their environment."""

from __future__ import annotations

import os

import pytest

from headrace_local.laptop import fetching_settings


def test_index_proxy_and_certificates_are_taken_along_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    wanted = {
        "HOME": "/home/me",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost",
        "PIP_INDEX_URL": "https://packages.example/simple",
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
        "UV_INDEX_URL": "https://packages.example/simple",
    }
    for name, value in (wanted | {"AWS_PROFILE": "mine", "PYTHONPATH": "/elsewhere", "PATH": "/bin"}).items():
        monkeypatch.setenv(name, value)
    assert fetching_settings() == wanted
