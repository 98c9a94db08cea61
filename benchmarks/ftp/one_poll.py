"""One poll in its own process, measured from outside of nothing else: `python -m benchmarks.ftp.one_poll`.

Reads what to do from standard input as JSON, prints what came of it as JSON: seconds, CPU seconds, peak memory.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from dataclasses import asdict
from typing import Any

import boto3
from botocore.config import Config

from headrace.domain.source import Complete, Protocol
from headrace.sources.adapters.ledger import DynamoSourceLedger
from headrace.sources.adapters.staging import S3Incoming
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.source_file import SourceStatus
from tests.support.sources import Bench, MemoryIncoming, MemorySourceLedger, source


class Discard(MemoryIncoming):
    """Takes parts and forgets them: what is left is the transfer and its checksums."""

    def part(self, *_: Any, **__: Any) -> str:
        """Forget a part."""
        return "e"

    def land(self, *_: Any, **__: Any) -> None:
        """Forget the file."""


def main() -> None:
    """Poll as often as asked; the last poll is the one that is measured."""
    asked = json.load(sys.stdin)
    logging.disable()
    bench = Bench.of(
        source(
            Protocol(asked["kind"]), asked["port"], location=asked["location"], timeout_seconds=60,
            complete=Complete(asked.get("complete", "rename")), connections=asked.get("connections", 1),
        )
    )  # fmt: skip
    secret = asked["secret"]
    keys = (secret["hostKeys"],) if "hostKeys" in secret else ()
    bench.credentials = Credentials(secret["username"], secret["password"], host_keys=keys, ca=secret.get("ca", ""))
    bench.incoming = incoming(asked.get("s3"))
    bench.source_ledger = ledger(asked.get("dynamodb"))
    for _ in range(asked.get("polls", 1)):
        begun, cpu = time.monotonic(), time.process_time()
        report = bench.poll()
        seconds, spent = time.monotonic() - begun, time.process_time() - cpu
    document = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(spent, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "trouble": report.trouble,
        "tally": asdict(report.tally),
        "records": len(bench.records),
        "taken": sum(record.status is SourceStatus.TAKEN for record in bench.records.values()),
    }
    print(json.dumps(document, default=list))


def incoming(laptop: dict[str, str] | None) -> Any:
    """A laptop's S3, by a client's arguments, or a place that forgets without asking anybody."""
    if laptop is None:
        return Discard()
    client = boto3.client("s3", **laptop, config=Config(s3={"addressing_style": "path"}))
    return S3Incoming(client, "lake", "landing")


def ledger(laptop: dict[str, str] | None) -> Any:
    """The ledger's table on a laptop, by a client's arguments, or in memory."""
    if laptop is None:
        return MemorySourceLedger()
    return DynamoSourceLedger(boto3.client("dynamodb", **laptop), "ledger")


if __name__ == "__main__":
    main()
