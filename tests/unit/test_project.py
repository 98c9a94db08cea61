"""Conventions of the project that a tool can check."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headrace_compiler import compile_folder
from headrace_compiler.__main__ import write_sql

ROOT = Path(__file__).parents[2]
DATASETS = [path.name.split(".")[0] for path in (ROOT / "contracts").glob("*.odcs.yaml")]
FUNCTIONS = sorted((ROOT / "functions").glob("*/app.py"))
DEPLOYED_OR_GENERAL = ["template.yaml", "samconfig.toml", "Makefile", "statemachine", "functions", "layers", "events",
                       "compiler", "local", "cli", "scripts", "sql/migrations", "benchmarks"]  # fmt: skip
LONGEST_HANDLER = 45


def source_files() -> list[Path]:
    found = []
    for name in DEPLOYED_OR_GENERAL:
        path = ROOT / name
        found += [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    text = {".py", ".json", ".yaml", ".toml", ".sql", ".sh", ""}
    return [
        path
        for path in found
        if path.suffix in text and "__pycache__" not in path.parts and "results" not in path.parts
    ]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_names_a_dataset(path: Path) -> None:
    words = set(re.findall(r"\w+", path.read_text()))
    assert not words & set(DATASETS)


def test_committed_sql_is_what_the_contracts_mean(tmp_path: Path) -> None:
    write_sql(compile_folder(ROOT / "contracts"), tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.sql")}
    folder = ROOT / "sql" / "datasets"
    assert {path.relative_to(folder): path.read_text() for path in folder.rglob("*.sql")} == made, (
        "run `.venv/bin/python -m headrace_compiler sql` and commit what it changes"
    )


# All but the deployment's, which has to answer when nothing but itself can be imported.
@pytest.mark.parametrize(
    "path", [path for path in FUNCTIONS if path.parent.name != "deployment"], ids=lambda path: path.parent.name
)
def test_handlers_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_HANDLER
    handlers = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
    assert [handler.name for handler in handlers] == ["lambda_handler"]


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_importing_a_function_makes_no_client_and_reads_no_setting(path: Path) -> None:
    code = (
        "import boto3, botocore.session\n"
        "def refuse(*a, **k): raise AssertionError('a client was made at import')\n"
        "boto3.client = boto3.resource = boto3.Session.client = refuse\n"
        f"import runpy; runpy.run_path({str(path)!r}, run_name='app')\n"
    )
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_functions_that_move_keys_do_not_import_the_transform() -> None:
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({str(ROOT / 'functions/starter/app.py')!r}, run_name='app')\n"
        "assert not {'pyarrow', 'orjson', 'pydantic', 'yaml'} & set(sys.modules), sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
