"""The SAM application to build and deploy: the checkout itself, or this installation's with a project's contracts."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.home import SETTINGS, TEMPLATE, checkout

BUILD = Path(".aws-sam", "headrace")
"""In a project: the assembled application. Its folder `.aws-sam` keeps what was built between two deployments."""
KEPT = ".aws-sam"
DECLARATIONS = ("contracts", "exports")


def packaged() -> Path:
    """The application's files that do not depend on a project: template, functions, layers, state machines, migrations.

    Raises CommandError for an installation that has none.
    """
    found = checkout() or Path(__file__).resolve().parents[1] / "application"
    if not (found / TEMPLATE).is_file():
        raise CommandError(f"this installation is incomplete: {found} is missing; install the wheel again")
    return found


def application(project: Path) -> Path:
    """The folder to run SAM in for this project: itself if it has a template, else the one that is assembled now."""
    return project if is_application(project) else assemble(project)


def is_application(folder: Path) -> bool:
    """Whether this is the SAM application itself, and no project, which may have another template beside."""
    return (folder / TEMPLATE).is_file() and not (folder / SETTINGS).is_file()


def assemble(project: Path) -> Path:
    """Put the application together in the project's build folder. Raises CommandError without a contract."""
    if not any((project / "contracts").glob("*.odcs.yaml")):
        raise CommandError(
            f"there is no contract in {project / 'contracts'}: `headrace new NAME SAMPLE` drafts one from a sample file"
        )
    target = project / BUILD
    clear(target)
    copy_packaged(target)
    for folder in DECLARATIONS:
        (target / folder).mkdir(exist_ok=True)
        for path in sorted((project / folder).glob("*.odcs.yaml")):
            shutil.copy(path, target / folder)
    return target


def clear(target: Path) -> None:
    """Remove what an earlier version has put there, but what was built."""
    for old in target.iterdir() if target.is_dir() else ():
        if old.name == KEPT:
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()


def copy_packaged(target: Path) -> None:
    """Copy this installation's application: its files, the deployed package and the compiler."""
    source = packaged()
    ignored = shutil.ignore_patterns("__pycache__", "*.odcs.yaml", "samples", "datasets")
    target.mkdir(parents=True, exist_ok=True)
    for name in ("contracts", "functions", "glue", "scripts", "sql", "statemachine", "layers"):
        shutil.copytree(source / name, target / name, ignore=ignored, dirs_exist_ok=True)
    for name in (TEMPLATE, "samconfig.toml"):
        shutil.copy(source / name, target)
    for package, folder in (("headrace", "layers/headrace"), ("headrace_compiler", "compiler")):
        shutil.copytree(installed(package), target / folder / package, ignore=ignored, dirs_exist_ok=True)


def installed(package: str) -> Path:
    """The folder of a package of this installation, which is not imported for it."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise CommandError(f"this installation lacks the package {package}: install the wheel again")
    return Path(found.origin).parent
