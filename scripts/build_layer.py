"""Build a Lambda layer; called by the layers' Makefiles, which `sam build` calls.

    build_layer.py headrace|transform|sources|lake|glue|contracts ARTIFACTS_FOLDER

What is installed is decided by the layer's requirements.txt (versions and hashes) and by the environment:
HEADRACE_RUNTIME, the Lambda runtime (python3.13), and HEADRACE_ARCH, `x86_64`, `arm64` or `native` (this machine, for
the laptop). Wheels are taken for that platform, so no container and no Python of that version is needed. Installed
trees are kept under `.aws-sam/layers` and used again as long as nothing they are made from changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".aws-sam" / "layers"
PLATFORMS = {
    "x86_64": ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "arm64": ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
}
GLUE_PYTHON = "3.11"
"""Glue 5.1 has Python 3.11 on Amazon Linux 2023, x86_64: https://docs.aws.amazon.com/glue/latest/dg/release-notes.html"""
AWS_SERVICES = (
    "athena", "dynamodb", "events", "glue", "redshift-data", "s3", "secretsmanager", "sns", "sqs", "stepfunctions",
    "sts",
)  # fmt: skip
# Nothing in these is used by a function; together they are more than a third of a layer.
NOT_NEEDED = {
    "headrace": ("bin",),
    "sources": ("bin",),
    "lake": ("bin", "numpy/tests", "numpy/*/tests", "numpy/_core/include", "numpy/f2py", "numpy/*/lib", "pandas/tests"),
    "transform": (
        "bin",
        "pyarrow/include",
        "pyarrow/includes",
        "pyarrow/src",
        "pyarrow/tests",
        "pyarrow/*.pxd",
        "pyarrow/*.pxi",
        "pyarrow/*.pyx",
        "pyarrow/libarrow_flight.so*",
        # Two of the wheel's three copies; the libraries are linked with libarrow_python.so.<major>.
        "pyarrow/libarrow_python.so",
        "pyarrow/libarrow_python.so.*.*",
        "pyarrow/libarrow_python_flight.so*",
        "pyarrow/libarrow_python_parquet_encryption.so*",
        "pyarrow/libarrow_s3.so*",
        "pyarrow/_azurefs.*",
        "pyarrow/_cuda.*",
        "pyarrow/_dataset_orc.*",
        "pyarrow/_dataset_parquet_encryption.*",
        "pyarrow/_feather.*",
        "pyarrow/_flight.*",
        "pyarrow/_gcsfs.*",
        "pyarrow/_hdfs.*",
        "pyarrow/_orc.*",
        "pyarrow/_parquet_encryption.*",
        "pyarrow/_pyarrow_cpp_tests.*",
        "pyarrow/_s3fs.*",
        "pyarrow/_substrait.*",
    ),
}


def main() -> None:
    """Build one layer into its folder."""
    layer, artifacts = sys.argv[1], Path(sys.argv[2])
    python = artifacts / "python"
    if layer == "contracts":
        compile_contracts(python / "headrace_contracts")
    elif layer == "glue":
        gather_for_glue(python / "headrace_glue")
    elif layer == "lake" and architecture() == "native":
        point_to(installed(layer), python)
    else:
        shutil.copytree(installed(layer), python, dirs_exist_ok=True)
    if layer == "headrace":
        copy_package(python / "headrace")
    compiled = compile_bytecode(python)
    write_mark(python / "headrace_build" / f"{layer}.json", bytecode=compiled)


def installed(layer: str) -> Path:
    """The folder with the layer's requirements, installed and trimmed; made only when it is not there yet."""
    requirements = ROOT / "layers" / layer / "requirements.txt"
    kind = f"{layer}-{runtime()}-{architecture()}"
    folder = CACHE / f"{kind}-{digest(requirements, Path(__file__))}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=CACHE))
        try:
            install(requirements, partial)
            trim(partial, layer)
            give_name(partial, folder)
            for outdated in set(CACHE.glob(f"{kind}-*")) - {folder}:
                shutil.rmtree(outdated)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def point_to(folder: Path, python: Path) -> None:
    """On the laptop the largest layer is a path: zipping it would take longer than all else of a deployment."""
    packages = python / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "lake.pth").write_text(f"{folder}\n", "utf-8")


def give_name(partial: Path, folder: Path) -> None:
    """Give a finished tree its name; where another build was faster, its tree is as good."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def install(requirements: Path, target: Path) -> None:
    """Install wheels for the function's platform with pip."""
    options = ["--no-compile", "--no-deps", "--target", str(target)]
    if architecture() == "native":
        pip("install", requirements, options, ())
    else:
        version = runtime().removeprefix("python")
        pip("install", requirements, [*options, "--python-version", version], PLATFORMS[architecture()])


def pip(verb: str, requirements: Path, options: list[str], platforms: tuple[str, ...]) -> None:
    """Fetch a requirements file's wheels, checked by their hashes; ends the build with a reason where that fails."""
    command = [sys.executable, "-m", "pip", verb, "--quiet", "--disable-pip-version-check", *options]
    command += ["--require-hashes", "--only-binary=:all:", "--requirement", str(requirements)]
    command += [f"--platform={platform}" for platform in platforms]
    ended = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)  # noqa: S603 - pip, our arguments
    if ended.returncode:
        errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        advice = "A layer's first build needs a package index: check the network and the proxy."
        if "No module named pip" in ended.stderr:
            advice = f"The environment of {sys.executable} needs pip: `uv pip install pip` there."
        sys.exit(f"pip could not {verb} {requirements.relative_to(ROOT)}. {advice}\n{(errors or [ended.stderr])[-1]}")


