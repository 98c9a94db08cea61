"""Where things are on this machine: the laptop's state, and the project that a command works with."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from headrace_cli.output.failures import CommandError

SETTINGS = "headrace.toml"
"""Marks a team's own project, which has contracts and no application."""
TEMPLATE = "template.yaml"
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
    """`$HEADRACE_HOME`, else the nearest `.headrace` with a laptop upwards of here, else the project's."""
    if given := os.environ.get("HEADRACE_HOME"):
        return Path(given).expanduser().absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / STATE).is_file():
            return folder / FOLDER
    return (_project() or here) / FOLDER


def laptop(home: Path | None = None) -> Laptop | None:
    """The laptop of a home, that of `laptop_home()` if none is given, or None when there is none."""
    try:
        state = json.loads(((home or laptop_home()) / STATE).read_text())
        return Laptop(**{name: state[name] for name in Laptop.__slots__})
    except (OSError, ValueError, KeyError):
        return None


def project() -> Path:
    """The folder with the contracts: the nearest project or checkout upwards, else this installation's checkout.

    Raises CommandError when there is none.
    """
    found = _project()
    if found is None:
        raise CommandError("there is no project here or above: `headrace init DIR` makes one")
    return found


def _project() -> Path | None:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _is_project(folder)), checkout())


def _is_project(folder: Path) -> bool:
    return (folder / SETTINGS).is_file() or ((folder / TEMPLATE).is_file() and (folder / "contracts").is_dir())


def checkout() -> Path | None:
    """The checkout that this command was installed from; None when it was installed as a package."""
    folder = Path(__file__).resolve().parents[3]
    return folder if (folder / TEMPLATE).is_file() else None
