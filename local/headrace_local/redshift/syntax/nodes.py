"""Small pieces of DuckDB's SQL, as trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from headrace_local.redshift.errors import not_emulated

Arguments = list[exp.Expr]
Builder = Callable[[Arguments], exp.Expr]


@dataclass(frozen=True)
class Function:
    """How many arguments a function takes (`most` None: any number) and how its call is built for DuckDB."""

    fewest: int
    most: int | None
    build: Builder


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of DuckDB's function `name`."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def cast(value: exp.Expr, duckdb_type: str) -> exp.Expr:
    """`value` cast to a DuckDB type."""
    return exp.Cast(this=value, to=exp.DataType.build(duckdb_type, dialect="duckdb"))


def text(value: str) -> exp.Expr:
    """A string literal."""
    return exp.Literal.string(value)


def raw(sql: str) -> exp.Expr:
    """A fragment of DuckDB SQL."""
    return exp.Var(this=sql)


def literal_text(value: exp.Expr, of: str) -> str:
    """The text of a string literal; SqlError for anything else."""
    if not (isinstance(value, exp.Literal) and value.is_string):
        raise not_emulated(f"{of} with an argument that is not a string literal")
    return str(value.this)


def renamed(duckdb_name: str) -> Builder:
    """A builder of calls of DuckDB's function `duckdb_name` with the same arguments."""
    return lambda arguments: call(duckdb_name, *arguments)
