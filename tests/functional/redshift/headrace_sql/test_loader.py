"""The user that loads, made by the admin on the embedded Redshift, and what CREATE, ALTER and DROP USER take."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from headrace.domain.contract import Contract
from headrace.usecases.let_read import ReaderError, let_read, make_reader
from headrace.usecases.make_loader import LoaderError, digest, make_loader
from headrace.usecases.migrate import migrate
from tests.functional.redshift.client import ROOT, TARGET, Client, WarehouseOf
from tests.functional.redshift.headrace_sql.test_loads_under_serializable import FIRST
from tests.functional.redshift.headrace_sql.test_migrations import services_on
from tests.support.fakes import contract

USERS = "SELECT usename, usecreatedb, usesuper FROM pg_user ORDER BY 1"
DIGEST = f"sha256|{'0' * 64}|{'1' * 64}"


@pytest.fixture
def client(client: Client) -> Client:
    client.principal = ROOT
    return client


class As(WarehouseOf):
    """The warehouse as the user in a secret, whose ARN is the user's name here."""

    def __init__(self, client: Client, user: str) -> None:
        super().__init__(client)
        self._user = user

    def run(self, statements: list[str]) -> None:
        ended = self.client.batch(*statements, SecretArn=self._user)
        assert ended["Status"] == "FINISHED", ended.get("Error")

    def run_alone(self, statement: str) -> None:
        submitted = self.client.call("ExecuteStatement", **TARGET, Sql=statement, SecretArn=self._user)
        ended = self.client.ended(str(submitted["Id"]))
        assert ended["Status"] == "FINISHED", ended.get("Error")

    def query(self, sql: str) -> list[list[Any]]:
        return self.client.rows(sql, SecretArn=self._user)


def test_the_admin_makes_a_user_that_is_no_superuser(client: Client) -> None:
    make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    assert client.rows(USERS) == [["headrace", False, False]]


def test_again_it_only_gets_its_password_anew(client: Client) -> None:
    for _ in range(2):
        make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    assert client.rows(USERS) == [["headrace", False, False]]


def test_everything_that_a_deployment_makes_the_loader_can_make(client: Client) -> None:
    make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    services: Any = services_on(client, [contract()])
    services.warehouse = As(client, "headrace")
    assert migrate(services, "dev")


def deployed(client: Client, *contracts: Contract) -> Any:
    """The services of a deployment, with loader and reader made and the warehouse as the contracts want it."""
    make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    make_reader(As(client, "headrace_admin"), "headrace_reader", "Secret1234")
    services: Any = services_on(client, list(contracts))
    services.warehouse = As(client, "headrace")
    migrate(services, "dev")
    return services


def test_the_reader_reads_every_table_and_view_and_changes_none(client: Client) -> None:
    services = deployed(client, FIRST)
    assert {"public.readings", "public.by_meter", "etl.files", "etl"} <= set(let_read(services, "headrace_reader"))
    reader = As(client, "headrace_reader")
    everything = client.rows("SELECT table_schema || '.' || table_name FROM svv_tables")
    assert len(everything) > 10
    for (name,) in everything:
        assert len(reader.query(f"SELECT COUNT(*) FROM {name}")) == 1, name
    for refused in ("DELETE FROM public.readings", "DROP TABLE public.readings", "TRUNCATE etl.loads"):
        ended = client.execute(refused, SecretArn="headrace_reader")
        assert "permission denied" in ended["Error"] or "must be owner" in ended["Error"], ended


def test_the_reader_reads_a_history_too(client: Client) -> None:
    services = deployed(client, contract(primary_key=("meter",), ordering=("read_at",), history=True))
    assert "public.readings_history" in let_read(services, "headrace_reader")
    assert As(client, "headrace_reader").query("SELECT COUNT(*) FROM public.readings_history") == [[0]]


