"""Layers of another build than the function's are refused, with words that say what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace import built_for as build

PACKAGE = Path(build.__file__).parent


def mark(folder: Path, layer: str, runtime: str, architecture: str) -> Path:
    marks = folder / build.MARKS
    marks.mkdir(parents=True, exist_ok=True)
    (marks / f"{layer}.json").write_text(json.dumps({"runtime": runtime, "architecture": architecture}))
    return folder


def test_layers_for_this_python_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(mark(tmp_path, "headrace", build.runtime(), build.architecture()))])
    build.check_layers()


@pytest.mark.parametrize(
    ("runtime", "architecture"),
    [("python3.99", build.architecture()), (build.runtime(), "riscv"), ("python3.99", "riscv")],
)
def test_a_layer_for_another_function_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, architecture: str
) -> None:
    one = mark(tmp_path / "one", "headrace", build.runtime(), build.architecture())
    other = mark(tmp_path / "other", "transform", runtime, architecture)
    monkeypatch.setattr(sys, "path", [str(one), str(other)])

    with pytest.raises(build.WrongBuild) as caught:
        build.check_layers()

    assert str(caught.value).startswith(f"the layer transform was built for {runtime} on {architecture}, the functions")
    assert f"HEADRACE_RUNTIME={build.runtime()} HEADRACE_ARCH={build.architecture()}" in str(caught.value)
    assert f"Runtime={runtime} Architecture={architecture}" in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "taken"),
    [
        ({"AWS_LAMBDA_FUNCTION_NAME": "headrace-PublishJob"}, False),
        ({"AWS_LAMBDA_FUNCTION_NAME": "headrace-PublishJob", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, True),
        ({}, True),
    ],
)
def test_a_layer_that_was_built_for_the_laptop_is_refused_on_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], taken: bool
) -> None:
    folder = mark(tmp_path, "glue", build.runtime(), build.architecture())
    path = folder / build.MARKS / "glue.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"native": True}))
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if taken:
        build.check_layers()
        return
    with pytest.raises(build.WrongBuild, match="the layer glue was built for the laptop"):
        build.check_layers()


@pytest.mark.parametrize("module", ["headrace", "headrace.bootstrap.ingest", "headrace.usecases.unit.transform"])
def test_whatever_is_imported_first_it_is_looked_at_before_anything_native(tmp_path: Path, module: str) -> None:
    mark(tmp_path, "transform", "python3.99", build.architecture())
    says = "print(type(error).__name__, 'pyarrow' in sys.modules)"
    code = f"import sys\ntry:\n import {module}\nexcept ImportError as error:\n {says}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == "WrongBuild False\n"
