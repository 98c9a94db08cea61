"""The files that the Glue job needs, in the lake: its script, our own packages, and the wheels of all others."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from headrace.domain import clock
from headrace.domain.lake_folders import GLUE
from headrace.usecases.ports import HasLake, Lake

SCRIPT, PACKAGES, WHEELS = "transform_unit.py", "packages.zip", "modules.gluewheels.zip"
"""Glue takes a zip for one of wheels by the end of its name.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html"""
PLACES = {"Script": SCRIPT, "Packages": PACKAGES, "Wheels": WHEELS}
NEEDED = timedelta(days=7)
"""A run may last a day, and executors that are added to it install the files again."""
ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The date of everything in the zip, so that the same files make the same zip."""


class Services(HasLake, Protocol):
    """The ports used here."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a job's files are: a folder of the lake, and the URL of each of `PLACES`."""

    folder: str
    urls: dict[str, str]


def publish_job(built: Path, packages: Sequence[Path], services: Services, named: str = "") -> Published:
    """Put the job's files into a folder named by their digest. `built` is what the glue layer carries.

    Removes what no run can need any more; never the folder that the job has `named` until now: it may be a rollback's.
    """
    with tempfile.TemporaryDirectory() as scratch:
        zipped = Path(scratch, PACKAGES)
        _zip(packages, zipped)
        sources = [built / SCRIPT, built / WHEELS, zipped]
        folder = f"{GLUE}/{_digest(sources)}"
        for source in sources:
            services.lake.upload(f"{folder}/{source.name}", source)
    _remove_outdated({folder, named}, services.lake)
    return Published(folder, {what: f"s3://{services.lake.bucket}/{folder}/{name}" for what, name in PLACES.items()})


def _remove_outdated(kept: set[str], lake: Lake) -> None:
    folders: dict[str, datetime] = {}
    for key, written in lake.written(f"{GLUE}/"):
        folder = key.rpartition("/")[0]
        folders[folder] = max(written, folders.get(folder, written))
    for folder in _outdated(folders) - kept:
        for name in PLACES.values():
            lake.remove(f"{folder}/{name}")


def _outdated(folders: dict[str, datetime]) -> set[str]:
    """The folders, each with when it was written, that were replaced by another one `NEEDED` ago."""
    before = sorted((written, folder) for folder, written in folders.items() if written < clock.utc() - NEEDED)
    return {folder for _, folder in before[:-1]}  # the last one was the job's at that time, and maybe long after


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