def test_what_is_made_later_is_readable_from_the_start(client: Client) -> None:
    services = deployed(client, FIRST)
    let_read(services, "headrace_reader")
    services.warehouse.run_alone("DROP MATERIALIZED VIEW public.by_meter")
    migrate(services, "dev")
    services.warehouse.run(["CREATE TABLE public.by_hand AS SELECT 1 AS a", "CREATE TABLE etl.more (a INT)"])
    for name in ("public.by_meter", "public.by_hand", "etl.more"):
        assert As(client, "headrace_reader").query(f"SELECT COUNT(*) FROM {name}"), name
    assert let_read(services, "headrace_reader") == []


def test_tables_that_were_there_before_the_reader_are_granted(client: Client) -> None:
    make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    services: Any = services_on(client, [contract()])
    services.warehouse = As(client, "headrace")
    migrate(services, "dev")
    make_reader(As(client, "headrace_admin"), "headrace_reader", "Secret1234")
    assert "public.readings" in let_read(services, "headrace_reader")
    assert As(client, "headrace_reader").query("SELECT COUNT(*) FROM public.readings") == [[0]]


def test_a_reader_who_is_not_there_stops_the_deployment_with_what_to_do(client: Client) -> None:
    services = deployed(client, contract())
    with pytest.raises(ReaderError, match=r"the warehouse has no user other, .*: CREATE USER other"):
        let_read(services, "other")
    with pytest.raises(ReaderError, match="lower case"):
        let_read(services, "o'ther")


def test_no_statement_has_the_password_in_it(client: Client) -> None:
    make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    ((text,),) = client.rows("SELECT query_text FROM sys_query_history WHERE query_text LIKE 'CREATE USER%'")
    assert "Secret1234" not in text
    _, hashed, salt = text.split("'")[1].split("|")
    assert hashed == hashlib.sha256(b"Secret1234" + bytes.fromhex(salt)).hexdigest()
    assert digest("Secret1234") != digest("Secret1234"), "a salt of its own each time"


def test_a_superuser_is_no_loader(client: Client) -> None:
    client.run(f"CREATE USER headrace PASSWORD '{DIGEST}' CREATEUSER")
    with pytest.raises(LoaderError, match="is a superuser"):
        make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")


@pytest.mark.parametrize("name", ["", "Head", 'a"b', "a b", "1a", "a" * 64])
def test_a_name_that_needs_quotes_is_refused(client: Client, name: str) -> None:
    with pytest.raises(LoaderError, match="names"):
        make_loader(As(client, "headrace_admin"), "dev", name, "Secret1234")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (f"CREATE USER there PASSWORD '{DIGEST}'", 'user "there" already exists'),
        (f"ALTER USER nobody PASSWORD '{DIGEST}'", 'user "nobody" does not exist'),
        ("DROP USER nobody", 'user "nobody" does not exist'),
        ("CREATE USER short PASSWORD 'short'", "at least 8 characters"),
        ("CREATE USER cut PASSWORD 'sha256|ab'", "at least 8 characters"),
        ("CREATE USER odd PASSWORD DISABLE SOMEHOW", "syntax error"),
    ],
)
def test_what_redshift_refuses_of_users_is_refused(client: Client, sql: str, says: str) -> None:
    client.run(f"CREATE USER there PASSWORD '{DIGEST}'")
    ended = client.execute(sql)
    assert ended["Status"] == "FAILED"
    assert says in ended["Error"]


@pytest.mark.parametrize("sql", ["CREATE USER more PASSWORD DISABLE", "ALTER USER plain CREATEUSER", "DROP USER plain"])
def test_who_is_no_superuser_changes_no_users(client: Client, sql: str) -> None:
    client.run("CREATE USER plain PASSWORD DISABLE NOCREATEUSER CREATEDB")
    ended = client.execute(sql, SecretArn="plain")
    assert ended["Error"].endswith(f"permission denied to {sql.split(maxsplit=1)[0].lower()} user")


def test_users_end(client: Client) -> None:
    client.run("CREATE USER plain WITH PASSWORD 'Secret1234' VALID UNTIL '2030-01-01' CONNECTION LIMIT 5")
    client.run("DROP USER plain", "DROP USER IF EXISTS plain")
    assert client.rows(USERS) == []
