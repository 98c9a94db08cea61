"""From `contracts/*.odcs.yaml` to the contracts that the pipeline runs on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from headrace.domain.contract import Contract
from headrace.domain.lake_catalog import lake_relations
from headrace_compiler.compile.dataset import compile_dataset
from headrace_compiler.compile.sizes import fitted
from headrace_compiler.compile.sources import disagreement
from headrace_compiler.document.document import Document, Problems
from headrace_compiler.document.errors import ContractError, ContractErrors
from headrace_compiler.document.shape import read_shape

SUFFIX = ".odcs.yaml"


def compile_contract(path: Path) -> Contract:
    """The contract in a file. Raises ContractErrors with everything that is wrong with it, OSError if unreadable."""
    return _compiled(path).contract


def compile_folder(folder: Path) -> list[Contract]:
    """All contracts of a folder, by dataset. Raises ContractErrors, also where two of them are in each other's way."""
    compiled: list[_Compiled] = []
    errors: list[ContractError] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            compiled.append(_compiled(path))
        except ContractErrors as found:
            errors += found.errors
    errors += [error for index, item in enumerate(compiled) for error in _conflicts(item, compiled[:index])]
    if errors:
        raise ContractErrors(errors)
    return sorted((item.contract for item in compiled), key=lambda contract: contract.dataset)


def to_json(contracts: Iterable[Contract]) -> str:
    """Contracts as one JSON text: a list of what `Contract.from_json` reads. The same contracts give the same text."""
    return json.dumps([contract.to_json() for contract in contracts], indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class _Compiled:
    contract: Contract
    document: Document


def _compiled(path: Path) -> _Compiled:
    document = Document(path)
    model = read_shape(document)
    problems = Problems(document)
    digest = hashlib.sha256(document.text.encode()).hexdigest()
    contract = compile_dataset(model, digest, problems)
    problems.raise_any()
    assert contract is not None
    contract = fitted(contract, problems)
    problems.raise_any()
    return _Compiled(contract, document)


def _conflicts(item: _Compiled, others: list[_Compiled]) -> list[ContractError]:
    """What the contract shares with an earlier one and must not."""
    found = Problems(item.document)
    mine = item.contract
    for other in others:
        theirs, name = other.contract, other.document.path.name
        if mine.dataset == theirs.dataset:
            found.add(("name",), f"{name} has the name {mine.dataset!r} already")
        if mine.prefix.startswith(theirs.prefix) or theirs.prefix.startswith(mine.prefix):
            reason = f"the prefix {mine.prefix!r} and {theirs.prefix!r} of {name} overlap: a file would belong to both"
            found.add(("servers",), reason)
        if mine.target == theirs.target:
            found.add(("schema",), f"{name} loads into the table {mine.target} already")
        elif shared := _relations(mine) & _relations(theirs):
            found.add(("schema",), f"{name} has a table or a view {', '.join(sorted(shared))} already")
        if mine.dataset != theirs.dataset and (shared := lake_relations(mine) & lake_relations(theirs)):
            found.add(("name",), f"{name} has a table {', '.join(sorted(shared))} in Glue's catalogue already")
        for source in mine.sources:
            for twin in other.contract.sources:
                if why := disagreement(source, twin):
                    found.add(("servers",), f"{why} in {name}")
    return found.errors


def _relations(contract: Contract) -> set[str]:
    history = [contract.history_table] if contract.history else []
    return {contract.target, *history, *(view.name for view in contract.views)}
