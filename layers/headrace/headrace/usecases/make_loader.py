"""The database user that makes, owns and loads the tables of the stack's own warehouse: made by its admin.

The admin is a superuser, and a contract brings its own SQL; so nothing but this runs as the admin.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence

from headrace.errors import TerminalError
from headrace.usecases.ports import Warehouse

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class LoaderError(TerminalError):
    """The user in a secret cannot be the loader, or the reader."""


def make_loader(admin: Warehouse, database: str, username: str, password: str) -> None:
    """Make the user, or give it the password that its secret has now, and the rights that it needs; again, the same.

    Raises LoaderError for a name that is none, and for a user that is a superuser.
    """
    rights = [
        f'GRANT CREATE, TEMPORARY ON DATABASE "{database}" TO "{username}"',
        f'GRANT USAGE, CREATE ON SCHEMA public TO "{username}"',
    ]
    make_user(admin, username, password, rights)


def make_user(admin: Warehouse, username: str, password: str, rights: Sequence[str] = ()) -> None:
    """Make a user or give it the password, with rights in the same transaction. Raises LoaderError as `make_loader`."""
    if not NAME.fullmatch(username):
        raise LoaderError(
            f"the secret of a user of the warehouse names {username!r}: lower case letters, digits and _ only"
        )
    known = admin.query(f"SELECT usesuper FROM pg_user WHERE usename = '{username}'")  # noqa: S608 - checked
    if known and known[0][0]:
        raise LoaderError(f"the user {username} is a superuser: Headrace logs in as users that are not")
    verb = "ALTER" if known else "CREATE"
    admin.run([f"{verb} USER \"{username}\" PASSWORD '{digest(password)}'", *rights])


def digest(password: str) -> str:
    """What CREATE USER takes instead of a password, so that no log of statements has it.

    https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html#r_CREATE_USER-parameters
    """
    salt = secrets.token_bytes(32)
    return f"sha256|{hashlib.sha256(password.encode() + salt).hexdigest()}|{salt.hex()}"
