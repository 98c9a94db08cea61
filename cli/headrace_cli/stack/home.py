"""Where things are on this machine: the laptop's state, and the repository."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

STATE = "laptop.json"
FOLDER = ".headrace"


@dataclass(frozen=True, slots=True)
class Laptop:
    """The laptop that runs, as its state file says."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)
    region: str = "us-east-1"
    stack: str = "headrace"


def laptop_home() -> Path:
    """`$HEADRACE_HOME`, else the nearest `.headrace` with a laptop upwards of here, else the repository's."""
    if given := os.environ.get("HEADRACE_HOME"):
        return Path(given).expanduser().absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / STATE).is_file():
            return folder / FOLDER
    return repository() / FOLDER


def laptop(home: Path | None = None) -> Laptop | None:
    """The laptop of a home, that of `laptop_home()` if none is given, or None when there is none."""
    try:
        state = json.loads(((home or laptop_home()) / STATE).read_text())
        return Laptop(**{name: state[name] for name in Laptop.__slots__})
    except (OSError, ValueError, KeyError):
        return None


def repository() -> Path:
    """The checkout to work with: the nearest one upwards of here, else the one this command was installed from."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "template.yaml").is_file() and (folder / "contracts").is_dir():
            return folder
    return Path(__file__).resolve().parents[3]
