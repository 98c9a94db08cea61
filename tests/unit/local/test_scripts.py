"""The scripts that make environments, locks and layers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


lock, build_layer, setup = script("lock"), script("build_layer"), script("setup")

LOCK = """\
# made by uv
app==1.0 \\
    --hash=sha256:aa
    # via project (pyproject.toml)
helper==2.0 ; sys_platform != 'win32' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via
    #   app
    #   other
needed-by-helper==3.0 \\
    --hash=sha256:dd
    # via helper
other==4.0 \\
    --hash=sha256:ee
    # via project (pyproject.toml)
"""


@pytest.mark.parametrize(
    ("said", "progress"),
    [
        ("", "0 packages fetched"),
        ("Collecting a==1\n  Downloading a.whl\nCollecting b==2\n", "2 packages fetched"),
        ("Collecting a==1\nInstalling collected packages: a\n", "unpacking the packages"),
    ],
)
def test_the_first_setup_says_how_far_it_is(said: str, progress: str) -> None:
    assert setup.progress(said) == progress


def pinned(layer: str) -> list[str]:
    """The lines of a layer's requirements that name a release."""
    lines = (ROOT / "layers" / layer / "requirements.txt").read_text("utf-8").splitlines()
    return [line for line in lines if "==" in line and not line.startswith((" ", "#"))]


def name_of(line: str) -> str:
    return line.partition("==")[0]


class TestLayerRequirements:
    def test_they_are_the_part_of_the_lock_that_the_roots_need(self) -> None:
        requirements = lock.layer_requirements(LOCK, ("app",))

        assert requirements == lock.HEADER + (
            "app==1.0 \\\n    --hash=sha256:aa\n"
            "helper==2.0 ; sys_platform != 'win32' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
            "needed-by-helper==3.0 \\\n    --hash=sha256:dd\n"
        )

    @pytest.mark.parametrize("layer", sorted(lock.LAYERS))
    def test_the_layers_install_what_is_locked_for_development(self, layer: str) -> None:
        locked = (ROOT / "requirements.lock").read_text("utf-8")
        installed = (ROOT / "layers" / layer / "requirements.txt").read_text("utf-8")

        beside = lock.carried_beside(locked, layer)
        assert installed == lock.layer_requirements(locked, lock.LAYERS[layer], beside), "run `make lock`"

    def test_a_layer_has_no_library_of_those_beside_it(self) -> None:
        beside = {name_of(line) for layer in ("headrace", "transform") for line in pinned(layer)}
        own = {name_of(line) for line in pinned("lake")}
        assert {"pandas", "awswrangler", "numpy", "boto3"} <= own
        assert not own & beside

    def test_each_python_has_its_own_release_where_the_lock_names_two(self) -> None:
        assert [line.partition(";")[2].strip() for line in pinned("lake") if name_of(line) == "numpy"] == [
            "python_full_version < '3.12' \\",
            "python_full_version >= '3.12' \\",
        ]

    def test_sams_lock_holds_the_pinned_version(self) -> None:
        assert f"\n{lock.SAM_CLI} " in (ROOT / "requirements-sam.lock").read_text("utf-8")


class TestLayerBuild:
    def test_libraries_nobody_loads_are_removed(self, tmp_path: Path) -> None:
        kept = {"pyarrow/lib.so", "pyarrow/libarrow.so.2600", "pyarrow/libarrow_python.so.2600", "orjson/orjson.so"}
        dropped = {
            "bin/tool",
            "pyarrow/include/arrow.h",
            "pyarrow/lib.pyx",
            "pyarrow/libarrow_flight.so.2600",
            "pyarrow/libarrow_python.so",
            "pyarrow/libarrow_python.so.2600.1.0",
            "pyarrow/tests/test_all.py",
        }
        make_files(tmp_path, kept | dropped)

        build_layer.trim(tmp_path, "transform")

        assert files_in(tmp_path) == kept

    def test_only_the_models_of_our_services_stay(self, tmp_path: Path) -> None:
        kept = {"botocore/data/endpoints.json", "botocore/data/s3/service.json", "botocore/session.py"}
        make_files(tmp_path, kept | {"botocore/data/ec2/service.json", "bin/jp.py"})

        build_layer.trim(tmp_path, "headrace")

        assert files_in(tmp_path) == kept

    def test_our_package_ships_without_the_compiler(self, tmp_path: Path) -> None:
        build_layer.copy_package(tmp_path / "headrace")

        assert (tmp_path / "headrace" / "domain" / "contract.py").exists()
        assert not (tmp_path / "headrace" / "contracts").exists()


class TestSetup:
    def test_no_index_is_said_in_words_and_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def unreachable(environment: Any) -> None:
            log = tmp_path / environment.name
            log.write_text("WARNING: Retrying ... NewConnectionError('Failed to connect')\nERROR: No match\n")
            raise setup.SetupError(setup.reason(log))

        monkeypatch.setattr(setup, "is_current", lambda _: False)
        monkeypatch.setattr(setup, "make", unreachable)

        assert setup.main() == 1
        assert capsys.readouterr().err.count("pip could not reach a package index") == 1

    def test_another_failure_is_pips_own_last_error(self, tmp_path: Path) -> None:
        log = tmp_path / "setup.log"
        log.write_text("ERROR: first\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n")

        assert "THESE PACKAGES DO NOT MATCH THE HASHES" in setup.reason(log)

    def test_an_environment_is_current_until_its_lock_changes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(setup, "ROOT", tmp_path)
        environment = setup.Environment("env", (("-r", "a.lock"),), ("a.lock",))
        make_files(tmp_path, {"a.lock", "env/bin/python"})
        assert not setup.is_current(environment)

        environment.stamp.write_text(setup.digest(environment))
        assert setup.is_current(environment)

        (tmp_path / "a.lock").write_text("changed")
        assert not setup.is_current(environment)

    def test_a_python_that_does_not_start_does_not_work(self, tmp_path: Path) -> None:
        assert setup.works(Path(sys.executable))
        assert not setup.works(tmp_path / "python")


def make_files(folder: Path, names: set[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def files_in(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
