"""A team's own project: the wheel, a new repository, its own file in the warehouse; nothing forked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace_cli.stack.application import BUILD, KEPT
from tests.e2e.conftest import ROOT, SHELL, copy_checkout

SALES = "id,name,amount\n1,Anna,2.50\n2,Ben,3.75\n3,Cleo,1.00\n"
PACKED = ("setup.py", "README.md", "LICENSE", "requirements-sam.lock")


@dataclass(frozen=True)
class Team:
    """A folder with an installation of the wheel, and the command in it; `project` is the repository to be made."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "our data"

    def headrace(self, *arguments: str, code: int = 0) -> str:
        """Run a command in the project, or beside it before there is one; returns all that it printed."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEADRACE_"))}
        ended = subprocess.run(
            [str(self.folder / "venv" / "bin" / "headrace"), *arguments],
            cwd=self.project if self.project.exists() else self.folder,
            env=own | SHELL | {"HEADRACE_SAM": str(ROOT / ".venv-sam" / "bin" / "sam")},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `make dist` builds it."""
    source = copy_checkout(tmp_path_factory.mktemp("source"))
    for name in PACKED:
        shutil.copy(ROOT / name, source / name)
    made = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(made), str(source)], check=True)
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def team(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The installed wheel in a new folder with a file of one's own; its laptop is stopped at the end.

    Dependencies are those of the development environment, where Headrace itself is a link that does not count here.
    """
    folder = tmp_path_factory.mktemp("a team")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run([str(part) for part in install], check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(str(Path(pytest.__file__).parents[1]))
    (folder / "sales.csv").write_text(SALES)
    made = Team(folder)
    yield made
    made.headrace("down")


def test_from_the_wheel_to_rows_of_ones_own(team: Team) -> None:
    assert "there is no project here" in team.headrace("deploy", "prod", code=1)
    team.headrace("init", "our data")
    team.headrace("new", "sales", "../sales.csv")
    tests = team.project / "contracts" / "tests" / "sales"
    tests.mkdir()
    shutil.copy(team.folder / "sales.csv", tests)
    team.headrace("test", "--write")
    assert "1 test file: 1 passed." in team.headrace("test")
    assert "1 contract, 0 exports: 0 mistakes" in team.headrace("lint")
    built_before = team.project / BUILD / KEPT
    built_before.parent.mkdir(parents=True)
    built_before.symlink_to(ROOT / KEPT)
    assert "The laptop is up at" in team.headrace("up")
    team.headrace("drop", "sales", "../sales.csv")
    team.headrace("wait")
    assert "Cleo" in team.headrace("sql", "SELECT * FROM public.sales")
    assert "The warehouse matches the contracts." in team.headrace("migrate", "--plan")
