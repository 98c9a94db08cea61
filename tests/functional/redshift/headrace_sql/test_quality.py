"""The third tier of validation on the embedded Redshift: measured by its SQL, judged, held, released, rejected."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.load import measure_statements, split_statements
from headrace.domain.ingest.outcome import FileResult
from headrace.domain.ingest.outcome import Verdict as Good
from headrace.domain.sql_text import SqlText
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Finding, Scope, Verdict
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.quality.hold import reject, release
from headrace.usecases.quality.judge_batch import judge_batch
from headrace.usecases.quality.judge_day import judge_day
from headrace.usecases.quality.measurements import figures_of
from headrace_compiler.sql.load import table_sql
from tests.functional.redshift.client import Client, WarehouseOf
from tests.support.fakes import MemoryServices, contract, contracts_of, file

MIGRATIONS = sorted((Path(__file__).parents[4] / "sql" / "migrations").glob("*.sql"))
TODAY = datetime.now(UTC).date()
CHECKS = (
    Check(Metric.ROW_COUNT, hold=True),
    Check(Metric.DUPLICATE_KEYS),
    Check(Metric.NULL_SHARE, "value", hold=True),
    Check(Metric.DISTINCT_COUNT, "meter"),
    Check(Metric.MEAN, "value"),
    Check(Metric.SPREAD, "value"),
    Check(Metric.CATEGORIES, "meter"),
    Check(Metric.FRESHNESS, "read_at"),
    Check(Metric.ROW_COUNT, lowest=1.0),
)
Rows = list[tuple[str, datetime, int | None]]


@pytest.fixture
def services(client: Client) -> MemoryServices:
    """An empty warehouse that follows the contract of `readings`."""
    of_readings = contract(checks=CHECKS)
    services = MemoryServices(contracts=contracts_of(of_readings))
    services.warehouse = WarehouseOf(client)  # type: ignore[assignment]
    client.run("CREATE SCHEMA IF NOT EXISTS etl")
    for path in MIGRATIONS:
        client.run(*split_statements(path.read_text()))
    client.run(*split_statements(table_sql(of_readings)))
    return services


def rows(count: int = 100, *, meters: int = 10, nulls: int = 2, mean: int = 50) -> Rows:
    """A batch as it usually is: hours old, few values missing, spread about a mean."""
    read = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=2)
    return [
        (f"m{number % meters}", read, None if number < nulls else mean + number % 21 - 10) for number in range(count)
    ]


def measure(client: Client, services: MemoryServices, batch: str, batch_rows: Rows, scope: Scope = Scope.BATCH) -> None:
    """COPY a batch into a private stage and write its figures down, as the state machine does."""
    meters, times, values = zip(*batch_rows, strict=True)
    table = pa.table(
        {
            "meter": pa.array(meters),
            "read_at": pa.array(times, pa.timestamp("us")),
            "value": pa.array(values, pa.int64()),
            "_file_id": pa.array([file().file_id] * len(batch_rows)),
            "_row_number": pa.array(range(1, len(batch_rows) + 1), pa.int64()),
            "_batch_id": pa.array([batch] * len(batch_rows)),
        }
    )
    entry = client.parquet(f"s3://lake/readings/{batch}.parquet", table)
    client.manifest(entry, url="s3://lake/manifest.json")
    template = services.sql.text("readings", SqlText.MEASURE_BATCH)
    manifest = "s3://lake/manifest.json"
    client.run(*measure_statements(template, batch=batch, scope=scope, manifest=manifest, iam_role="default"))


def remember(client: Client, *, days: int = 28) -> None:
    """Past days whose batches had the figures of `past-0`, a little more or less, one category a day apart."""
    client.run("INSERT INTO etl.loads VALUES ('past-0', 'readings', 'loaded', DATEADD(DAY, -1, GETDATE()))")
    for back in range(1, days + 1):
        factor = 1 + (back % 5 - 2) / 100
        client.run(
            "INSERT INTO etl.quality_figures SELECT dataset, scope, point, DATEADD(DAY, "
            f"-{back}, day), column_name, metric, category, figure * {factor}, row_count, deviation, measured_at"
            " FROM etl.quality_figures WHERE point = 'past-0' AND day = CAST(GETDATE() AS DATE)"
        )


def opened(services: MemoryServices, batch: str = "readings-7") -> tuple[BatchRecord, FileRecord]:
    """A batch of one good file that runs, its result in the lake."""
    running = file(status=FileStatus.RUNNING, batch=batch)
    record = BatchRecord(batch, "readings", LIVE, 1, BatchStatus.RUNNING, (running.file_id,), "t", units=1)
    services.ledger.given(running)
    services.ledger.batches.save(record)
    result = UnitResult(
        1, contract().digest, [], [FileResult(running.file_id, Good.GOOD, rows_read=1, rows_good=1, sha256="s")]
    )
    services.lake.write_json(lake_paths.result(batch, 1), result.to_json())
    return record, running


@pytest.fixture
def used(client: Client, services: MemoryServices) -> MemoryServices:
    """A warehouse with four weeks behind it."""
    measure(client, services, "past-0", rows())
    remember(client)
    return services


def test_each_metric_is_measured_in_one_pass(client: Client, services: MemoryServices) -> None:
    measure(client, services, "readings-7", rows())
    found = {
        (item.metric, item.column, item.category): item.figure
        for item in figures_of(services.contracts.get("readings"), Scope.BATCH, "readings-7", services)
    }
    values = [value for _, _, value in rows() if value is not None]
    mean = sum(values) / len(values)
    assert found[Metric.ROW_COUNT, "", ""].value == 100
    assert found[Metric.DUPLICATE_KEYS, "", ""].value == 90
    assert (found[Metric.NULL_SHARE, "value", ""].value, found[Metric.NULL_SHARE, "value", ""].rows) == (2, 100)
    assert found[Metric.DISTINCT_COUNT, "meter", ""].value == 10
    assert found[Metric.MEAN, "value", ""].value == pytest.approx(mean)
    assert found[Metric.MEAN, "value", ""].deviation == found[Metric.SPREAD, "value", ""].value
    assert 7100 < found[Metric.FRESHNESS, "read_at", ""].value < 7400
    assert {name: found[Metric.CATEGORIES, "meter", name].value for name in ("m0", "m9")} == {"m0": 10, "m9": 10}
    assert found[Metric.ROW_COUNT, "", ""].day == TODAY.toordinal()


def findings(client: Client) -> dict[str, str]:
    kept = client.rows("SELECT column_name, metric, verdict FROM etl.quality_results WHERE expected IS NOT NULL"
                       " OR lowest IS NULL")  # fmt: skip
    return {f"{column} {metric}".strip(): verdict for column, metric, verdict in kept}


def test_a_usual_batch_goes_on_and_its_checks_are_kept(client: Client, used: MemoryServices) -> None:
    batch, _ = opened(used)
    measure(client, used, batch.batch, rows())
    assert judge_batch(batch, used) == {"load": True, "findings": []}
    assert set(findings(client).values()) == {"good"}
    assert used.topic.notices == []


def test_without_past_days_only_the_contracts_own_bounds_speak(client: Client, services: MemoryServices) -> None:
    batch, _ = opened(services)
    measure(client, services, batch.batch, rows())
    assert judge_batch(batch, services)["load"]
    assert set(findings(client).values()) == {"learning"}


@pytest.mark.parametrize(
    ("batch_rows", "said"),
    [
        (lambda: rows(50), "rowCount is 50; usual for the day is"),
        (lambda: rows(nulls=20), "value: nullShare is 20 %; usual for the day is"),
    ],
)
def test_what_the_contract_holds_waits_with_the_figures(
    client: Client, used: MemoryServices, batch_rows: Callable[[], Rows], said: str
) -> None:
    batch, held = opened(used)
    measure(client, used, batch.batch, batch_rows())
    assert not judge_batch(batch, used)["load"]
    assert used.ledger.batches.get(batch.batch).status is BatchStatus.HELD
    assert used.ledger.files.get(held.file_id).status is FileStatus.HELD
    assert used.ledger.lanes.state("readings", LIVE).held == (batch.batch,)
    (notice,) = used.topic.notices
    assert said in " ".join(notice.lines)
    assert "`headrace release readings-7`" in " ".join(notice.lines)
    assert client.rows("SELECT status FROM etl.loads WHERE batch_id = 'readings-7'") == [["held"]]
    assert client.rows("SELECT decision FROM etl.holds") == [["held"]]


@pytest.mark.parametrize(
    ("batch_rows", "said"),
    [
        (lambda: rows(mean=90), "value: mean is"),
        (lambda: rows(meters=9), "meter: categories: gone: 1 value"),
        (lambda: [*rows(99), ("new", rows()[0][1], 50)], "meter: categories: new: 1 value"),
        (lambda: [(m, t - timedelta(days=3), v) for m, t, v in rows()], "read_at: freshness is 74.0 h"),
        (lambda: [(m, t, 50 + 9 * (v - 50) if v else v) for m, t, v in rows()], "value: spread is"),
    ],
)
def test_what_it_only_warns_of_is_told_and_loaded(
    client: Client, used: MemoryServices, batch_rows: Callable[[], Rows], said: str
) -> None:
    batch, _ = opened(used)
    measure(client, used, batch.batch, batch_rows())
    answer = judge_batch(batch, used)
    assert answer["load"]
    assert any(said in sentence for sentence in answer["findings"])
    assert used.topic.notices[0].level == "warning"


def test_values_that_a_message_does_not_show_are_shown_by_what_it_says(client: Client, used: MemoryServices) -> None:
    batch, _ = opened(used)
    measure(client, used, batch.batch, [*rows(99), ("new", rows()[0][1], 50)])
    judge_batch(batch, used)
    (notice,) = used.topic.notices
    typed = next(line for line in notice.lines if "headrace sql" in line).split('"')[1]
    assert client.rows(typed)[0][0] == "new"


def test_a_released_batch_is_judged_and_not_held_again(client: Client, used: MemoryServices) -> None:
    batch, held = opened(used)
    measure(client, used, batch.batch, rows(50))
    judge_batch(batch, used)
    assert release(used.ledger.batches.get(batch.batch), "ann", used).done
    waiting = used.ledger.files.get(held.file_id)
    assert (waiting.status, waiting.released) == (FileStatus.PENDING, batch.batch)
    assert used.ledger.lanes.state("readings", LIVE).held == ()
    assert client.rows("SELECT decision, decided_by FROM etl.holds ORDER BY decided_at") == [
        ["held", "headrace"],
        ["released", "ann"],
    ]
    used.ledger.given(replace(waiting, status=FileStatus.RUNNING, batch="readings-8"))
    again = replace(batch, batch="readings-8", generation=2)
    measure(client, used, again.batch, rows(50))
    assert judge_batch(again, used)["load"]
    refused = release(used.ledger.batches.get(batch.batch), "ann", used)
    assert (refused.done, refused.why) == (False, "it is released, not held: there is nothing to decide")


@pytest.mark.parametrize(
    "changes", [{"reload": True}, {"suspects": "readings-6-a"}, {"key": f"readings/replay/{'0' * 24}-{'0' * 16}.csv"}]
)
def test_a_batch_that_people_put_together_is_not_blamed_for_its_size(
    client: Client, used: MemoryServices, changes: dict[str, Any]
) -> None:
    batch, running = opened(used)
    used.ledger.given(replace(running, **changes))
    measure(client, used, batch.batch, rows(5, meters=2, nulls=0), Scope.PART)
    assert judge_batch(batch, used)["load"]
    batch, running = opened(used, "readings-8")
    used.ledger.given(replace(running, **changes))
    measure(client, used, batch.batch, rows(20, meters=2, nulls=20), Scope.PART)
    answer = judge_batch(batch, used)
    assert not answer["load"]
    assert [sentence.partition(" is")[0] for sentence in answer["findings"]] == ["value: nullShare"]
    assert client.rows("SELECT COUNT(*) FROM etl.quality_figures WHERE scope = 'batch' AND point <> 'past-0'") == [[0]]


def test_the_files_of_a_rejected_batch_have_failed_with_the_figures(client: Client, used: MemoryServices) -> None:
    batch, held = opened(used)
    measure(client, used, batch.batch, rows(50))
    judge_batch(batch, used)
    assert reject(used.ledger.batches.get(batch.batch), "ann", "it's broken \\", used).done
    failed = used.ledger.files.get(held.file_id)
    assert failed.status is FileStatus.FAILED
    assert "was held and rejected (it's broken \\): rowCount is 50" in str(failed.reason)
    assert used.ledger.batches.get(batch.batch).status is BatchStatus.REJECTED


def load_by_hand(client: Client, batch: str, batch_rows: Rows) -> None:
    """Rows in the target that came by a batch, as the pipeline or somebody's own COPY leaves them."""
    for number, (meter, at, value) in enumerate(batch_rows):
        known = "NULL" if value is None else value
        client.run(f"INSERT INTO public.readings VALUES ('{meter}', '{at}', {known}, 'f', {number}, '{batch}')")


