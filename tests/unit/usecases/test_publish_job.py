"""What the Glue job is made of lies in the lake, in a folder that its content names."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from headrace.errors import TerminalError
from headrace.usecases.publish_job import Published, publish_job, withdraw_job
from tests.support.fakes import MemoryServices, contracts_of


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What the glue layer carries, and two packages beside."""
    for name, text in (
        ("layer/transform_unit.py", "print()"),
        ("layer/modules.gluewheels.zip", "wheels"),
        ("first/__init__.py", ""),
        ("first/data/words.toml", "a = 1"),
        ("first/__pycache__/x.cpython-313.pyc", "code"),
        ("second/__init__.py", "SAID = 2"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def publish(built: Path, services: MemoryServices) -> Published:
    return publish_job(built / "layer", [built / "first", built / "second"], services)


def test_the_same_files_are_the_same_folder_and_others_another(built: Path) -> None:
    services = MemoryServices(contracts_of())
    first = publish(built, services)
    assert publish(built, services) == first
    assert first.urls["Script"] == f"s3://lake/{first.folder}/transform_unit.py"
    assert first.urls["Wheels"].endswith(".gluewheels.zip")
    (built / "second" / "__init__.py").write_text("SAID = 3")
    assert publish(built, services).folder != first.folder
    assert len(services.lake.objects) == 6, "files that the deployed job names stay"


def test_python_imports_the_packages_from_the_zip(built: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    services = MemoryServices(contracts_of())
    url = publish(built, services).urls["Packages"]
    content = services.lake.objects[url.removeprefix("s3://lake/")]
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert names == ["first/__init__.py", "first/data/words.toml", "second/__init__.py"]
    archive = tmp_path / "packages.zip"
    archive.write_bytes(content)
    monkeypatch.setattr(sys, "path", [str(archive), *sys.path])
    assert __import__("second").SAID == 2


def test_what_is_replaced_is_withdrawn_and_nothing_else(built: Path) -> None:
    services = MemoryServices(contracts_of())
    first = publish(built, services)
    (built / "layer" / "transform_unit.py").write_text("print(1)")
    second = publish(built, services)
    withdraw_job(first.folder, services)
    assert {key.rpartition("/")[0] for key in services.lake.objects} == {second.folder}
    for other in ("readings", "glue", "glue/a/b", "", "GlueFiles"):
        with pytest.raises(TerminalError):
            withdraw_job(other, services)
