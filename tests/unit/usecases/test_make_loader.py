"""The warehouse's user: made once, given its password again, and never one that may do everything."""

from __future__ import annotations

import hashlib

import pytest

from headrace.usecases.make_loader import LoaderError, digest, make_loader
from tests.support.fakes import MemoryWarehouse

USER = "SELECT usesuper FROM pg_user WHERE usename = 'headrace'"


def test_a_digest_is_salted_sha256_as_redshift_takes_it() -> None:
    kind, hashed, salt = digest("Secret1").split("|")
    assert kind == "sha256"
    assert hashed == hashlib.sha256(b"Secret1" + bytes.fromhex(salt)).hexdigest()
    assert len(bytes.fromhex(salt)) == 32
    assert digest("Secret1") != digest("Secret1")


@pytest.mark.parametrize(("known", "verb"), [([], "CREATE"), ([[False]], "ALTER")])
def test_it_is_made_or_changed_and_has_its_rights(known: list[list[object]], verb: str) -> None:
    admin = MemoryWarehouse()
    admin.answers[USER] = known
    make_loader(admin, "dev", "headrace", "Secret1")
    user, on_database, on_schema = admin.ran
    assert user.startswith(f'{verb} USER "headrace" PASSWORD \'sha256|')
    assert "Secret1" not in user
    assert on_database == 'GRANT CREATE, TEMPORARY ON DATABASE "dev" TO "headrace"'
    assert on_schema == 'GRANT USAGE, CREATE ON SCHEMA public TO "headrace"'


@pytest.mark.parametrize("name", ["", "Headrace", "1a", 'a"b', "a" * 64, "a b"])
def test_a_name_that_is_none_is_refused_before_anything_is_asked(name: str) -> None:
    admin = MemoryWarehouse()
    with pytest.raises(LoaderError, match="lower case letters"):
        make_loader(admin, "dev", name, "Secret1")
    assert not admin.ran


def test_a_superuser_is_refused() -> None:
    admin = MemoryWarehouse()
    admin.answers[USER] = [[True]]
    with pytest.raises(LoaderError, match="is a superuser"):
        make_loader(admin, "dev", "headrace", "Secret1")
    assert not admin.ran
