"""The Glue job in a real Spark writes what the function writes, over a real S3 and a real table."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from headrace.adapters.lake import S3Lake
from headrace.adapters.ledger import DynamoLedger
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import LIVE, FileRecord
from headrace.transform import read_quarantine
from headrace.usecases import lake_paths
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.unit.transform import transform_unit
from headrace_local import laptop
from headrace_local.spark import Spark, made_spark
from tests.support.fakes import MemoryServices, contract, contracts_of, file

ROOT = Path(__file__).parents[3]
TABLE, LAKE, LANDING = "ledger", "glue-lake", "landing"
HEADER = b"meter,read_at,value\n"
GOOD = b'm%d,2026-01-01T00:00:00Z,%d\n"m%d",2026-01-01T00:00:00Z,"%d"\n'
BAD = b'm1,2026-01-01T00:00:00Z,-1\n"open,1,2\n"two\nlines","then a quote\n",3\nm2,yesterday,x\n'
DATA = HEADER + b"".join(GOOD % (n, n, n, n) + (BAD if n % 500 == 0 else b"") for n in range(40_000))


@dataclass
class Account:
    """A laptop's S3 and DynamoDB, with a bucket and a table for the job."""

    s3: Any
    ledger: DynamoLedger
    settings: dict[str, str]


@pytest.fixture(scope="module")
def spark() -> Spark:
    return made_spark()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    home = tmp_path_factory.mktemp("glue") / "home"
    state = laptop.up(home)
    dynamodb, s3 = (boto3.client(name, **state.client_arguments()) for name in ("dynamodb", "s3"))
    names = ("pk", "sk", "dataset_files", "arrived_at")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_dataset",
                "KeySchema": [
                    {"AttributeName": "dataset_files", "KeyType": "HASH"},
                    {"AttributeName": "arrived_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for bucket in (LAKE, LANDING):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=LANDING, VersioningConfiguration={"Status": "Enabled"})
    given = state.client_arguments()
    settings = {
        "AWS_ENDPOINT_URL": given["endpoint_url"],
        "AWS_ACCESS_KEY_ID": given["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": given["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": given["region_name"],
        "LEDGER_TABLE": TABLE,
        "LAKE_BUCKET": LAKE,
        "KEEP_DAYS": "90",
    }
    yield Account(s3, DynamoLedger(dynamodb, TABLE, 90), settings)
    laptop.down(home)


class Services(MemoryServices):
    """The services of a function, with the laptop's table and buckets."""

    def __init__(self, account: Account, spec: Contract) -> None:
        super().__init__(contracts_of(spec))
        self.ledger: Any = account.ledger
        self.lake: Any = S3Lake(account.s3, LAKE)


def landed(account: Account, dataset: str, data: bytes) -> FileRecord:
    key = f"{dataset}/a.csv"
    version = account.s3.put_object(Bucket=LANDING, Key=key, Body=data)["VersionId"]
    record = file(dataset, dataset=dataset, bucket=LANDING, key=key, version=version, size=len(data))
    return account.ledger.files.record_arrival(record)


def contracts(folder: Path, *specs: Contract) -> Path:
    """A package of contracts, zipped as Glue gets it."""
    path = folder / "contracts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("headrace_contracts/__init__.py", "")
        archive.writestr("headrace_contracts/contracts.json", json.dumps([spec.to_json() for spec in specs]))
    return path


def run(spark: Spark, account: Account, batch: str, folder: Path, code: Path) -> subprocess.CompletedProcess[str]:
    settings = json.dumps({name: value for name, value in account.settings.items() if not name.startswith("AWS_")})
    arguments = {
        "--batch": batch,
        "--unit": "1",
        "--settings": settings,
        "--range-bytes": "500000",
        "--JOB_NAME": "headrace",
    }
    environment = spark.environment(folder, [code, ROOT / "layers" / "headrace"])
    environment |= {name: value for name, value in account.settings.items() if name.startswith("AWS_")}
    command = spark.command(ROOT / "glue" / "transform_unit.py", arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)


def found(services: Services, batch: str) -> dict[str, Any]:
    """The results of the batch's unit, with all rows and all bad rows."""
    result = services.lake.read_json(lake_paths.result(batch, 1))
    good = [
        row
        for part in result["parts"]
        for row in pq.read_table(io.BytesIO(services.lake.read(part["key"]))).to_pylist()
    ]
    keys = sorted(key for key, _ in services.lake.listing("quarantine/") if f"batch={batch}/" in key)
    bad = [row for key in keys for row in read_quarantine(services.lake.read(key))]
    return {
        "files": [{**each, "file_id": ""} for each in result["files"]],
        "good": [{**row, "_file_id": "", "_batch_id": ""} for row in good],
        "bad": [(row.row_number, row.raw, row.errors) for row in bad],
    }


def test_the_job_has_the_results_of_the_function(spark: Spark, account: Account, tmp_path: Path) -> None:
    by_function, by_job = contract("by_function"), contract("by_job")
    specs = {spec.dataset: Services(account, spec) for spec in (by_function, by_job)}
    batches = {}
    for dataset, services in specs.items():
        landed(account, dataset, DATA)
        batches[dataset] = record_batch(dataset, LIVE, 1, f"{dataset}-1", services)["batch"]
    transform_unit(account.ledger.batches.get(batches["by_function"]), 1, specs["by_function"])
    ended = run(spark, account, batches["by_job"], tmp_path, contracts(tmp_path, by_job))
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert json.loads(ended.stdout.splitlines()[-1])["files"] == {"good": 1}
    parts = specs["by_job"].lake.read_json(lake_paths.result(batches["by_job"], 1))["parts"]
    assert len(parts) == -(-len(DATA) // 500_000)
    assert found(specs["by_job"], batches["by_job"]) == found(specs["by_function"], batches["by_function"])


def test_a_run_that_fails_says_why(spark: Spark, account: Account, tmp_path: Path) -> None:
    ended = run(spark, account, "no-such-batch", tmp_path, contracts(tmp_path, contract()))
    assert ended.returncode == 1
    assert "no-such-batch" in ended.stderr.splitlines()[-1]
