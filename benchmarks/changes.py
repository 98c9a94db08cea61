"""`make bench-changes`: a change log of a million changes, shuffled, doubled, with two crashes, against its oracle.

The deployed use cases run over a ledger in memory and a warehouse in DuckDB that runs the load's own SQL.
CHANGES, KEYS and FILES try other sizes.
"""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import redirect_stdout

from tests.support.change_log import Size, change_log, check, load, oracle
from tests.support.pipeline import changes

SIZE = Size(*(int(os.environ.get(name, usual)) for name, usual in
              (("CHANGES", "1000000"), ("KEYS", "100000"), ("FILES", "200"))))  # fmt: skip
SEED = 20261130


def main() -> int:
    """Print what was compared; raises AssertionError where the table is not the oracle's."""
    files = change_log(SIZE, SEED)
    for name, ordering in (("by orderingColumns", ("round",)), ("by arrival", ())):
        started = time.perf_counter()
        with redirect_stdout(io.StringIO()):  # the figures of each load
            pipeline = load(changes(ordering=ordering, most_files=40), files, SEED)
        wanted = oracle(files, ordered=bool(ordering))
        check(pipeline, wanted)
        taken = time.perf_counter() - started
        print(
            f"{SIZE.changes:,} changes of {SIZE.keys:,} keys in {SIZE.files} files, each sent three times, two crashes,"
            f" {name}: the {len(wanted):,} rows of the table are the oracle's ({taken:.0f} s)",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
