"""Compiles contracts: at build time, on a developer's machine, never in a function."""

from headrace_compiler.compile.compiler import compile_contract, compile_folder, to_json
from headrace_compiler.document.errors import ContractError, ContractErrors

__all__ = ["ContractError", "ContractErrors", "compile_contract", "compile_folder", "to_json"]
