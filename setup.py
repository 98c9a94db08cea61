"""What pyproject.toml cannot say: the wheel has the SAM application too, for `headrace deploy` anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
APPLICATION = (
    "template.yaml",
    "samconfig.toml",
    "requirements-sam.lock",
    "contracts/Makefile",
    "functions/*/*.py",
    "glue/*.py",
    "layers/*/Makefile",
    "layers/*/requirements.txt",
    "scripts/build_layer.*",
    "sql/migrations/*.sql",
    "statemachine/*.asl.json",
)
"""The application without contracts, exports, and the packages that the wheel has anyway."""


class BuildWithApplication(build_py):
    """Puts the application's files into `headrace_cli/application`."""

    def run(self) -> None:
        """Build from nothing: modules that were removed would otherwise be packed from an earlier build."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            copy_application(Path(self.build_lib) / "headrace_cli" / "application")


def copy_application(target: Path) -> None:
    """Copy every file of the application. Raises FileNotFoundError for a pattern that matches none."""
    for pattern in APPLICATION:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise FileNotFoundError(pattern)
        for path in found:
            (target / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / path.relative_to(ROOT))


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildWithApplication})
