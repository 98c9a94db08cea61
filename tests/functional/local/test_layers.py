"""The layers as `sam build` makes them: what a function can import from them, and how much they weigh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from headrace import built_for
from headrace_local.sam import own_runtime

ROOT = Path(__file__).resolve().parents[3]
MAKEFILES = {
    "headrace": "layers/headrace",
    "transform": "layers/transform",
    "contracts": "contracts",
    "glue": "layers/glue",
}
LAMBDA_LIMIT = 250_000_000


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each layer, built by its makefile from elsewhere, as SAM calls it, in a folder with a blank."""
    checkout = tmp_path_factory.mktemp("its parent") / "a  checkout"
    checkout.symlink_to(ROOT)
    built = {}
    for layer, folder in MAKEFILES.items():
        built[layer] = tmp_path_factory.mktemp(layer)
        environment = {"HEADRACE_RUNTIME": own_runtime(), "HEADRACE_ARCH": "native", "ARTIFACTS_DIR": str(built[layer])}
        command = ["make", "--silent", "--makefile", str(checkout / folder / "Makefile"), "build-AnyLayer"]
        command += ["PYTHON=/nowhere/python"]
        subprocess.run(command, check=True, cwd=built[layer], env={**os.environ, **environment})
    return built


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def run(interpreter: Path, code: str, *layers: Path) -> str:
    """What the code prints, in a Python that has these layers and nothing else."""
    path = os.pathsep.join(str(layer / "python") for layer in layers)
    environment = {"PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [str(interpreter), "-c", code], check=True, env=environment, capture_output=True, text=True
    ).stdout.strip()


def test_every_service_that_is_kept_has_a_client(layers: dict[str, Path], interpreter: Path) -> None:
    services = sorted(path.name for path in (layers["headrace"] / "python/botocore/data").iterdir() if path.is_dir())

    run(
        interpreter,
        f"from botocore.session import Session\nfor service in {services}: Session().create_client(service)",
        layers["headrace"],
    )

    assert {"dynamodb", "redshift-data", "s3", "secretsmanager", "sns", "stepfunctions"} <= set(services)


def test_the_package_needs_pyarrow_for_the_transform_only(layers: dict[str, Path], interpreter: Path) -> None:
    names = run(
        interpreter,
        "import pkgutil, headrace\n"
        "for module in pkgutil.walk_packages(headrace.__path__, 'headrace.'): print(module.name)",
        layers["headrace"],
    )

    assert "headrace.transform" in names
    assert "headrace_compiler" not in names
    run(
        interpreter,
        "from headrace.bootstrap import channels, exports, ingest, sources",
        layers["headrace"],
        layers["contracts"],
    )


def test_the_trimmed_pyarrow_reads_validates_and_writes(layers: dict[str, Path], interpreter: Path) -> None:
    code = """
import io, orjson, pyarrow as pa, pyarrow.compute as pc, pyarrow.csv, pyarrow.json, pyarrow.parquet as pq
table = pa.csv.read_csv(io.BytesIO(b'a,b\\n1,x\\n2,y\\n'))
assert pc.match_substring_regex(table['b'], '^x$').to_pylist() == [True, False]
assert pa.json.read_json(io.BytesIO(orjson.dumps({'a': 1}))).num_rows == 1
sink = io.BytesIO()
pq.write_table(table, sink, compression='zstd')
assert pq.read_table(io.BytesIO(sink.getvalue()), use_threads=False).equals(table)  # threads may abort at exit
try:
    import numpy
except ImportError:
    print('without numpy')
"""
    assert run(interpreter, code, layers["transform"]) == "without numpy"


def test_the_contracts_are_compiled(layers: dict[str, Path], interpreter: Path) -> None:
    code = (
        "import importlib.resources, json\n"
        "files = importlib.resources.files('headrace_contracts')\n"
        "print(json.dumps(sorted(file.name for file in files.iterdir())))"
    )

    assert any(name.endswith(".json") for name in json.loads(run(interpreter, code, layers["contracts"])))


def test_together_they_are_well_below_what_lambda_allows(layers: dict[str, Path]) -> None:
    sizes = {
        layer: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        for layer, folder in layers.items()
    }

    assert sum(sizes.values()) < 0.6 * LAMBDA_LIMIT, sizes


def test_what_is_imported_was_compiled_before(layers: dict[str, Path]) -> None:
    compiled = list((layers["headrace"] / "python/headrace").rglob(f"*.cpython-3{sys.version_info.minor}.pyc"))

    assert compiled
    # Flags 0b01: compared by hash, never checked against the source; the source's time stamp plays no part.
    assert {file.read_bytes()[4:8] for file in compiled} == {b"\x01\0\0\0"}