def trim(folder: Path, layer: str) -> None:
    """Remove what no function uses."""
    for pattern in NOT_NEEDED[layer]:
        for found in list(folder.glob(pattern)):
            remove(found)
    if layer == "headrace":
        for service in (folder / "botocore" / "data").iterdir():
            if service.is_dir() and service.name not in AWS_SERVICES:
                remove(service)


def remove(path: Path) -> None:
    """Delete a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def copy_package(target: Path) -> None:
    """Our own package."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "layers" / "headrace" / "headrace", target, ignore=ignored)


def compile_contracts(target: Path) -> None:
    """Compile contracts and SQL; a contract with a mistake stops the build with file, line and reason."""
    command = [sys.executable, "-m", "headrace_compiler", "build"]
    command += ["--contracts", "contracts", "--exports", exports_folder(), "--sql", "sql", "--out", str(target)]
    # The compiler of this checkout, whichever is installed.
    folders = (ROOT / "compiler", ROOT / "layers" / "headrace")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders)}
    ended = subprocess.run(command, check=False, cwd=ROOT, env=environment)  # noqa: S603 - our own module
    if ended.returncode:
        sys.exit(ended.returncode)


def gather_for_glue(target: Path) -> None:
    """The Glue job's script, and the wheels that it needs: in one zip, from which pip installs them there."""
    target.mkdir(parents=True)
    (target / "__init__.py").touch()
    shutil.copy(ROOT / "glue" / "transform_unit.py", target)
    requirements = [ROOT / "layers" / layer / "requirements.txt" for layer in ("headrace", "transform")]
    wanted = sorted(
        {name for path in requirements for name in re.findall(r"^[^\s#]+==[^\s;]+", path.read_text(), re.MULTILINE)}
    )
    with zipfile.ZipFile(target / "modules.gluewheels.zip", "w") as archive:
        put(archive, "wheels/requirements.txt", "\n".join([*wanted, ""]).encode())
        for wheel in wheels(requirements):
            put(archive, f"wheels/{wheel.name}", wheel.read_bytes())


def put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file with a date that is always the same: a layer that has not changed is not published again."""
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


def wheels(requirements: list[Path]) -> list[Path]:
    """Wheels for Glue's Python, whatever the functions run on; none for the laptop, whose Spark has them already."""
    if architecture() == "native":
        return []
    folder = CACHE / f"glue-wheels-{digest(*requirements, Path(__file__))}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=CACHE))
        try:
            for path in requirements:
                pip("download", path, ["--dest", str(partial), "--python-version", GLUE_PYTHON], PLATFORMS["x86_64"])
            give_name(partial, folder)
            for outdated in set(CACHE.glob("glue-wheels-*")) - {folder}:
                shutil.rmtree(outdated)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return sorted(folder.iterdir())


def write_mark(path: Path, *, bytecode: bool) -> None:
    """Say what the layer is for; `headrace.built_for` compares it with what a function runs on."""
    path.parent.mkdir()
    built_for = own_architecture() if architecture() == "native" else architecture()
    mark = {"runtime": runtime(), "architecture": built_for, "bytecode": bytecode}
    if architecture() == "native":
        mark["native"] = True
    path.write_text(json.dumps(mark), "utf-8")


def compile_bytecode(folder: Path) -> bool:
    """Compile with the function's Python, so that a cold start need not; False where there is no such Python here.

    Byte code is another one in each version. /opt cannot be written, so files are compared by hash, and that never.
    """
    python = interpreter()
    if python is None:
        version = runtime().removeprefix("python")
        print(
            f"There is no {runtime()} here, so the layer has no byte code: each cold start compiles what it imports,"
            f" seconds in a function of 256 MB. Once: .venv/bin/uv python install {version}, then build again.",
            file=sys.stderr,
        )
        return False
    options = ["-q", "-s", str(folder), "-p", "/opt/python", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([python, "-m", "compileall", *options, str(folder)], check=False)  # noqa: S603 - a Python, our arguments
    return True


def interpreter() -> str | None:
    """The function's Python: this one, one in the PATH, or one that uv has. None is downloaded for it."""
    if runtime() == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    if found := shutil.which(runtime()):
        return found
    command = [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", runtime().removeprefix("python")]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - uv, our arguments
    return ended.stdout.strip() or None


def runtime() -> str:
    """The Lambda runtime, such as python3.13."""
    return os.environ.get("HEADRACE_RUNTIME", "python3.13")


def architecture() -> str:
    """x86_64, arm64 or native."""
    return os.environ.get("HEADRACE_ARCH", "x86_64")


def own_architecture() -> str:
    """What Lambda calls this machine's architecture."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


def exports_folder() -> str:
    """Where the exports are declared; the demo and the benchmark have their own."""
    return os.environ.get("HEADRACE_EXPORTS", "exports")


def digest(*files: Path) -> str:
    """A short name for the contents of files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


if __name__ == "__main__":
    main()
