"""Files for the Glue job through the whole workflow, in a real Spark: their rows, their reasons, the run's name."""

from __future__ import annotations

import gzip
from typing import Any

from tests.e2e.conftest import Laptop

HEADER = b"meter,read_at,value\n"
GOOD = b"".join(b"g%d,2026-01-01T00:00:00Z,%d\n" % (n, n) for n in range(5_000))
BAD = b"g1,2026-01-01T00:00:00Z,-1\ng2,yesterday,2\n"
WHOLE = gzip.compress(HEADER + GOOD)


def runs(laptop: Laptop) -> list[dict[str, Any]]:
    return list(laptop.client("glue").get_job_runs(JobName=laptop.output("SparkJob"))["JobRuns"])


def test_files_go_through_the_job_and_its_run_is_named(laptop: Laptop) -> None:
    """A torn file fails as it does in a function, and costs its neighbours nothing."""
    for name, body in (("good.csv", HEADER + GOOD + BAD), ("torn.csv.gz", WHOLE[: len(WHOLE) // 2])):
        for dataset in ("heavy", "readings"):
            laptop.put(f"{dataset}/glue-{name}", body)
    laptop.settle(280)
    good = laptop.trace("heavy/glue-good.csv")
    assert (good["status"], good["rows"]["read"], good["rows"]["loaded"]) == ("loaded", 5_002, 5_000)
    assert good["rows"]["quarantined"] == 2
    assert laptop.rows("SELECT COUNT(*), MAX(value) FROM public.heavy") == [[5_000, 4_999]]
    torn, by_function = (laptop.trace(f"{dataset}/glue-torn.csv.gz") for dataset in ("heavy", "readings"))
    assert (torn["status"], torn["reason"]) == ("failed", by_function["reason"])
    ended = {run["Id"]: run["DPUSeconds"] for run in runs(laptop) if run["JobRunState"] == "SUCCEEDED"}
    run = good["detected"]["glue"]
    assert run["dpu_seconds"] == ended[run["run"]]
    assert "glue" not in laptop.trace("readings/glue-good.csv")["detected"]
    steps = [step["step"] for step in good["steps"]]
    assert steps.index("Transforming in Glue") < steps.index("Ready to load")
    (account,) = laptop.headrace("status", "heavy")["datasets"]
    assert (account["glue"]["runs"], account["glue"]["dpu_seconds"]) == (len(ended), sum(ended.values()))
    assert account["glue"]["last_run"] in ended
