"""The daily export on the laptop: every account its file, to the byte; who fails, fails alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import Laptop

DATE = "2026-02-01"
HEADER = "voter;n;cast at;day;fee;valid;remark\r\n"
ODD = "Müller & Söhne/Köln"
TABLES = (
    "CREATE TABLE public.voters (voter VARCHAR(64))",
    (
        "CREATE TABLE public.ballots (canton VARCHAR(8), voter VARCHAR(64), n INTEGER, cast_at TIMESTAMP, day DATE,"
        " fee DECIMAL(18,8), valid BOOLEAN, remark VARCHAR(200))"
    ),
    f"INSERT INTO public.voters VALUES ('ann'), ('bob'), ('nobody'), ('{ODD}')",
    (
        "INSERT INTO public.ballots VALUES"
        " ('BE', 'ann', 2, '2026-01-31 09:05:07.25', '2026-01-31', -0.00000001, FALSE, NULL),"
        " ('BE', 'ann', 1, '2026-01-31 09:05:07', '2026-01-31', 1234.5, TRUE, 'said \"yes\"; twice\nand went'),"
        f" ('BE', '{ODD}', 1, NULL, NULL, NULL, NULL, ''),"
        f" ('ZH', '{ODD}', 1, NULL, NULL, 0, TRUE, '=1+1'),"
        " ('ZH', 'bob', 1, NULL, NULL, 2, TRUE, '選挙')"
    ),
)


def statements(laptop: Laptop, *sqls: str) -> None:
    """As the user that exports, who may read what it has made."""
    client = laptop.client("redshift-data")
    secret = laptop.output("WarehouseSecretArn")
    for sql in sqls:
        started = client.execute_statement(WorkgroupName="headrace", Database="headrace", SecretArn=secret, Sql=sql)
        ended = client.describe_statement(Id=started["Id"], WaitTimeSeconds=30)
        assert ended["Status"] == "FINISHED", ended.get("Error")


def export(laptop: Laptop, *arguments: str, check: bool = True) -> Any:
    return laptop.headrace("export", *arguments, "ballots", "--date", DATE, check=check)


def body(laptop: Laptop, key: str) -> bytes:
    bucket = laptop.output("ExportBucket")
    return bytes(laptop.client("s3").get_object(Bucket=bucket, Key=f"ballots/{DATE}/{key}")["Body"].read())


@pytest.fixture(scope="module")
def first_run(laptop: Laptop) -> Any:
    statements(laptop, *TABLES)
    return export(laptop, "run", check=False)


def test_one_account_fails_alone(laptop: Laptop, first_run: Any) -> None:
    assert (first_run["status"], first_run["done"], first_run["failed"]) == ("incomplete", 7, 1)
    (failure,) = first_run["failures"]
    assert (failure["category"], failure["account"]) == ("ZH", "bob")
    assert "row 1" in failure["reason"]
    assert "cp1252" in failure["reason"]
    assert any("only 7 of 8 files exported" in message for message in laptop.messages())


def test_the_files_are_right_to_the_byte(laptop: Laptop, first_run: Any) -> None:
    ann = (
        'ann;1;2026-01-31 09:05:07;31.01.2026;1234,50000000;true;"said ""yes""; twice\nand went"\r\n'
        "ann;2;2026-01-31 09:05:07.25;31.01.2026;-0,00000001;false;\r\n"
    )
    assert body(laptop, "BE/ann.csv") == (HEADER + ann).encode("cp1252")
    assert body(laptop, "BE/nobody.csv") == HEADER.encode()
    odd = "M%C3%BCller%20%26%20S%C3%B6hne%2FK%C3%B6ln.csv"
    assert body(laptop, f"BE/{odd}") == (HEADER + f'{ODD};1;;;;;""\r\n').encode("cp1252")
    assert body(laptop, f"ZH/{odd}") == (HEADER + f"{ODD};1;;;0,00000000;true;'=1+1\r\n").encode("cp1252")


def test_it_is_exported_once_its_cause_is_mended_and_nothing_else_is(laptop: Laptop, first_run: Any) -> None:
    bucket, s3 = laptop.output("ExportBucket"), laptop.client("s3")
    before = s3.head_object(Bucket=bucket, Key=f"ballots/{DATE}/BE/ann.csv")["LastModified"]
    statements(laptop, "UPDATE public.ballots SET remark = 'mended' WHERE voter = 'bob'")

    again = export(laptop, "retry")

    assert (again["status"], again["done"], again["failed"]) == ("complete", 8, 0)
    assert body(laptop, "ZH/bob.csv") == (HEADER + "bob;1;;;2,00000000;true;mended\r\n").encode()
    assert s3.head_object(Bucket=bucket, Key=f"ballots/{DATE}/BE/ann.csv")["LastModified"] == before
    assert again["statements"] == first_run["statements"] + 1
    found = laptop.headrace("export", "verify", "ballots", "--date", DATE, "--deep")
    assert (found["differences"], found["files"], found["complete"]) == ([], 8, True)


def test_another_trigger_of_a_complete_day_does_nothing(laptop: Laptop, first_run: Any) -> None:
    before = export(laptop, "status")
    detail = json.dumps({"export": "ballots", "date": DATE})
    entry = {"EventBusName": laptop.output("EventBusName"), "Source": "headrace", "DetailType": "Export Due"}
    laptop.client("events").put_events(Entries=[entry | {"Detail": detail}])

    again = export(laptop, "run")

    assert again["attempt"] == before["attempt"]
    assert again["statements"] == before["statements"]


def test_verify_finds_what_was_changed_behind_its_back(laptop: Laptop, first_run: Any) -> None:
    bucket = laptop.output("ExportBucket")
    laptop.client("s3").put_object(Bucket=bucket, Key=f"ballots/{DATE}/BE/nobody.csv", Body=b"x")
    laptop.client("s3").delete_object(Bucket=bucket, Key=f"ballots/{DATE}/BE/bob.csv")
    found = json.loads(laptop.run("export", "verify", "ballots", "--json").stdout)  # of the last run
    assert sorted(item["what"].split()[0] for item in found["differences"]) == [
        f"ballots/{DATE}/BE/bob.csv",
        f"ballots/{DATE}/BE/nobody.csv",
    ]


def test_an_unknown_export_is_named_with_the_known_ones(laptop: Laptop) -> None:
    said = laptop.run("export", "run", "nothing", "--json")
    assert said.returncode == 1
    assert "deployed: ballots" in json.loads(said.stdout)["error"]
