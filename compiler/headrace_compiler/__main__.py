"""`python -m headrace_compiler`: what `sam build` runs for the contracts layer, and what keeps `sql/` in step."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from headrace.domain.contract import Contract
from headrace_compiler import ContractErrors, compile_folder, to_json
from headrace_compiler.compile import exports
from headrace_compiler.sql.texts import texts_of


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
        for name, text in texts_of(contract).items():
            (target / f"{name}.sql").write_text(text)
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
