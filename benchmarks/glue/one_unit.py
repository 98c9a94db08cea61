"""`python -m benchmarks.glue.one_unit ENGINE`: the unit in `HEADRACE_BENCH_FOLDER` by one engine; prints seconds."""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks.glue.folder import FOLDER, batch, services
from headrace.usecases.unit.transform import transform_unit


def main() -> None:
    """Transform the unit, and say how long it took, without the start of the engine and with it."""
    began = time.perf_counter()
    if sys.argv[1] == "function":
        summary, ready = transform_unit(batch(), 1, services()), began
    else:
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - only there

        from headrace.adapters.spark import SparkCluster  # noqa: PLC0415 - where pyspark is
        from headrace.usecases.unit.spread import transform_spread  # noqa: PLC0415 - where pyspark is

        context = SparkContext(conf=SparkConf(), environment={FOLDER: os.environ[FOLDER]})
        context.setLogLevel("ERROR")
        ready = time.perf_counter()
        summary = transform_spread(batch(), 1, services(), SparkCluster(context, services))
        context.stop()
    ended = time.perf_counter()
    print(json.dumps({"summary": summary, "seconds": ended - ready, "start": ready - began}))


if __name__ == "__main__":
    main()
