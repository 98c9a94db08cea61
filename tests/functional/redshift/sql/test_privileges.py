"""What users may do: GRANT and REVOKE, owners, HAS_…_PRIVILEGE, and that our own user needs what it is given."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.domain.ingest.load import load_statements
from headrace.usecases.make_loader import make_loader
from headrace.usecases.migrate import migrate
from headrace_compiler.sql.load import load_sql
from tests.functional.redshift.client import ROOT, Client
from tests.functional.redshift.headrace_sql.test_loader import As
from tests.functional.redshift.headrace_sql.test_loads_under_serializable import FIRST, file_of, put
from tests.functional.redshift.headrace_sql.test_migrations import services_on

DIGEST = f"sha256|{'0' * 64}|{'1' * 64}"


@pytest.fixture
def admin(client: Client) -> Client:
    """The admin, over the table `own.t` of `owner` and a user `other`."""
    client.principal = ROOT
    client.run(*(f"CREATE USER {name} PASSWORD '{DIGEST}'" for name in ("owner", "other")))
    client.run("GRANT CREATE ON DATABASE dev TO owner")
    run(client, "owner", "CREATE SCHEMA own", "CREATE TABLE own.t (a INT, b INT)", "INSERT INTO own.t VALUES (1, 2)")
    run(client, "owner", "CREATE VIEW own.v AS SELECT a FROM own.t", "CREATE TABLE u (a INT, b INT)")
    return client


def run(client: Client, user: str, *sqls: str) -> None:
    ended = client.batch(*sqls, SecretArn=user)
    assert ended["Status"] == "FINISHED", ended.get("Error")


def refusal(client: Client, user: str, sql: str) -> str:
    ended = client.execute(sql, SecretArn=user)
    assert ended["Status"] == "FAILED", sql
    return str(ended["Error"]).removeprefix("ERROR: ")


USES = [
    ("SELECT", "SELECT a FROM own.t"),
    ("SELECT", "CREATE TABLE mine AS SELECT a FROM own.t"),
    ("SELECT", "INSERT INTO mine SELECT a FROM own.t"),
    ("INSERT", "INSERT INTO own.t VALUES (3, 4)"),
    ("INSERT", "COPY own.t FROM 's3://lake/manifest.json' IAM_ROLE default FORMAT AS PARQUET MANIFEST"),
    ("SELECT, UPDATE", "UPDATE own.t SET a = 5"),
    ("SELECT, DELETE", "DELETE FROM own.t WHERE a = 5"),
    ("UPDATE", "LOCK own.t"),
    ("DELETE", "LOCK own.t"),
    (
        "SELECT, UPDATE, INSERT",
        (
            "MERGE INTO own.t USING mine ON own.t.a = mine.a WHEN MATCHED THEN UPDATE SET b = 1"
            " WHEN NOT MATCHED THEN INSERT VALUES (mine.a, 1)"
        ),
    ),
    ("TRUNCATE", "TRUNCATE own.t"),
    ("ALTER", "ALTER TABLE own.t ADD COLUMN c INT"),
    ("DROP", "DROP TABLE own.t CASCADE"),
]


@pytest.mark.parametrize(("privileges", "use"), USES, ids=[use[:24] for _, use in USES])
def test_a_use_needs_its_privileges_and_no_more(admin: Client, privileges: str, use: str) -> None:  # r_GRANT, r_MERGE
    if "CREATE TABLE" not in use:
        run(admin, "other", "CREATE TABLE mine (a INT)")
    assert refusal(admin, "other", use) == "permission denied for schema own"
    run(admin, "owner", "GRANT USAGE ON SCHEMA own TO other")
    assert refusal(admin, "other", use) in {"permission denied for relation t", "must be owner of relation t"}
    for privilege in privileges.split(", ")[1:]:
        run(admin, "owner", f"GRANT {privilege} ON own.t TO other")
        assert refusal(admin, "other", use) == "permission denied for relation t"
    run(admin, "owner", f"GRANT {privileges} ON own.t TO other")
    ended = admin.execute(use, SecretArn="other")
    assert "permission" not in str(ended.get("Error"))
    if ended["Status"] == "FINISHED" and "DROP" not in use:
        run(admin, "owner", "REVOKE ALL ON own.t FROM other")
        assert refusal(admin, "other", use) in {"permission denied for relation t", "must be owner of relation t"}


def test_a_view_is_read_with_its_owners_rights(admin: Client) -> None:  # r_CREATE_VIEW
    run(admin, "owner", "GRANT USAGE ON SCHEMA own TO other", "GRANT SELECT ON own.v TO other")
    assert admin.rows("SELECT a FROM own.v", SecretArn="other") == [[1]]
    assert refusal(admin, "other", "SELECT a FROM own.t") == "permission denied for relation t"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("CREATE SCHEMA mine", "permission denied for database dev"),
        ("CREATE SCHEMA IF NOT EXISTS own", "permission denied for database dev"),
        ("CREATE TABLE own.mine (a INT)", "permission denied for schema own"),
        ("CREATE VIEW own.mine AS SELECT 1 AS a", "permission denied for schema own"),
        ("DROP SCHEMA own CASCADE", "must be owner of schema own"),
        ("DROP TABLE u", "must be owner of relation u"),
        ("GRANT SELECT ON u TO other", "permission denied for relation u"),
        ("GRANT USAGE ON SCHEMA own TO other", "permission denied for schema own"),
        ("GRANT CREATE ON DATABASE dev TO other", "permission denied for database dev"),
        ("ALTER TABLE u OWNER TO other", "must be owner of relation u"),
        ("CREATE USER another PASSWORD DISABLE", "permission denied to create user"),
    ],
)
def test_what_is_refused_to_who_owns_nothing(admin: Client, sql: str, says: str) -> None:  # r_GRANT, r_CREATE_SCHEMA
    assert refusal(admin, "other", sql) == says


def test_everybody_makes_tables_in_public_and_temporary_ones_unless_revoked(admin: Client) -> None:  # r_Schemas_…
    run(admin, "other", "CREATE TABLE mine (a INT)", "CREATE TEMP TABLE fleeting (a INT)")
    admin.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "REVOKE TEMP ON DATABASE dev FROM PUBLIC")
    assert refusal(admin, "other", "CREATE TABLE more (a INT)") == "permission denied for schema public"
    denied = 'permission denied to create temporary tables in database "dev"'
    assert refusal(admin, "other", "CREATE TEMP TABLE fleeting (a INT)") == denied


def test_a_role_without_a_secret_is_a_user_without_rights(admin: Client) -> None:  # mgmt/data-api-access
    role = Client(admin.redshift, admin.s3, "arn:aws:sts::1:assumed-role/function/s")
    assert "permission denied for schema own" in role.error("SELECT * FROM own.t")
    admin.run('GRANT USAGE ON SCHEMA own TO "IAMR:function"', 'GRANT SELECT ON own.t TO "IAMR:function"')
    assert role.rows("SELECT a FROM own.t") == [[1]]


def test_an_owner_is_changed(admin: Client) -> None:  # r_ALTER_TABLE
    admin.run("ALTER TABLE u OWNER TO other")
    run(admin, "other", "ALTER TABLE u ADD COLUMN c INT")
    assert refusal(admin, "owner", "DROP TABLE u") == "must be owner of relation u"


def test_rights_go_with_the_table(admin: Client) -> None:  # r_ALTER_TABLE
    run(admin, "owner", "GRANT SELECT ON u TO other", "ALTER TABLE u RENAME TO w")
    assert admin.rows("SELECT * FROM w", SecretArn="other") == []
    run(admin, "owner", "DROP TABLE w", "CREATE TABLE w (a INT)")
    assert refusal(admin, "other", "SELECT * FROM w") == "permission denied for relation w"
    admin.error("GRANT SELECT ON w TO other", "SELECT nothing")
    assert refusal(admin, "other", "SELECT * FROM w") == "permission denied for relation w"


def test_default_privileges_are_of_what_their_owner_makes_from_then_on(admin: Client) -> None:
    """r_ALTER_DEFAULT_PRIVILEGES: they change nothing that is there, and are each user's own."""
    admin.run("GRANT ALL ON SCHEMA own TO other")
    run(admin, "owner", "ALTER DEFAULT PRIVILEGES IN SCHEMA own, public GRANT SELECT ON TABLES TO other")
    run(admin, "owner", "CREATE TABLE own.later (a INT)", "CREATE VIEW own.seen AS SELECT a FROM own.later")
    run(admin, "owner", "CREATE TABLE own.copied AS SELECT a FROM own.t", "CREATE TABLE later (a INT)")
    for name in ("own.later", "own.seen", "own.copied", "later"):
        assert admin.execute(f"SELECT * FROM {name}", SecretArn="other")["Status"] == "FINISHED", name
    assert refusal(admin, "other", "SELECT * FROM own.t") == "permission denied for relation t"
    assert refusal(admin, "other", "DELETE FROM own.later") == "permission denied for relation later"
    run(admin, "owner", "ALTER DEFAULT PRIVILEGES IN SCHEMA own REVOKE SELECT ON TABLES FROM other")
    run(admin, "owner", "CREATE TABLE own.last (a INT)")
    assert refusal(admin, "other", "SELECT * FROM own.last") == "permission denied for relation last"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA own GRANT SELECT ON TABLES TO nobody", 'user "nobody" does not exist'),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA nowhere GRANT SELECT ON TABLES TO other", 'schema "nowhere"'),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO other", "not supported by the embedded Redshift"),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA own GRANT EXECUTE ON FUNCTIONS TO other", "not supported by the embedded"),
        ("ALTER DEFAULT PRIVILEGES FOR USER owner IN SCHEMA own GRANT SELECT ON TABLES TO other", "not supported by"),
    ],
)
def test_what_default_privileges_refuse(admin: Client, sql: str, says: str) -> None:
    assert says in admin.error(sql)


