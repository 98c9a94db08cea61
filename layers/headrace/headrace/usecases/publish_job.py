"""The files that the Glue job needs, in the lake: its script, our own packages, and the wheels of all others."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace.domain.lake_folders import GLUE
from headrace.errors import TerminalError
from headrace.usecases.ports import HasLake

SCRIPT, PACKAGES, WHEELS = "transform_unit.py", "packages.zip", "modules.gluewheels.zip"
"""Glue takes a zip for one of wheels by the end of its name.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html"""
PLACES = {"Script": SCRIPT, "Packages": PACKAGES, "Wheels": WHEELS}
ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The date of everything in the zip, so that the same files make the same zip."""


class Services(HasLake, Protocol):
    """The ports used here."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a job's files are: a folder of the lake, and the URL of each of `PLACES`."""

    folder: str
    urls: dict[str, str]


def publish_job(built: Path, packages: Sequence[Path], services: Services) -> Published:
    """Put the job's files into a folder named by their digest. `built` is what the glue layer carries."""
    with tempfile.TemporaryDirectory() as scratch:
        zipped = Path(scratch, PACKAGES)
        _zip(packages, zipped)
        sources = [built / SCRIPT, built / WHEELS, zipped]
        folder = f"{GLUE}/{_digest(sources)}"
        for source in sources:
            services.lake.upload(f"{folder}/{source.name}", source)
    return Published(folder, {what: f"s3://{services.lake.bucket}/{folder}/{name}" for what, name in PLACES.items()})


def withdraw_job(folder: str, services: Services) -> None:
    """Take the files away that were published under this folder. Raises TerminalError for any other folder."""
    if not folder.startswith(f"{GLUE}/") or folder.count("/") != 1:
        raise TerminalError(f"{folder!r} is not a folder of the job's files")
    for name in PLACES.values():
        services.lake.remove(f"{folder}/{name}")


def _zip(packages: Sequence[Path], target: Path) -> None:
    """Packages as Python imports them from a zip, without byte code, which is another Python's."""
    with zipfile.ZipFile(target, "w") as archive:
        for package in packages:
            for path in sorted(package.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    named = zipfile.ZipInfo(f"{package.name}/{path.relative_to(package).as_posix()}", ALWAYS)
                    archive.writestr(named, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _digest(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths, key=lambda each: each.name):
        content = path.read_bytes()
        found.update(f"{path.name} {len(content)} ".encode() + content)
    return found.hexdigest()[:24]
