"""A contract's YAML with its line numbers, and the collector of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from headrace_compiler.document.errors import ContractError, ContractErrors

MOST_BYTES = 4 << 20
MOST_NODES = 200_000
"""Keys, values and lists of one document, its aliases written out. A table of 1,600 columns with a dozen rules each
has about 100,000."""
DEEPEST = 100
Where = tuple[str | int, ...]
"""A place in the document, as keys and indices from its root: `("schema", 0, "properties", 2, "name")`."""


class Document:
    """A parsed YAML file that remembers where everything stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = _text(path)
        self.root = _composed(path, self.text)
        _refuse_unbounded(path, self.root)
        self.data: dict[str, Any] = _constructed(path, self.root)

    def line(self, where: Where) -> int:
        """The line of a place, or of the nearest thing around it that the file has."""
        node, line = self.root, 1
        for step in where:
            found = _child(node, step)
            if found is None:
                return line
            node, line = found
        return line

    def scalar(self, where: Where) -> str | None:
        """A value as the file writes it, before YAML makes a number or a date of it; None where there is none."""
        node = self.root
        for step in where:
            found = _child(node, step)
            if found is None:
                return None
            node = found[0]
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def repeated_keys(self) -> Iterator[tuple[int, str]]:
        """Keys that a mapping has twice: YAML would silently take the last."""
        yield from _repeated(self.root)


class Problems:
    """Collects what is wrong with one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.errors: list[ContractError] = []

    def add(self, where: Where, reason: str) -> None:
        """Notes a mistake at a place of the document."""
        self.errors.append(ContractError(self.document.path, self.document.line(where), reason))

    def raise_any(self) -> None:
        """Raises ContractErrors if there is a mistake."""
        if self.errors:
            raise ContractErrors(self.errors)


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise ContractErrors([ContractError(path, 1, f"the file is larger than {MOST_BYTES >> 20} MiB")])
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ContractErrors([ContractError(path, 1, f"the file is not UTF-8 text ({error.reason})")]) from error


def _composed(path: Path, text: str) -> yaml.Node:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContractErrors([ContractError(path, line, f"this is not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise ContractErrors([ContractError(path, 1, f"this is not YAML: {error}")]) from error
    except RecursionError as error:
        raise ContractErrors([ContractError(path, 1, f"it is nested deeper than {DEEPEST} levels")]) from error
    if not isinstance(root, yaml.MappingNode):
        raise ContractErrors([ContractError(path, 1, "a contract is a mapping that begins with apiVersion and kind")])
    return root


def _constructed(path: Path, root: yaml.Node) -> dict[str, Any]:
    loader = yaml.SafeLoader("")
    try:
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContractErrors([ContractError(path, line, f"this is not YAML: {error.problem}")]) from error
    except ValueError as error:
        raise ContractErrors([_unreadable(path, root) or ContractError(path, 1, str(error))]) from error
    finally:
        loader.dispose()
    assert isinstance(data, dict)
    return data


def _unreadable(path: Path, node: yaml.Node) -> ContractError | None:
    """The first value that looks like a date or a number to YAML, and is none."""
    if isinstance(node, yaml.ScalarNode):
        try:
            yaml.SafeLoader("").construct_object(node)
        except ValueError as error:
            reason = f"{node.value!r} cannot be read ({error}): write it in quotes if it is text"
            return ContractError(path, node.start_mark.line + 1, reason)
        return None
    return next((found for part in _parts(node) if (found := _unreadable(path, part))), None)


def _refuse_unbounded(path: Path, root: yaml.Node) -> None:
    """Refuses an alias inside of what it stands for, and a document that aliases make too large or too deep."""
    measured: dict[int, int] = {}
    _measure(path, root, [], measured)
    if measured[id(root)] > MOST_NODES:
        reason = f"with its aliases written out the document has more than {MOST_NODES:,} keys and values"
        raise ContractErrors([ContractError(path, 1, reason)])


def _measure(path: Path, node: yaml.Node, around: list[yaml.Node], measured: dict[int, int]) -> int:
    """How many nodes one has with all below it. Each is visited once, however many aliases there are of it."""
    if id(node) in measured:
        return measured[id(node)]
    here = [*around, node]
    reason = ""
    if any(node is outer for outer in around):
        reason = "an alias is inside the node that it refers to"
    elif len(here) > DEEPEST:
        reason = f"it is nested deeper than {DEEPEST} levels"
    if reason:
        raise ContractErrors([ContractError(path, node.start_mark.line + 1, reason)])
    measured[id(node)] = 1 + sum(_measure(path, part, here, measured) for part in _parts(node))
    return measured[id(node)]


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    """The node at a key or index, and the line of the key or item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line + 1
    return None


def _repeated(node: yaml.Node) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, key.value
            seen.add(key.value)
            yield from _repeated(value)
