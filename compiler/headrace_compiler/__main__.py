"""`python -m headrace_compiler`: what `sam build` runs for the contracts layer, and what keeps `sql/` in step."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from headrace.domain.contract import Contract
from headrace.domain.judgement import Scope
from headrace_compiler import ContractErrors, compile_folder, to_json
from headrace_compiler.compile import exports
from headrace_compiler.sql.load import load_sql, table_sql, views_sql
from headrace_compiler.sql.metrics import measure_sql
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql


def main(arguments: list[str] | None = None) -> int:
    """Compile, and write what was asked for. A contract with a mistake is printed with file, line and reason."""
    asked = _parser().parse_args(arguments)
    try:
        contracts = compile_folder(asked.contracts)
        declared = exports.compile_exports(asked.exports)
    except ContractErrors as errors:
        print(errors, file=sys.stderr)
        return 1
    if asked.command == "build":
        build(contracts, asked.sql, asked.out)
        (asked.out / "exports.json").write_text(exports.to_json(declared))
    else:
        write_sql(contracts, asked.sql / "datasets")
    return 0


def build(contracts: list[Contract], sql: Path, out: Path) -> None:
    """Write the package `headrace_contracts`: compiled contracts, their SQL, the migrations."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "__init__.py").write_text('"""The compiled contracts and their SQL."""\n')
    (out / "contracts.json").write_text(to_json(contracts))
    write_sql(contracts, out / "sql" / "datasets")
    shutil.copytree(sql / "migrations", out / "sql" / "migrations", dirs_exist_ok=True)


def write_sql(contracts: list[Contract], folder: Path) -> None:
    """Write each contract's DDL, load transaction and measurements, and remove what no contract has any more."""
    for contract in contracts:
        target = folder / contract.dataset
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True, exist_ok=True)
        (target / "table.sql").write_text(table_sql(contract))
        (target / "load.sql").write_text(append_sql(contract) if contract.staged else load_sql(contract))
        if contract.staged:
            (target / "stage.sql").write_text(stage_sql(contract))
            (target / "merge.sql").write_text(merge_sql(contract))
        if contract.views:
            (target / "views.sql").write_text(views_sql(contract))
        for scope in (Scope.BATCH, Scope.DAY) if contract.checks else ():
            (target / f"measure_{scope}.sql").write_text(measure_sql(contract, scope))
    known = {contract.dataset for contract in contracts}
    for stale in [child for child in folder.iterdir() if child.is_dir() and child.name not in known]:
        shutil.rmtree(stale)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m headrace_compiler", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="write the contracts layer")
    building.add_argument("--out", type=Path, required=True)
    writing = commands.add_parser("sql", help="write sql/datasets")
    for command in (building, writing):
        command.add_argument("--contracts", type=Path, default=Path("contracts"))
        command.add_argument("--exports", type=Path, default=Path("exports"))
        command.add_argument("--sql", type=Path, default=Path("sql"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
