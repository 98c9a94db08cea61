"""What both need: servers as processes of their own, and a laptop with contracts that fetch from them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.own_laptop import own_laptop
from headrace.domain.source import Protocol
from headrace_cli.stack.target import Target, target_at

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:{dataset}
name: {dataset}
version: 1.0.0
servers:
  - server: landing
    type: s3
    location: s3://{{landing}}/{dataset}/
{format}
{servers}
  - server: warehouse
    type: redshift
    database: headrace
schema:
  - name: {dataset}
    properties:
      - {{name: event_id, logicalType: string, physicalType: VARCHAR(32), required: true, primaryKey: true}}
      - {{name: kind, logicalType: string, physicalType: VARCHAR(16), enum: [{{value: started}}, {{value: done}}]}}
      - {{name: at, logicalType: timestamp, required: true}}
      - {{name: milliseconds, logicalType: integer, logicalTypeOptions: {{minimum: 0}}}}
support:
  - channel: "#events"
    tool: slack
"""
SERVER = """\
  - server: {name}
    type: {kind}
    location: {kind}://127.0.0.1:{port}/{pattern}
    customProperties:
      - {{property: secret, value: {name}}}
"""


@dataclass(frozen=True, slots=True)
class Offered:
    """A running server. `secret` is what its secret in Secrets Manager holds."""

    name: str
    kind: Protocol
    root: Path
    port: int
    secret: dict[str, str]

    def entry(self, pattern: str, **options: Any) -> str:
        """Its entry in a contract's `servers`."""
        head = SERVER.format(name=self.name, kind=self.kind, port=self.port, pattern=pattern)
        return head + "".join(f"      - {{property: {key}, value: {value}}}\n" for key, value in options.items())


@contextmanager
def serving(name: str, kind: Protocol, root: Path, *options: str) -> Iterator[Offered]:
    """A server for as long as the block lasts."""
    root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.servers", kind, str(root), *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            told = json.loads(process.stdout.readline())
            yield Offered(name, kind, root, told["port"], told["secret"])
        finally:
            process.stdin.close()
            process.wait(10)


def contract(dataset: str, file_format: dict[str, str], servers: list[str]) -> str:
    """A contract of events that are fetched."""
    written = "\n".join(f"    {key}: {json.dumps(value)}" for key, value in file_format.items())
    return CONTRACT.format(dataset=dataset, format=written, servers="".join(servers).rstrip("\n"))


@contextmanager
def laptop(contracts: dict[str, str], servers: list[Offered]) -> Iterator[Any]:
    """Its own laptop, with these contracts deployed and the servers' secrets in place."""

    def only_these(checkout: Path) -> None:
        for shipped in (checkout / "contracts").glob("*.odcs.yaml"):
            shipped.unlink()
        for dataset, text in contracts.items():
            (checkout / "contracts" / f"{dataset}.odcs.yaml").write_text(text)

    with own_laptop("ftp", prepare=only_these) as made:
        keep_secrets(made, servers)
        yield made


def keep_secrets(made: Any, servers: list[Offered]) -> None:
    """Put each server's secret into Secrets Manager."""
    client = made.client("secretsmanager")
    for server in servers:
        client.create_secret(Name=f"headrace/sources/{server.name}", SecretString=json.dumps(server.secret))


def target_of(made: Any) -> Target:
    """The laptop's stack, as commands see it."""
    return target_at(made.home)
