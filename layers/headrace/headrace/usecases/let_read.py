"""The warehouse's second user, who only reads: made by the admin, let in by the owner of the tables.

What the user lacks on the tables and views that there are is granted one by one; those that the owner creates later, by
a deployment or by hand, are readable from the start, by the owner's default privileges.
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DEFAULT_PRIVILEGES.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from headrace.errors import TerminalError
from headrace.usecases.make_loader import NAME, make_user
from headrace.usecases.migrate import TABLES_OF_ETL
from headrace.usecases.ports import HasContracts, HasWarehouse, Warehouse

ASKED_AT_ONCE = 200
"""Privileges that one statement asks for, far from the length and the columns that Redshift allows."""


class Services(HasContracts, HasWarehouse, Protocol):
    """The ports used here."""


class ReaderError(TerminalError):
    """The user in the reader's secret cannot be let in."""


def make_reader(admin: Warehouse, username: str, password: str) -> None:
    """Make the user, or give it the password that its secret has now; again, the same. It has no rights yet.

    Raises LoaderError for a name that is none, and for a user that is a superuser.
    """
    make_user(admin, username, password)


def let_read(services: Services, reader: str) -> list[str]:
    """Let the user read every table and view of Headrace. Returns the schemas and relations it could not read before.

    Raises ReaderError for a user that is not there. The owner of the tables grants, so only they are readable.
    """
    if not NAME.fullmatch(reader):
        raise ReaderError(f"the reader's secret names {reader!r}: lower case letters, digits and _ only")
    warehouse = services.warehouse
    if not warehouse.query(f"SELECT usename FROM pg_user WHERE usename = '{reader}'"):  # noqa: S608 - checked
        raise ReaderError(f"the warehouse has no user {reader}, whom the reader's secret names: CREATE USER {reader} …")
    relations = [*(f"etl.{name}" for (name,) in warehouse.query(TABLES_OF_ETL)), *_of_contracts(services)]
    schemas = {relation.partition(".")[0] for relation in relations}
    closed = list(_without(warehouse, "schema", "usage", reader, schemas))
    hidden = list(_without(warehouse, "table", "select", reader, set(relations)))
    grants = [f"GRANT USAGE ON SCHEMA {', '.join(closed)} TO {reader}"] if closed else []
    grants += [f"GRANT SELECT ON {', '.join(some)} TO {reader}" for some in _parts(hidden)]
    later = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {', '.join(sorted(schemas))} GRANT SELECT ON TABLES TO {reader}"
    warehouse.run([*grants, later])
    return [*closed, *hidden]


def _of_contracts(services: Services) -> Iterator[str]:
    for contract in services.contracts.all():
        yield contract.target
        yield from [contract.history_table] if contract.history else []
        yield from (view.name for view in contract.views)


def _parts(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + ASKED_AT_ONCE] for start in range(0, len(names), ASKED_AT_ONCE))


def _without(warehouse: Warehouse, kind: str, privilege: str, user: str, names: set[str]) -> Iterator[str]:
    """Those of the names on which the user lacks the privilege."""
    for some in _parts(sorted(names)):
        asked = ", ".join(f"has_{kind}_privilege('{user}', '{name}', '{privilege}')" for name in some)
        (answers,) = warehouse.query(f"SELECT {asked}")
        # Documented as a string, and a boolean in practice.
        yield from (name for name, has in zip(some, answers, strict=True) if str(has).lower() not in {"true", "t"})