def test_all_tables_of_a_schema_are_those_there_are(admin: Client) -> None:  # r_GRANT
    run(admin, "owner", "GRANT USAGE ON SCHEMA own TO other", "GRANT SELECT ON ALL TABLES IN SCHEMA own TO other")
    run(admin, "owner", "CREATE TABLE own.later (a INT)")
    assert admin.rows("SELECT a FROM own.t", SecretArn="other") == [[1]]
    assert refusal(admin, "other", "SELECT * FROM own.later") == "permission denied for relation later"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("GRANT SELECT ON u TO nobody", 'user "nobody" does not exist'),
        ("GRANT SELECT ON u TO GROUP readers", 'group "readers" does not exist'),
        ("GRANT USAGE ON SCHEMA nowhere TO other", 'schema "nowhere" does not exist'),
        ("GRANT CREATE ON DATABASE another TO other", 'database "another" does not exist'),
        ("GRANT USAGE ON u TO other", "invalid privilege type USAGE for relation"),
        ("GRANT SELECT ON SCHEMA own TO other", "invalid privilege type SELECT for schema"),
        ("GRANT SELECT (a) ON u TO other", "not supported by the embedded Redshift"),
        ("GRANT SELECT ON u TO other WITH GRANT OPTION", "not supported by the embedded Redshift"),
        ("GRANT EXECUTE ON FUNCTION f() TO other", "not supported by the embedded Redshift"),
        ("GRANT ROLE readers TO other", "not supported by the embedded Redshift"),
        ("DROP USER owner", 'user "owner" can\'t be dropped because the user owns some object'),
    ],
)
def test_what_grant_refuses(admin: Client, sql: str, says: str) -> None:  # r_GRANT, r_DROP_USER
    assert says in admin.error(sql)


