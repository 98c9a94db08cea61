"""The Redshift types of a tree's nodes, noted on the tree before it is translated."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.catalog.inference import Inference
from headrace_local.redshift.datatypes.datatypes import RedshiftType

_KIND = "kind"


def note_kinds(tree: exp.Expr, inference: Inference) -> None:
    """Write down the type of every node that has one."""
    for node in tree.walk():
        kind = inference.of(node)
        if kind is not None:
            node.meta[_KIND] = kind


def kind_of(node: exp.Expr | None) -> RedshiftType | None:
    """The type that was noted for `node`."""
    return None if node is None else node.meta.get(_KIND)


def with_kind(node: exp.Expr, kind: RedshiftType | None) -> exp.Expr:
    """`node`, noted as of type `kind` unless it has one."""
    if kind is not None:
        node.meta.setdefault(_KIND, kind)
    return node


def is_string(node: exp.Expr | None) -> bool:
    """Whether `node` is a string literal, whose type is open."""
    return isinstance(node, exp.Literal) and bool(node.is_string)


def is_text(node: exp.Expr | None) -> bool:
    """Whether `node` is known to be CHAR or VARCHAR, or an expression of literals that will be."""
    if node is None:
        return False
    if isinstance(node, exp.Paren | exp.Alias):
        return is_text(node.this)
    kind = kind_of(node)
    if kind is not None:
        return kind.is_character
    if isinstance(node, exp.Case):
        branches = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
        return any(map(is_text, branches))
    return is_string(node)
