"""The ledger as an earlier version left it, with data in flight, taken up by this one.

`tests/functional/earlier/ledger.json` has the items that `make upgrade ARGS="--from … --record FILE"` found at the
moment of the deployment: a file that is loaded, with a version of it that is held; a file with a row in quarantine; and
three that wait for their group. The dataset is `sales`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import boto3
import pytest

from headrace.adapters.ledger import DynamoLedger
from headrace.domain.ingest.ledger import LIVE, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.quality.hold import release_file
from headrace.usecases.recovery.requeue import reload
from headrace_local import laptop
from tests.support.fakes import MemoryServices, contract, contracts_of
from tests.support.metered import TABLE, create_table

ITEMS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "earlier" / "ledger.json").read_text())
ROWS = 200
WAITING = {f"waiting-{number}.csv" for number in range(3)}


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("upgrade") / "home"
    state = laptop.up(home)
    yield boto3.client("dynamodb", **state.client_arguments())
    laptop.down(home)


@pytest.fixture
def services(dynamodb: Any) -> Iterator[Any]:
    """The services of this version over the earlier one's ledger."""
    create_table(dynamodb)
    for item in ITEMS:
        dynamodb.put_item(TableName=TABLE, Item=item)
    made: Any = MemoryServices(contracts=contracts_of(contract("sales")))
    made.ledger = DynamoLedger(dynamodb, TABLE)
    yield made
    dynamodb.delete_table(TableName=TABLE)


def files(services: Any, name: str = "") -> list[FileRecord]:
    found = services.ledger.files.of_dataset("sales")
    return [file for file in found if name in {"", PurePath(file.key).name}]


def test_every_file_is_where_the_earlier_version_left_it(services: Any) -> None:
    statuses = Counter(file.status for file in files(services))
    assert statuses == {FileStatus.LOADED: 2, FileStatus.HELD: 1, FileStatus.PENDING: 3}
    (bad,) = files(services, "bad.csv")
    assert bad.rows == RowCounts(read=ROWS, loaded=ROWS - 1, quarantined=1)
    assert all(file.rows.balanced for file in files(services))
    assert services.ledger.batches.get(str(bad.batch)).status is BatchStatus.LOADED


def test_the_files_that_waited_are_one_batch_and_no_other_takes_them(services: Any) -> None:
    generation = services.ledger.lanes.state("sales", LIVE).generation
    recorded = record_batch("sales", LIVE, generation, "sales-next", services)
    batch = services.ledger.batches.get(recorded["batch"])
    taken = services.ledger.files.get_all(batch.file_ids)
    assert {PurePath(file.key).name for file in taken} == WAITING
    assert {file.status for file in taken} == {FileStatus.RUNNING}
    assert services.ledger.lanes.pending("sales", LIVE, 9) == []


def test_the_held_file_can_be_released(services: Any) -> None:
    (held,) = [file for file in files(services, "first.csv") if file.status is FileStatus.HELD]
    assert release_file(held, "arn:us", services).done
    assert services.ledger.files.get(held.file_id).status is FileStatus.PENDING


def test_bad_rows_can_be_given_up_though_that_version_did_not_count_them(services: Any) -> None:
    (bad,) = files(services, "bad.csv")
    assert services.ledger.files.discard_rows(bad, "discarded/x", 1)
    assert services.ledger.files.get(bad.file_id).rows == RowCounts(read=ROWS, loaded=ROWS - 1, discarded=1)


def test_a_loaded_file_can_be_reloaded(services: Any) -> None:
    (bad,) = files(services, "bad.csv")
    (answer,) = reload([bad], services)
    assert answer.done, answer.why
