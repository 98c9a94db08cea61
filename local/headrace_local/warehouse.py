"""The embedded Redshift behind IAM, for HTTP and for Step Functions alike."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from headrace_local.access import Caller, authorize
from headrace_local.redshift import Boto3Store, DataApiError, EmbeddedRedshift, HttpResponse, Publish, respond
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Protocol

    class DataApi(Protocol):
        """The Redshift Data API; requests and answers are its JSON documents, with times as numbers."""

        def call(self, operation: str, request: dict[str, Any], *, principal: str) -> dict[str, Any]:
            """Answer one operation. Raises DataApiError."""
            ...


WAITING_CALLS = 64
WORKGROUP = DATABASE = USER = "headrace"
READER = "headrace_reader"
ADMIN = "arn:aws:iam::000000000000:root"
KNOWN_SECONDS = 5
"""A login does not read the secret again for so long."""
NAME = re.compile(r"[a-z0-9-]{3,64}")


def user_of_secret(secrets: Any, clock: Callable[[], float] = time.monotonic) -> Callable[[str], str]:
    """The database user in a secret, by the secret's ARN. Raises SqlError for a secret that names none."""
    known: dict[str, tuple[float, str]] = {}

    def user(arn: str) -> str:
        at, name = known.get(arn, (-KNOWN_SECONDS, ""))
        if clock() - at >= KNOWN_SECONDS:
            name = _user_in(secrets, arn)
            known[arn] = clock(), name
        return name

    return user


def _user_in(secrets: Any, arn: str) -> str:
    try:
        return str(json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["username"])
    except (ClientError, ValueError, KeyError, TypeError):
        raise SqlError(f"FATAL: password authentication failed: no user can be read in the secret {arn}") from None


class Workgroups:
    """The account's workgroups: an embedded Redshift each, over a separate DuckDB file in `home`.

    There is one from the beginning, `headrace`; a stack of another name has its own. COPY and UNLOAD, and the logins,
    go through the boto3 clients `s3` and `secrets`.
    """

    def __init__(self, home: Path, s3: Any, secrets: Any, publish: Publish) -> None:
        self._home = home
        self._store = Boto3Store(s3)
        self._user_of = user_of_secret(secrets)
        self._publish = publish
        self._lock = threading.Lock()
        self.faults = Faults()
        self._all: dict[str, EmbeddedRedshift] = {}
        self.add(WORKGROUP)

    def add(self, name: str) -> None:
        """Make a workgroup, unless it is there. Raises ValueError for a name that AWS would refuse."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of a workgroup: 3 to 64 lower-case letters, digits and hyphens")
        file = self._home / ("warehouse.duckdb" if name == WORKGROUP else f"warehouse-{name}.duckdb")
        with self._lock:
            if name not in self._all:
                self._all[name] = EmbeddedRedshift(
                    file,
                    self._store,
                    self._publish,
                    self._user_of,
                    limit_batches=os.environ.get("HEADRACE_STATEMENT_LIMIT") != "statement",
                    faults=self.faults,
                )
                _make_users(self._all[name], name)

    def names(self) -> list[str]:
        """The workgroups there are."""
        return list(self._all)

    def held(self) -> dict[str, Any]:
        """The open sessions of all, and the locks that are held."""
        found = [redshift.held() for redshift in self._all.values()]
        return {kind: [each for one in found for each in one[kind]] for kind in ("sessions", "locks")}

    def call(self, operation: str, request: dict[str, Any], *, principal: str) -> dict[str, Any]:
        """Answer one operation of the Data API. Raises DataApiError."""
        refuse_other_databases(request)
        if "Id" in request:
            return self._by_id(operation, request, principal)
        name = request.get("ClusterIdentifier") or request.get("WorkgroupName", WORKGROUP)
        if name not in self._all:
            raise DataApiError("ValidationException", "Redshift endpoint doesn't exist in this region.")
        return self._all[name].call(operation, request, principal=principal)

    def _by_id(self, operation: str, request: dict[str, Any], principal: str) -> dict[str, Any]:
        """A statement does not name its workgroup: the one that knows it answers, or the last says that none does."""
        *others, last = self._all.values()
        for redshift in others:
            try:
                return redshift.call(operation, request, principal=principal)
            except DataApiError as error:
                if error.code != "ResourceNotFoundException":
                    raise
        return last.call(operation, request, principal=principal)


def refuse_other_databases(request: dict[str, Any]) -> None:
    """Each workgroup has one database, named as the stack does by default. Raises DataApiError."""
    if request.get("Database", DATABASE) != DATABASE:
        raise DataApiError("ValidationException", f'FATAL: database "{request["Database"]}" does not exist')


def _make_users(redshift: EmbeddedRedshift, workgroup: str) -> None:
    """Make the users of the secrets, with what the README asks of a workgroup's owner, and no more."""
    where = {"WorkgroupName": workgroup, "Database": DATABASE}
    for sql in (
        f"CREATE USER {USER} PASSWORD DISABLE",
        f"GRANT CREATE, TEMPORARY ON DATABASE {DATABASE} TO {USER}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {USER}",
        f"CREATE USER {READER} PASSWORD DISABLE",
    ):  # of a home that was used before, the users are there: each statement stands alone
        redshift.call("ExecuteStatement", where | {"Sql": sql, "WaitTimeSeconds": 30}, principal=ADMIN)


class Warehouse:
    """Calls of the Data API, each allowed to its caller by IAM first."""

    def __init__(self, data_api: DataApi) -> None:
        self._data_api = data_api
        # A describe may wait for half a minute; nobody else must wait for it.
        self._threads = ThreadPoolExecutor(WAITING_CALLS, thread_name_prefix="data-api")

    def call(self, caller: Caller, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One operation for a caller. Raises DataApiError."""
        principal = authorize(caller, operation, request)
        return self._data_api.call(operation, request, principal=principal)

    async def answer(self, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """The answer to an HTTP request with an `X-Amz-Target` of the Data API."""

        def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            return self.call(Caller.of_request(dict(headers)), operation, request)

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, respond, call, headers["x-amz-target"], body)
