"""Each use case names the ports that it uses, itself or through the functions that it calls, and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.usecases import ports

ROOT = Path(ports.__file__).parents[1]
PORTS = {
    next(name for name in vars(has) if not name.startswith("_")): has.__name__
    for has in vars(ports).values()
    if isinstance(has, type) and has.__name__.startswith("Has")
}
"""The protocol of services that have it, by the name of a port: `{"files": "HasFiles", …}`."""
USE = re.compile(rf"\b_?services\.({'|'.join(PORTS)})\b")
MOST_VERBS = 12

Name = tuple[str, str]
"""A module and a function or class in it."""


def modules() -> dict[str, ast.Module]:
    paths = sorted((ROOT / "usecases").rglob("*.py"))
    named = {".".join(["headrace", *path.relative_to(ROOT).with_suffix("").parts]): path for path in paths}
    return {name: ast.parse(path.read_text()) for name, path in named.items()}


MODULES = modules()
DEFINED: dict[Name, ast.FunctionDef | ast.ClassDef] = {
    (module, node.name): node
    for module, tree in MODULES.items()
    for node in tree.body
    if isinstance(node, ast.FunctionDef | ast.ClassDef)
}
IMPORTED: dict[Name, Name] = {
    (module, alias.asname or alias.name): (str(node.module), alias.name)
    for module, tree in MODULES.items()
    for node in tree.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
SERVICES = [name for name in DEFINED if name[1].endswith("Services")]


def called(module: str, node: ast.AST) -> Iterator[Name]:
    """The functions and classes of use cases that are called below a node."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            if isinstance(call.func, ast.Name):
                yield IMPORTED.get((module, call.func.id), (module, call.func.id))
            elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
                package, name = IMPORTED.get((module, call.func.value.id), ("", ""))
                yield f"{package}.{name}", call.func.attr


def used(name: Name, seen: frozenset[Name] = frozenset()) -> set[str]:
    """The ports that a function or class uses, also through what it calls."""
    if name in seen or name not in DEFINED:
        return set()
    below = (used(callee, seen | {name}) for callee in called(name[0], DEFINED[name]))
    return set(USE.findall(ast.unparse(DEFINED[name]))).union(*below)


def declared(name: Name) -> set[str]:
    """The protocols from which services inherit, in the end."""
    node = DEFINED[name]
    assert isinstance(node, ast.ClassDef)
    bases = {ast.unparse(base) for base in node.bases} - {"Protocol"}
    own = {base for base in bases if (name[0], base) in DEFINED}
    return (bases - own).union(*(declared((name[0], base)) for base in own))


def users(name: Name) -> list[Name]:
    """The functions and classes of a module that get these services."""
    takes = re.compile(rf"\bservices: {name[1]}\b")
    return [other for other in DEFINED if other[0] == name[0] and takes.search(ast.unparse(DEFINED[other]))]


@pytest.mark.parametrize("services", SERVICES, ids=".".join)
def test_a_use_case_names_the_ports_that_it_uses_and_no_others(services: Name) -> None:
    needed = set().union(*(used(user) for user in users(services)))
    assert declared(services) == {PORTS[port] for port in needed}


def test_there_are_use_cases_and_ports() -> None:
    assert len(SERVICES) > 30
    assert {"files", "contents", "batches", "lanes", "events", "watches", "storms"} < PORTS.keys()


def test_a_port_is_narrow() -> None:
    protocols = [value for value in vars(ports).values() if getattr(value, "_is_protocol", False)]
    verbs = {port.__name__: sum(not name.startswith("_") for name in vars(port)) for port in protocols}
    assert max(verbs.values()) <= MOST_VERBS, verbs
