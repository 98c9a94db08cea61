"""Certificates of the tests' own authority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """Signs certificates for 127.0.0.1. `pem` is what a secret's `ca` should be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.pem = self._ca.cert_pem.bytes().decode()

    def certificate(self, *, expired: bool = False, name: str = "127.0.0.1") -> Path:
        """A PEM file with the key and the certificate."""
        until = datetime.now(UTC) + timedelta(days=-1 if expired else 30)
        issued = self._ca.issue_cert(name, not_before=until - timedelta(days=60), not_after=until)
        path = self._folder / f"{name}-{expired}.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path