def test_a_day_finds_what_was_loaded_twice_by_hand(client: Client, services: MemoryServices) -> None:
    yesterday = TODAY - timedelta(days=1)
    client.run(f"INSERT INTO etl.loads VALUES ('readings-1', 'readings', 'loaded', '{yesterday} 12:00:00')")
    load_by_hand(client, "readings-1", rows(5, meters=5))
    of_readings = services.contracts.get("readings")
    assert not told(judge_day(of_readings, yesterday, services))
    load_by_hand(client, "readings-1", rows(5, meters=5))
    time.sleep(1.1)  # the last measurement counts, and GETDATE() has whole seconds
    assert told(judge_day(of_readings, yesterday, services)) == ["duplicateKeys is 5; the contract wants at most 0"]
    assert services.topic.notices[-1].title == f"readings: the figures of the rows of {yesterday} are unusual"
    assert client.rows("SELECT COUNT(*) FROM etl.quality_figures WHERE scope = 'day' AND metric = 'rowCount'") == [[2]]


def told(found: list[Finding]) -> list[str]:
    return [finding.sentence for finding in found if finding.verdict is Verdict.SURPRISING]


def test_a_contract_without_checks_measures_nothing(services: MemoryServices) -> None:
    bare: Contract = contract(checks=())
    assert judge_day(bare, date(2026, 1, 1), services) == []