def test_a_layer_for_another_runtime_stops_the_deployment_with_its_reason(
    layers: dict[str, Path], interpreter: Path, tmp_path: Path
) -> None:
    doctored = tmp_path / "python" / "headrace_build"
    doctored.mkdir(parents=True)
    (doctored / "transform.json").write_text('{"runtime": "python3.99", "architecture": "arm64"}')
    function = str(ROOT / "functions" / "deployment")
    event = {"RequestType": "Create", "ResourceType": "Custom::WarehouseTables"}
    code = f"import sys\nsys.path.append({function!r})\nimport app\nprint(app.attempt({event}, 60)[0])"

    good = run(interpreter, code, layers["headrace"], layers["contracts"])
    refused = run(interpreter, code, layers["headrace"], layers["contracts"], tmp_path)

    assert "MissingSetting" in good, "the layers as built are taken, and the function goes on to what it lacks here"
    assert refused.startswith("WrongBuild: the layer transform was built for python3.99 on arm64, the functions run")


def test_every_layer_says_what_it_was_built_for(layers: dict[str, Path]) -> None:
    for layer, folder in layers.items():
        (mark,) = (folder / "python" / "headrace_build").iterdir()
        assert (mark.name, json.loads(mark.read_text())) == (
            f"{layer}.json",
            {
                "runtime": built_for.runtime(),
                "architecture": built_for.architecture(),
                "bytecode": True,
                "native": True,
            },
        )


def built_contracts(folder: Path, path: str) -> tuple[Path, dict[str, Any], str]:
    """The contracts' layer for a runtime that is not this Python: its folder, its mark, what was said."""
    environment = {"HEADRACE_RUNTIME": "python3.99", "HEADRACE_ARCH": "arm64", "PATH": path}
    command = [sys.executable, str(ROOT / "scripts" / "build_layer.py"), "contracts", str(folder)]
    ended = subprocess.run(command, check=True, env=os.environ | environment, capture_output=True, text=True)
    mark = json.loads((folder / "python" / "headrace_build" / "contracts.json").read_text())
    return folder / "python", mark, ended.stderr


def test_byte_code_is_made_by_the_functions_python_wherever_it_is(tmp_path: Path) -> None:
    called = tmp_path / "called"
    other = tmp_path / "bin" / "python3.99"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\necho "$@" > {called}\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)

    _, mark, said = built_contracts(tmp_path / "layer", f"{other.parent}{os.pathsep}{os.environ['PATH']}")

    assert mark == {"runtime": "python3.99", "architecture": "arm64", "bytecode": True}
    assert "--invalidation-mode unchecked-hash" in called.read_text()
    assert said == ""


def test_a_build_without_the_functions_python_says_what_it_lacks(tmp_path: Path) -> None:
    folder, mark, said = built_contracts(tmp_path, os.environ["PATH"])

    assert (mark["bytecode"], list(folder.rglob("*.pyc"))) == (False, [])
    assert ".venv/bin/uv python install 3.99" in said


def test_the_glue_layer_carries_the_script_and_a_wheel_for_everything(
    layers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laptop's Spark has a separate environment; on AWS the wheels of Glue's Python are all that pip sees."""
    assert wheels(layers["glue"])[1] == []
    environment = os.environ | {"HEADRACE_ARCH": "x86_64", "ARTIFACTS_DIR": str(tmp_path)}
    command = ["make", "--silent", "--makefile", str(ROOT / "layers/glue/Makefile"), "build-GlueLayer"]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    script = tmp_path / "python/headrace_glue/transform_unit.py"
    assert script.read_text() == (ROOT / "glue/transform_unit.py").read_text()
    wanted, found = wheels(tmp_path)
    assert wanted == wheels(layers["glue"])[0]
    assert sorted(f"{name}=={version}".replace("-", "_") for name, version, *_ in found) == [
        each.replace("-", "_") for each in wanted
    ]
    for name, _, *tags in found:
        python, platform = tags[-3], tags[-1]
        assert "py3" in python or (python == "cp311" and "x86_64" in platform), name
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < LAMBDA_LIMIT / 2


def wheels(layer: Path) -> tuple[list[str], list[list[str]]]:
    """What the glue layer's zip asks pip for, and the parts of its wheels' names."""
    with zipfile.ZipFile(layer / "python/headrace_glue/modules.gluewheels.zip") as archive:
        names = [name.removeprefix("wheels/").removesuffix(".whl") for name in archive.namelist()]
        wanted = archive.read("wheels/requirements.txt").decode().split()
    return wanted, [name.split("-") for name in names if name != "requirements.txt"]
