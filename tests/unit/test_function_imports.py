"""Every function imports with the layers that it has: what only another layer carries, it never asks for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from benchmarks.imports import LAYERS, PUT_OFF, functions

ROOT = Path(__file__).parents[2]
IMPORTS = """
import importlib, json, sys
folder, missing, later = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(missing))  # an import of any of them fails
sys.path.insert(0, folder)
for name in ["app", *later]:
    importlib.import_module(name)
"""


def carried(layer: str) -> set[str]:
    """The names under which a layer's libraries are imported."""
    listed = ROOT / "layers" / LAYERS[layer] / "requirements.txt"
    lines = listed.read_text("utf-8").splitlines() if listed.is_file() else []
    pinned = {normal(found[1]) for line in lines if (found := re.match(r"([A-Za-z0-9._-]+)==", line))}
    return {name for name, owners in packages_distributions().items() if pinned & {normal(owner) for owner in owners}}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("name", "layers"), sorted({(name, tuple(layers)) for name, _, layers in functions()}))
def test_a_function_imports_with_its_own_layers_alone(name: str, layers: tuple[str, ...]) -> None:
    missing = set[str]().union(*map(carried, LAYERS)).difference(*map(carried, layers))
    later = [PUT_OFF[name]] if name in PUT_OFF else []
    given = json.dumps([str(ROOT / "functions" / name), sorted(missing), later])
    done = subprocess.run([sys.executable, "-c", IMPORTS, given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_layers_differ_in_what_they_carry() -> None:
    assert {"pyarrow", "orjson", "re2"} <= carried("TransformLayer")
    assert "asyncssh" in carried("SourcesLayer")
    assert carried("HeadraceLayer").isdisjoint({"pyarrow", "asyncssh", "boto3"})