def test_a_user_with_rights_is_not_dropped(admin: Client) -> None:  # r_DROP_USER
    admin.run("GRANT SELECT ON u TO other")
    assert "can't be dropped because the user has a privilege on some object" in admin.error("DROP USER other")
    admin.run("REVOKE SELECT ON u FROM other", "DROP USER other")


ASKED = [
    ("has_table_privilege('owner', 'own.t', 'select')", True),
    ("has_table_privilege('other', 'own.t', 'select')", False),
    ("has_table_privilege('other', 'u', 'SELECT')", True),
    ("has_table_privilege('u', 'insert')", True),
    ("has_schema_privilege('other', 'public', 'create')", True),
    ("has_schema_privilege('other', 'own', 'usage')", False),
    ("has_schema_privilege(current_user, 'own', 'usage')", True),
    ("has_database_privilege('other', 'dev', 'create')", False),
    ("has_database_privilege('other', 'dev', 'temporary')", True),
    ("has_database_privilege('owner', 'dev', 'create')", True),
]


@pytest.mark.parametrize(("question", "answer"), ASKED, ids=[question for question, _ in ASKED])
def test_privileges_can_be_asked_for(admin: Client, question: str, answer: bool) -> None:  # r_HAS_TABLE_PRIVILEGE
    admin.run("GRANT SELECT ON u TO other")
    assert admin.value(question, SecretArn="owner") is answer


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("has_table_privilege('nobody', 'u', 'select')", 'user "nobody" does not exist'),
        ("has_table_privilege('other', 'nowhere', 'select')", 'relation "nowhere" does not exist'),
        ("has_schema_privilege('other', 'nowhere', 'usage')", 'schema "nowhere" does not exist'),
        ("has_database_privilege('other', 'another', 'temp')", 'database "another" does not exist'),
        ("has_schema_privilege('other', 'public', 'select')", 'unrecognized privilege type: "select"'),
    ],
)
def test_what_cannot_be_asked(admin: Client, question: str, says: str) -> None:
    assert says in admin.error(f"SELECT {question}")