def test_a_value_is_erased_from_figures_findings_and_decisions_and_no_other(services: MemoryServices) -> None:
    run = services.warehouse.run
    figure = (
        "INSERT INTO etl.quality_figures VALUES ('{}', 'batch', 'b', '2026-01-01', 'm', 'x', '{}', 1, 1, 0, GETDATE())"
    )
    result = (
        "INSERT INTO etl.quality_results VALUES ('{}', 'batch', 'b', 'm', 'x', 'good', 1, 1, 1, 1, '{}', GETDATE())"
    )
    for dataset, text in (("readings", "M-17"), ("readings", "M-170"), ("others", "M-17")):
        run([figure.format(dataset, text), result.format(dataset, f"{text} isn''t known \\\\ here")])
        services.loads.record_decision("b", dataset, "rejected", "ann", f"{text} isn't known \\ here")
    sentence = "M-17 isn't known \\ here"
    assert services.figures.figures_of("readings", "M-17") == 1
    assert sorted(services.figures.sentences_with("readings", "M-17")) == [sentence, "M-170 isn't known \\ here"]
    services.figures.erase_mentions("readings", "M-17", [sentence])
    assert services.figures.figures_of("readings", "M-17") == 0
    assert services.figures.sentences_with("readings", "M-17") == ["M-170 isn't known \\ here"]
    assert services.figures.figures_of("others", "M-17") == 1
    assert services.figures.sentences_with("others", "M-17") == [sentence]
    reasons = services.warehouse.query("SELECT reason FROM etl.holds WHERE dataset = 'readings' ORDER BY 1")
    assert reasons == [["M-170 isn't known \\ here"], ["erased"]]
