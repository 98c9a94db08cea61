"""From a server that somebody else runs to rows in the warehouse, as a person sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Laptop
from tests.servers.faults import PASSWORD, USER
from tests.servers.sftp import SftpServer

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: urn:headrace:parcels
name: parcels
version: 1.0.0
servers:
  - server: landing
    type: s3
    location: s3://{{landing}}/parcels/
    format: csv
  - server: carrier
    type: sftp
    location: sftp://127.0.0.1:{port}/out/*.csv
    customProperties:
      - {{property: secret, value: carrier}}
      - {{property: completeWhen, value: marker}}
      - {{property: breakerFailures, value: 1}}
      - {{property: patienceMinutes, value: 0}}
      - {{property: timeoutSeconds, value: 5}}
  - server: warehouse
    type: redshift
    database: headrace
schema:
  - name: parcels
    properties:
      - {{name: parcel, logicalType: string, physicalType: VARCHAR(16), required: true, primaryKey: true}}
      - {{name: weight, logicalType: integer, physicalType: BIGINT, logicalTypeOptions: {{minimum: 0}}}}
"""


@pytest.fixture(scope="module")
def carrier(laptop: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """An SFTP server, and the contract that fetches from it, deployed."""
    root = tmp_path_factory.mktemp("carrier")
    (root / "out").mkdir()
    with SftpServer(root) as server:
        secret = {"username": USER, "password": PASSWORD, "hostKeys": server.host_key}
        laptop.client("secretsmanager").create_secret(Name="headrace/sources/carrier", SecretString=json.dumps(secret))
        (laptop.checkout / "contracts" / "parcels.odcs.yaml").write_text(CONTRACT.format(port=server.port))
        laptop.headrace("deploy")
        yield server


def polled(laptop: Laptop, *arguments: str) -> Any:
    """A server after it was asked once more."""
    before = account(laptop)["last_poll"]
    laptop.headrace("sources", *arguments, "carrier")
    for _ in range(200):
        found = account(laptop)
        if found["last_poll"] != before and not found["polling"]:
            return found
        time.sleep(0.2)
    raise AssertionError(f"the poll never ended: {found}")


def account(laptop: Laptop) -> Any:
    (found,) = laptop.headrace("sources")["sources"]
    return found


def offer(server: SftpServer, name: str, text: str) -> None:
    folder: Path = server.root / "out"
    (folder / name).write_text(text)
    (folder / f"{name}.done").touch()


def test_a_file_on_a_server_becomes_rows(laptop: Laptop, carrier: SftpServer) -> None:
    offer(carrier, "one.csv", "parcel,weight\np1,5\np2,-1\n")
    server = polled(laptop, "--poll")
    assert (server["breaker"], server["files_taken"], server["trouble"]) == ("closed", 1, None)
    laptop.settle()
    assert laptop.rows("SELECT parcel, weight FROM public.parcels") == [["p1", 5]]
    key = laptop.client("s3").list_objects_v2(Bucket=laptop.output("LandingBucket"), Prefix="parcels/")["Contents"][0]
    trace = laptop.trace(key["Key"])
    assert key["Key"].startswith("parcels/server=carrier/date=")
    assert trace["rows"]["quarantined"] == 1


def test_a_changed_host_key_calls_somebody_until_it_is_put_right(laptop: Laptop, carrier: SftpServer) -> None:
    known, told = carrier.host_key, len(pages(laptop, 0))
    carrier.change_host_key()
    server = polled(laptop, "--poll")
    assert (server["breaker"], server["trouble"]) == ("open", "not trusted")
    assert "host key" in server["reason"]
    assert known != carrier.host_key
    secret = {"username": USER, "password": PASSWORD, "hostKeys": [carrier.host_key]}
    laptop.client("secretsmanager").put_secret_value(
        SecretId="headrace/sources/carrier", SecretString=json.dumps(secret)
    )
    server = polled(laptop, "--reset")
    assert (server["breaker"], server["incidents"]) == ("closed", [])
    called = pages(laptop, told + 2)[told:]
    assert called == [("trigger", "headrace/source/carrier"), ("resolve", "headrace/source/carrier")]


def pages(laptop: Laptop, least: int) -> list[tuple[str, str]]:
    """What PagerDuty was sent, once so many events are there."""
    for _ in range(100):
        told = [item["payload"] for item in laptop.headrace("notifications", "--limit", "10000")["notifications"]]
        events = [(item["event_action"], item["dedup_key"]) for item in told if "event_action" in item]
        if len(events) >= least:
            return events
        time.sleep(0.2)
    raise AssertionError(f"PagerDuty was sent {events} only")
