"""The short form of `make chaos`: a few fault points of each kind, and the bench's own eye for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.faults.chaos_bench import Bench, content
from benchmarks.faults.chaos_leftovers import Leftovers
from benchmarks.faults.chaos_points import Point, composed, points
from headrace_cli.stack.target import target_at
from tests.e2e.conftest import Laptop

SHORT = [
    "Starter: dynamodb PutItem, killed after",
    "Transform: s3 PUT, 5xx after",
    "load: submitted, the answer lost",
    "load: refused, 1023",
    "execution stopped in COPY and MERGE, after its effect",
    "every event three times, out of order",
]


@pytest.fixture(scope="module")
def bench(laptop: Laptop) -> Iterator[Bench]:
    bench = Bench(target_at(laptop.home), "bulk")
    with bench.hastened():
        yield bench


@pytest.mark.parametrize("name", SHORT)
def test_what_breaks_is_right_in_the_end(bench: Bench, name: str) -> None:
    (point,) = [point for point in points() if point.name == name]
    result = bench.run(point, f"s{SHORT.index(name)}")
    assert (result.wrong, result.injected > 0) == ([], True)


@pytest.mark.parametrize("seed", [2, 3])  # others need the staged dataset of the whole bench
def test_several_faults_at_once(bench: Bench, seed: int) -> None:
    point = composed(seed)
    assert point == composed(seed)
    assert bench.run(point, f"r{seed}").wrong == []


def test_a_wrong_row_is_seen(bench: Bench, laptop: Laptop) -> None:
    laptop.put("bulk/wrong.csv", content("wrong", 7))
    laptop.settle()
    assert "rows instead of 30" in str(bench.run(Point("nothing"), "wrong").wrong)


def test_what_is_left_behind_is_seen(laptop: Laptop) -> None:
    target = target_at(laptop.home)
    leftovers = Leftovers(target)
    before = leftovers.generations("bulk")
    assert leftovers.of("bulk", before) == []
    queue, data_api = target.output("IntakeDeadLetterQueueUrl"), laptop.client("redshift-data")
    where = {"WorkgroupName": target.output("Workgroup"), "Database": target.output("Database")}
    laptop.headrace("sql", "--write", "CREATE TABLE public.left_behind (a INTEGER)")
    laptop.client("sqs").send_message(QueueUrl=queue, MessageBody="poison")
    kept = data_api.execute_statement(**where, Sql="CREATE TEMP TABLE mine (a INTEGER)", SessionKeepAliveSeconds=60)
    found = " ".join(leftovers.of("bulk", before))
    assert "the table public.left_behind" in found
    assert "1 messages in" in found
    assert "a session of" in found
    laptop.headrace("sql", "--write", "DROP TABLE public.left_behind")
    laptop.client("sqs").purge_queue(QueueUrl=queue)
    data_api.execute_statement(SessionId=kept["SessionId"], Sql="SELECT 1", SessionKeepAliveSeconds=0)


def test_at_least_forty_points_each_of_its_own_name() -> None:
    names = [point.name for point in points()]
    assert len(set(names)) == len(names) >= 40
    assert set(SHORT) <= set(names)
