"""The Glue job: one unit of a batch, its files spread over Spark's executors. It writes what the function writes.

Arguments, as Glue passes them: `--batch`, `--unit`, `--execution`, and `--settings`, JSON of the environment that a
function has.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from pyspark import SparkConf, SparkContext

from headrace.adapters.aws import client
from headrace.adapters.job_runs import GlueRuns
from headrace.adapters.spark import SparkCluster
from headrace.bootstrap.ingest import AwsServices, services
from headrace.errors import HeadraceError
from headrace.observability import logger
from headrace.usecases.unit.sole_run import become_sole
from headrace.usecases.unit.spread import RANGE_BYTES, transform_spread

LONGEST_WORDS = 1000
"""Characters of an error's message: it goes to the run's record, and from there to people."""


def main() -> None:
    """Transform the unit. What fails, fails the run with its reason as the last line."""
    arguments = _arguments()
    settings: dict[str, str] = json.loads(arguments.settings)
    os.environ.update(settings)
    logger.setLevel(settings.get("POWERTOOLS_LOG_LEVEL", "INFO"))  # executors have it before they import anything
    try:
        done = become_sole(arguments.run, GlueRuns(client("glue"), arguments.job)) if arguments.run else None
    except HeadraceError as error:
        sys.exit(_words(error))
    if done:
        print(json.dumps({"unit": arguments.unit, "done_by": done}))
        return
    # Executors have an environment of their own; Spark hands this one on to their Python processes.
    context = SparkContext(conf=SparkConf().setAppName("headrace"), environment=settings)
    context.setLogLevel("WARN")

    cluster = SparkCluster(context, _services)
    try:
        batch = services.batches.get(arguments.batch)
        summary = transform_spread(batch, arguments.unit, services, cluster, arguments.range_bytes, run=arguments.run)
    except HeadraceError as error:
        sys.exit(_words(error))
    finally:
        context.stop()
    print(json.dumps(summary))


def _words(error: HeadraceError) -> str:
    return f"{type(error).__name__}: {str(error)[:LONGEST_WORDS]}"


def _services() -> AwsServices:
    """The services of an executor's process. Imported there: this script is sent to it, with all that it names."""
    from headrace.bootstrap import ingest  # noqa: PLC0415 - in the executor's process

    return ingest.services


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--batch", required=True)
    parser.add_argument("--unit", type=int, required=True)
    parser.add_argument("--settings", required=True)
    parser.add_argument("--range-bytes", type=int, default=RANGE_BYTES)
    parser.add_argument("--JOB_NAME", dest="job", default="")
    parser.add_argument("--JOB_RUN_ID", dest="run", default="")
    known, _ = parser.parse_known_args()  # Glue adds further arguments
    return known


if __name__ == "__main__":
    main()
