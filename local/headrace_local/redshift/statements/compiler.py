"""From the text of a statement to the command that carries it out."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot import exp

from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.session import Command
from headrace_local.redshift.statements import alter_table, copy_from_s3, ddl, granting, unload, users
from headrace_local.redshift.statements.maintenance import Lock, NoEffect, Truncate
from headrace_local.redshift.statements.materialized import CreateMaterializedView, RefreshMaterializedView
from headrace_local.redshift.statements.merge import check_head, checked_merge
from headrace_local.redshift.statements.queries import Delete, Insert, Query, Update
from headrace_local.redshift.statements.remove_duplicates import MergeRemovingDuplicates
from headrace_local.redshift.statements.table_design import Design
from headrace_local.redshift.syntax.grammar import parse
from headrace_local.redshift.syntax.tokens import Name, TokenCursor, tokenize

_COMMANDS: tuple[tuple[Any, Callable[[Any], Command]], ...] = (
    (exp.Insert, Insert),
    (exp.Update, Update),
    (exp.Delete, Delete),
    (exp.Query, Query),
)
_TRANSACTION_WORDS = ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT")
_REDSHIFTS_COMMANDS = (
    "ALTER", "ATTACH", "CALL", "CANCEL", "CLOSE", "COMMENT", "DEALLOCATE", "DECLARE", "DESC", "DETACH", "EXECUTE",
    "FETCH", "PREPARE", "RESET", "SET", "SHOW", "USE",
)  # fmt: skip
_REMOVE_DUPLICATES = re.compile(r"\sREMOVE\s+DUPLICATES\s*;?\s*$", re.IGNORECASE)
_LATE_BINDING = re.compile(r"\sWITH\s+NO\s+SCHEMA\s+BINDING\s*;?\s*$", re.IGNORECASE)
_VACUUM_KINDS = ("FULL", "SORT", "DELETE", "REINDEX", "RECLUSTER")


@lru_cache(maxsize=512)
def compile_statement(sql: str) -> Command:
    """The command of one statement; SqlError if it is not understood or Redshift does not allow it."""
    cursor = TokenCursor(sql, tokenize(sql))
    first = cursor.peek()
    if first in _TRANSACTION_WORDS:
        raise not_emulated(f"{first}: a batch is one transaction by itself, and")
    read = _READERS.get(first)
    if read is None:
        raise _unknown(cursor, first)
    return read(cursor)


def _unknown(cursor: TokenCursor, first: str) -> SqlError:
    """A command that Redshift has and this one has not, or no command at all."""
    if first == "EXPLAIN":
        return not_emulated("EXPLAIN, whose plans here would say nothing of Redshift's,")
    return not_emulated(f"the statement {first}") if first in _REDSHIFTS_COMMANDS else cursor.unexpected()


def statement_kind(sql: str) -> str:
    """The first word of a statement, for the history."""
    return sql.lstrip("( \n\t").split(maxsplit=1)[0].upper()[:32] if sql.strip() else ""


def _tree(cursor: TokenCursor) -> Command:
    tree = parse(cursor.sql)
    if isinstance(tree, exp.Merge):
        return checked_merge(tree)
    for kind, command in _COMMANDS:
        if isinstance(tree, kind):
            return command(tree)
    raise not_emulated(f"the statement {cursor.sql[:40]}")


def _merge(cursor: TokenCursor) -> Command:
    found = _REMOVE_DUPLICATES.search(cursor.sql)
    if found is None:
        return _tree(cursor)
    # sqlglot does not know these words; the clause that stands in for them is not looked at.
    tree = parse(f"{cursor.sql[: found.start()]} WHEN MATCHED THEN DELETE")
    if not isinstance(tree, exp.Merge) or len(tree.args["whens"].expressions) > 1:
        raise SqlError('syntax error at or near "REMOVE"')
    check_head(tree)
    return MergeRemovingDuplicates(tree)


def _create(cursor: TokenCursor) -> Command:
    cursor.expect("CREATE")
    if cursor.peek() == "USER":
        return users.read(cursor, "CREATE")
    or_replace = cursor.match("OR", "REPLACE")
    if cursor.match("VIEW"):
        return _create_view(cursor, or_replace=or_replace)
    if not or_replace and cursor.match("MATERIALIZED", "VIEW"):
        return _create_materialized_view(cursor)
    cursor.match("LOCAL")
    temporary = cursor.match_any("TEMP", "TEMPORARY") is not None
    if or_replace:
        raise not_emulated(f"CREATE OR REPLACE {cursor.peek()}")
    if cursor.match("TABLE"):
        return _create_table(cursor, temporary=temporary)
    if cursor.match("SCHEMA") and not temporary:
        if_not_exists = cursor.match("IF", "NOT", "EXISTS")
        name = cursor.identifier()
        cursor.expect_end()
        return ddl.CreateSchema(name, if_not_exists)
    raise not_emulated(f"CREATE {cursor.peek()}")


def _create_view(cursor: TokenCursor, *, or_replace: bool) -> Command:
    name = cursor.name()
    cursor.expect("AS")
    text = cursor.rest()
    if _LATE_BINDING.search(text):
        raise not_emulated("a late-binding view (WITH NO SCHEMA BINDING)")
    return ddl.CreateView(name, _query(text), text, or_replace)


def _create_materialized_view(cursor: TokenCursor) -> Command:
    name, design, auto_refresh = cursor.name(), Design(), False
    names = cursor.identifiers_in_parentheses() if cursor.peek() == "(" else []
    while cursor.peek() != "AS":
        if cursor.match("AUTO", "REFRESH"):
            choice = cursor.match_any("YES", "NO")
            if choice is None:
                raise cursor.unexpected()
            auto_refresh = choice == "YES"
        else:
            design.read_attribute(cursor)
    cursor.expect("AS")
    text = cursor.rest()
    query = _query(text)
    table = ddl.CreateTable(name, design, temporary=False, if_not_exists=False, query=query, column_names=tuple(names))
    return CreateMaterializedView(table, query, text, auto_refresh)


def _refresh(cursor: TokenCursor) -> Command:
    cursor.expect("REFRESH", "MATERIALIZED", "VIEW")
    name = cursor.name()
    cursor.match("RESTRICT")
    if cursor.peek() == "CASCADE":
        raise not_emulated("REFRESH MATERIALIZED VIEW … CASCADE")
    cursor.expect_end()
    return RefreshMaterializedView(name)


def _create_table(cursor: TokenCursor, *, temporary: bool) -> Command:
    if_not_exists = cursor.match("IF", "NOT", "EXISTS")
    name, design, names = cursor.name(), Design(), list[str]()
    if cursor.peek() == "(":
        names = _read_columns(cursor, design)
    design.read_attributes(cursor)
    query = _query(cursor.rest()) if cursor.match("AS") else None
    if (query is None) == (not design.columns):
        raise SqlError("syntax error: CREATE TABLE needs either columns or a query")
    return ddl.CreateTable(name, design, temporary, if_not_exists, query, tuple(names))


def _read_columns(cursor: TokenCursor, design: Design) -> list[str]:
    """Either definitions (into `design`) or the bare names that CREATE TABLE AS takes."""
    start = cursor.position
    try:
        return cursor.identifiers_in_parentheses()
    except SqlError:
        cursor.position = start
        design.read_elements(cursor)
        return []


def _query(text: str) -> exp.Expr:
    tree = parse(text)
    if not isinstance(tree, exp.Query):
        raise SqlError(f'syntax error at or near "{text[:20]}"')
    return tree


def _drop(cursor: TokenCursor) -> Command:
    cursor.expect("DROP")
    if cursor.peek() == "USER":
        return users.read(cursor, "DROP")
    kind = "MATERIALIZED VIEW" if cursor.match("MATERIALIZED", "VIEW") else cursor.match_any("TABLE", "VIEW", "SCHEMA")
    if kind is None:
        raise not_emulated(f"DROP {cursor.peek()}")
    if_exists = cursor.match("IF", "EXISTS")
    names = _names(cursor)
    cascade = cursor.match("CASCADE")
    cursor.match("RESTRICT")
    cursor.expect_end()
    if kind != "SCHEMA":
        return ddl.DropRelations(names, kind, if_exists, cascade)
    ((name,),) = names
    return ddl.DropSchema(name, if_exists, cascade)


def _names(cursor: TokenCursor) -> tuple[Name, ...]:
    names = [cursor.name()]
    while cursor.match(","):
        names.append(cursor.name())
    return tuple(names)


def _lock(cursor: TokenCursor) -> Command:
    cursor.expect("LOCK")
    cursor.match("TABLE")
    names = _names(cursor)
    cursor.expect_end()
    return Lock(names)


def _truncate(cursor: TokenCursor) -> Command:
    cursor.expect("TRUNCATE")
    cursor.match("TABLE")
    name = cursor.name()
    cursor.expect_end()
    return Truncate(name)


def _analyze(cursor: TokenCursor) -> Command:
    cursor.expect("ANALYZE")
    if cursor.peek() in {"COMPRESSION", "VERBOSE"}:
        raise not_emulated(f"ANALYZE {cursor.peek()}")
    names = () if cursor.at_end else (cursor.name(),)
    if cursor.peek() == "(":
        cursor.identifiers_in_parentheses()
    cursor.expect_end()
    return NoEffect("ANALYZE", names)


def _vacuum(cursor: TokenCursor) -> Command:
    cursor.expect("VACUUM")
    if cursor.match_any(*_VACUUM_KINDS):
        cursor.match("ONLY")
    names = () if cursor.at_end else (cursor.name(),)
    cursor.expect_end()
    return NoEffect("VACUUM", names, allowed_in_transaction=False)


_READERS: dict[str, Callable[[TokenCursor], Command]] = {
    **dict.fromkeys(("SELECT", "WITH", "(", "INSERT", "UPDATE", "DELETE"), _tree),
    "ALTER": alter_table.read,
    "ANALYZE": _analyze,
    "COPY": copy_from_s3.read,
    "CREATE": _create,
    "DROP": _drop,
    "GRANT": granting.read,
    "LOCK": _lock,
    "MERGE": _merge,
    "REFRESH": _refresh,
    "REVOKE": granting.read,
    "TRUNCATE": _truncate,
    "UNLOAD": unload.read,
    "VACUUM": _vacuum,
}