@pytest.mark.parametrize("public_is_closed", [False, True])
def test_our_user_makes_its_tables_and_loads_with_what_it_is_given(client: Client, public_is_closed: bool) -> None:
    client.principal = ROOT
    if public_is_closed:
        client.run("REVOKE ALL ON SCHEMA public FROM PUBLIC", "REVOKE ALL ON DATABASE dev FROM PUBLIC")
    make_loader(As(client, "headrace_admin"), "dev", "headrace", "Secret1234")
    services: Any = services_on(client, [FIRST])
    loader = services.warehouse = As(client, "headrace")
    assert migrate(services, "dev")
    put(client, "readings-1", manifest="s3://lake/one.json")
    file_id = file_of("readings-1")
    given: dict[str, Any] = {"arrived": {file_id: "2026-"}, "objects": {}, "replaced": [], "reloaded": [file_id]}
    loader.run(
        load_statements(load_sql(FIRST), batch="readings-1", manifest="s3://lake/one.json", iam_role="default", **given)
    )
    loader.run_alone("REFRESH MATERIALIZED VIEW public.by_meter")
    assert loader.query("SELECT SUM(readings) FROM public.by_meter") == [["30"]]
    assert loader.query("SELECT has_schema_privilege(current_user, 'etl', 'usage')") == [[True]]
    assert refusal(client, "IAMR:somebody", "SELECT * FROM etl.loads") == "permission denied for schema etl"


@pytest.mark.parametrize("table", ["u", "svv_tables", "(SELECT k FROM u) AS inner_u"])
@pytest.mark.parametrize("function", ["has_table_privilege('u', 'select')", "current_schema()"])
def test_the_compute_nodes_cannot_be_asked(admin: Client, function: str, table: str) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions_leader_node_only.html, and the words of
    https://repost.aws/questions/QUWc0kFLi5T7OUCixiNLQJbg/classify-all-tables.
    """
    assert "not supported on Redshift tables. Function" in admin.error(f"SELECT {function} FROM {table}")
    assert admin.value(function) is not None
