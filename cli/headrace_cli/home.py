"""Where things are on this machine: the laptop's state, and the repository."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

STATE = "laptop.json"
FOLDER = ".headrace"


@dataclass(frozen=True, slots=True)
class Laptop:
    """The laptop that runs, as its state file says."""

    endpoint_url: str
    region: str
    stack: str


def laptop_home() -> Path:
    """`$HEADRACE_HOME`, else the nearest `.headrace` with a laptop upwards of here, else the repository's."""
    if given := os.environ.get("HEADRACE_HOME"):
        return Path(given).expanduser().absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / STATE).is_file():
            return folder / FOLDER
    return repository() / FOLDER


def laptop() -> Laptop | None:
    """The laptop of `laptop_home()`, or None when there is none."""
    try:
        state = json.loads((laptop_home() / STATE).read_text())
    except (OSError, ValueError):
        return None
    return Laptop(state["endpoint_url"], state.get("region", "us-east-1"), state.get("stack", "headrace"))


def repository() -> Path:
    """The checkout to work with: the nearest one upwards of here, else the one this command was installed from."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "template.yaml").is_file() and (folder / "contracts").is_dir():
            return folder
    return Path(__file__).resolve().parents[2]
