"""What the Glue job is made of lies in the lake, in a folder that its content names."""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.domain import clock
from headrace.usecases.publish_job import Published, publish_job
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


def folders(services: MemoryServices) -> set[str]:
    return {key.rpartition("/")[0] for key in services.lake.objects}


def test_files_stay_for_a_week_after_they_were_replaced_for_the_runs_at_work(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = MemoryServices(contracts_of())
    start = clock.utc()
    published: list[str] = []
    for days, left in (
        (0, {0}),
        (100, {0, 1}),  # the first was the job's until now
        (101, {0, 1, 2}),  # runs of the first may still be at work: it was replaced a day ago
        (108, {1, 2, 3}),  # the second was the job's a week ago
        (150, {3, 4}),
        (151, {3, 4, 5}),
    ):
        monkeypatch.setattr(clock, "utc", lambda days=days: start + timedelta(days=days))
        (built / "layer" / "transform_unit.py").write_text(f"print({days})")
        published.append(publish(built, services).folder)
        assert {published.index(folder) for folder in folders(services)} == left


def test_the_folder_that_the_job_names_stays_however_old(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = MemoryServices(contracts_of())
    first = publish(built, services).folder
    for days in (50, 100, 150):  # none of these deployments succeeded
        at = clock.utc() + timedelta(days=days)
        with monkeypatch.context() as later:
            later.setattr(clock, "utc", lambda at=at: at)
            (built / "layer" / "transform_unit.py").write_text(f"print({days})")
            packages = [built / "first", built / "second"]
            publish_job(built / "layer", packages, services, first)
    assert first in folders(services)
    assert len(folders(services)) == 3
